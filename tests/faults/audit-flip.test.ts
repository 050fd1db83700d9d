import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  formatEntryBundle,
  parseEntryBundle,
  parseVerifierKey,
  verifyDatabase,
  verifyLog,
  type VerifyReport,
} from '../../audit/index.ts';
import type { Queries } from '../../db/index.ts';
import { isGatehouseError, parseSubjectId, type TenantId } from '../../kernel/index.ts';
import {
  createAuditFixture,
  createEvent,
  createPrincipal,
  newId,
  type AuditFixture,
} from '../audit/fixture.ts';

/** Every byte in a long run; every so many in a short one, another offset each time. */
const stride = Number(process.env['GATEHOUSE_FAULT_ROUNDS'] ?? 4) >= 50 ? 1 : 61;
const offset = Math.floor(Math.random() * stride);

type Row = Record<string, unknown>;
/** What a verification reads, kept in memory, so that one byte after the other can be flipped. */
type Copy = { readonly tenant: TenantId; readonly answers: Map<string, Row[]> };

let house: AuditFixture;
let small: Copy;
let tiled: Copy;
beforeAll(async () => {
  house = await createAuditFixture();
  small = await copyLog(7);
  tiled = await copyLog(258);
});
afterAll(() => house.close());

async function copyLog(events: number): Promise<Copy> {
  const tenant = await house.db.createTenant();
  const actor = createPrincipal(tenant);
  const made = Array.from({ length: events }, (_, n) =>
    createEvent(tenant, { actor, subjects: [parseSubjectId(newId())], idempotencyKey: `k${n}` }),
  );
  for (const event of made.slice(0, 7)) await house.audit.record(event); // a checkpoint each
  await house.audit.recordMany(made.slice(7));
  await house.audit.flush();
  const answers = new Map<string, Row[]>();
  await house.db.database.withTenant(tenant, (tx) =>
    verifyDatabase(
      {
        ...tx,
        query: async (statement, values = []) => {
          const result = await tx.query(statement, values);
          answers.set(keyOf(statement.name, values), result.rows as Row[]);
          return result as never; // the same rows
        },
      },
      tenant,
    ),
  );
  return { tenant, answers };
}

const keyOf = (name: string, values: readonly unknown[]): string => `${name} ${JSON.stringify(values)}`;

const subjectsOf = 'audit.select_subjects_of';

/** Asked for other pairs when a body cannot be read, so it is answered as the database would. */
function pairs(answers: Copy['answers'], [, subjects, seqs]: readonly unknown[]): Row[] {
  const asked = (subjects as string[]).map((subject, at) => `${subject} ${(seqs as number[])[at]}`); // two columns
  const kept = [...answers].filter(([key]) => key.startsWith(`${subjectsOf} `)).flatMap(([, rows]) => rows);
  return kept.filter((row) => asked.includes(`${String(row['subjectId'])} ${String(row['seq'])}`));
}

/** Verifies a copy; an error that says so is a finding too. */
async function verify({ tenant, answers }: Copy): Promise<Pick<VerifyReport, 'findings' | 'firstBadSeq'>> {
  const queries = {
    query: async (statement: { name: string }, values: readonly unknown[] = []) => {
      const rows =
        statement.name === subjectsOf
          ? pairs(answers, values)
          : (answers.get(keyOf(statement.name, values)) ?? []);
      return { rows, rowCount: rows.length };
    },
  } as unknown as Queries; // the part that verification uses
  try {
    return await verifyDatabase(queries, tenant);
  } catch (error) {
    if (!isGatehouseError(error) && !(error instanceof RangeError)) throw error;
    return { findings: [{ kind: 'head', seq: null, message: String(error) }], firstBadSeq: null };
  }
}

/** Every way to change one byte, character or number of a value. */
function* changes(value: unknown, step: number): Generator<unknown> {
  if (Buffer.isBuffer(value)) {
    for (let at = offset % step; at < value.length; at += step) {
      const copy = Buffer.from(value);
      copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
      yield copy;
    }
  } else if (typeof value === 'string') {
    for (let at = offset % step; at < value.length; at += step)
      yield value.slice(0, at) + String.fromCharCode(value.charCodeAt(at) ^ 1) + value.slice(at + 1);
  } else if (typeof value === 'number') yield value + 1;
  else if (value instanceof Date) yield new Date(value.getTime() + 1);
}

