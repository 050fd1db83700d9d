import { writeFile } from 'node:fs/promises';
import { trailRead } from '../../audit/index.ts';
import { parseTenantId, type TenantId } from '../../kernel/index.ts';
import { exactlyOne, statement } from '../../db/index.ts';
import type { OpenedHouse } from '../open-house.ts';
import { withHouse } from '../open-house.ts';
import { UsageError, type Command, type CommandInput } from '../command.ts';

const findTenants = statement(
  'cli.audit_find_tenants',
  `select t.id from db.tenant t join audit.log l on l.tenant_id = t.id where t.slug = $1`,
);

/** The proof of one event as a file. */
export const proofCommand: Command = {
  name: 'audit proof',
  summary: 'Write the proof of an event as a .tlog-proof file (c2sp.org/tlog-proof)',
  usage:
    'gatehouse audit proof SEQ --tenant SLUG [--size CHECKPOINT] [--out FILE]   (default: standard output)',
  options: { tenant: { type: 'string' }, size: { type: 'string' }, out: { type: 'string' } },
  run: async (input) => {
    const seq = readNumber(input.positionals[0], 'the sequence number of an event');
    const size = input.values['size'] === undefined ? undefined : readNumber(input.values['size'], '--size');
    const proof = await withHouse(input.io, (opened) => prove(opened, input, seq, size));
    const { out } = input.values;
    if (typeof out === 'string') await writeFile(out, proof);
    else input.io.out(input.json ? JSON.stringify({ seq, proof }) : proof.replace(/\n$/, ''));
    return 0;
  },
};

/** Reading the trail is recorded, from here as well. */
async function prove(
  { house }: OpenedHouse,
  input: CommandInput,
  seq: number,
  size: number | undefined,
): Promise<string> {
  const { audit, database } = house;
  const tenantId = await findTenant(house, input.values['tenant']);
  await audit.keysOf(await audit.prepare(tenantId));
  return database.withTenant(tenantId, async (tx) => {
    const proof = await audit.tlogProof(tx, seq, size);
    await audit.append(tx, {
      definition: trailRead,
      tenantId,
      outcome: 'success',
      actor: { kind: 'system', id: 'cli', displayName: 'Command line' },
      detail: { what: 'proof', seq, returned: 1 },
    });
    return proof;
  });
}

async function findTenant(
  { database }: OpenedHouse['house'],
  slug: string | boolean | undefined,
): Promise<TenantId> {
  if (typeof slug !== 'string') throw new UsageError('say whose log: --tenant SLUG');
  const found = await database.withSystem((tx) => tx.query<{ id: string }>(findTenants, [slug]));
  if (found.rows.length === 0) throw new UsageError(`there is no tenant "${slug}" with a log`);
  return parseTenantId(exactlyOne(found, 'tenant').id);
}

function readNumber(text: string | boolean | undefined, what: string): number {
  if (typeof text !== 'string' || !/^(0|[1-9]\d{0,15})$/.test(text))
    throw new UsageError(`give ${what} as a whole number`);
  return Number(text);
}