/** Flips everything in the rows that a statement gave. @returns what was not noticed, and how much was flipped */
async function flipAll(
  copy: Copy,
  statement: string,
  seqOf: (row: Row) => number | null,
  columns: readonly string[],
) {
  const missed: string[] = [];
  let flipped = 0;
  for (const [key, rows] of copy.answers) {
    if (!key.startsWith(`${statement} `)) continue;
    for (const [at, row] of rows.entries()) {
      for (const column of columns) {
        for (const changed of changes(row[column], stride)) {
          rows[at] = { ...row, [column]: changed };
          const { findings, firstBadSeq } = await verify(copy);
          const wanted = seqOf(row);
          if (findings.length === 0 || (wanted !== null && firstBadSeq !== wanted))
            missed.push(
              `${statement} row ${at} ${column}: found ${findings.length}, first bad ${firstBadSeq}, wanted ${wanted}`,
            );
          flipped += 1;
        }
      }
      rows[at] = row;
    }
  }
  return { missed: missed.slice(0, 5), flipped };
}

describe('one byte flipped, wherever it stands, is found', () => {
  test('and the untouched copy is sound', async () => {
    expect((await verify(small)).findings).toEqual([]);
    expect((await verify(tiled)).findings).toEqual([]);
  });

  test('in a row of entries: body, hash and every indexed column, at its sequence number', async () => {
    const columns = [
      'seq',
      'id',
      'occurredAt',
      'receivedAt',
      'action',
      'outcome',
      'actorId',
      'targets',
      'idempotencyKey',
      'leafHash',
      'body',
    ];
    const { missed, flipped } = await flipAll(
      small,
      'audit.select_for_verification',
      ({ seq }) => seq as number,
      columns,
    );
    expect(missed).toEqual([]);
    expect(flipped).toBeGreaterThan(100);
  }, 300_000);

  test('in a kept checkpoint, at the entry it ends with', async () => {
    const { missed } = await flipAll(small, 'audit.select_checkpoints', () => null, ['size', 'root', 'note']);
    expect(missed).toEqual([]);
  }, 300_000);

  test('in the head, its frontier, its checkpoint, and the key of the log', async () => {
    for (const [statement, columns] of [
      ['audit.select_head_row', ['size', 'root', 'frontier', 'note']],
      ['audit.select_log_by_tenant', ['vkey', 'origin']],
    ] as const)
      expect((await flipAll(small, statement, () => null, columns)).missed).toEqual([]);
  }, 120_000);

  test("in the rows of people's histories", async () => {
    const columns = ['seq', 'subjectId'];
    const { missed } = await flipAll(small, 'audit.select_subjects_of', ({ seq }) => seq as number, columns);
    expect(missed).toEqual([]);
  }, 120_000);

  test('in a stored tile or the root beside it', async () => {
    const { missed, flipped } = await flipAll(tiled, 'audit.select_tile_with_root', () => null, [
      'hashes',
      'root',
    ]);
    expect(missed).toEqual([]);
    expect(flipped).toBeGreaterThan(100);
  }, 600_000);

  test('in a bundle or its lengths, as a stranger reads them', async () => {
    const bodies = [...small.answers]
      .filter(([key]) => key.startsWith('audit.select_for_verification '))
      .flatMap(([, rows]) => rows.map(({ body }) => body as Buffer));
    const [log] =
      [...small.answers].find(([key]) => key.startsWith('audit.select_log_by_tenant '))?.[1] ?? [];
    const [head] = [...small.answers].find(([key]) => key.startsWith('audit.select_head_row '))?.[1] ?? [];
    const read = async (bundle: Buffer): Promise<number> => {
      try {
        const entries = parseEntryBundle(bundle);
        const report = await verifyLog({
          verifiers: [parseVerifierKey(String(log?.['vkey']))],
          head: String(head?.['note']),
          entries: async function* () {
            for (const [seq, body] of entries.entries()) yield { seq, body };
          },
          tile: async () => undefined,
          checkpoints: async function* () {},
        });
        return report.findings.length;
      } catch (error) {
        if (!isGatehouseError(error)) throw error;
        return 1;
      }
    };
    const bundle = formatEntryBundle(bodies);
    expect(await read(bundle)).toBe(0);
    for (const changed of changes(bundle, stride)) expect(await read(changed as Buffer)).toBeGreaterThan(0);
  }, 120_000);
});
