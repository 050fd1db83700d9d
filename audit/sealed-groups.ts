import {
  parseSubjectId,
  type AuditEvent,
  type Clock,
  type RandomBytes,
  type SubjectId,
} from '../kernel/index.ts';
import type { Database, Tx } from '../db/index.ts';
import { isGatehouseError } from '../kernel/index.ts';
import { commitGroup, packGroup } from './commitment.ts';
import type { AuditCrypto } from './crypto-need.ts';
import type { Commitments, GroupKind } from './leaf.ts';
import { createSharedSealing } from './shared-sealing.ts';
import { createUsualCommitments } from './usual-commitments.ts';
import { insertSealedGroups } from './store.ts';

/** Seals personal groups once per session and content, and gives their commitments. */
export type GroupSealer = {
  /** The commitments of an event when all its groups are sealed already, else null. */
  readonly known: (event: AuditEvent) => Commitments | null;
  /** Seals what is missing, inside the caller's transaction; reused by others only after it commits. */
  readonly seal: (tx: Tx, event: AuditEvent) => Promise<Commitments>;
  /** Seals what is missing in a transaction of its own; simultaneous callers share it. */
  readonly sealAlone: (event: AuditEvent) => Promise<Commitments>;
};

/** What it is made of. */
export type GroupSealerDeps = {
  readonly database: Database;
  readonly crypto: AuditCrypto;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
};

type Group = {
  readonly kind: GroupKind;
  readonly json: string;
  readonly subjectId: SubjectId | null;
  readonly key: string;
};
type SealedRow = { readonly group: Group; readonly commitment: Buffer; readonly sealed: Buffer | null };
type Cached = { readonly commitment: string; readonly until: number };

const cacheSize = 20_000;
const cacheMilliseconds = 10 * 60_000;
const saltBytes = 32;
/** Where a sealed group stands, for its associated data. */
export const groupContext = (kind: GroupKind, commitment: string) =>
  ({
    service: 'audit',
    collection: 'sealed_group',
    field: kind,
    rowId: commitment,
    purpose: 'audit',
  }) as const;

/** Remembers up to 20,000 sealed groups for ten minutes each. */
export function createGroupSealer(deps: GroupSealerDeps): GroupSealer {
  const { database, crypto, clock, randomBytes } = deps;
  const cache = new Map<string, Cached>();
  const inside = new WeakMap<Tx, Map<string, string>>();

  const usual = createUsualCommitments();

  const lookup = (key: string): string | null => {
    const cached = cache.get(key);
    return cached === undefined || cached.until < clock.now().getTime() ? null : cached.commitment;
  };
  const remember = (key: string, commitment: string): void => {
    cache.delete(key);
    cache.set(key, { commitment, until: clock.now().getTime() + cacheMilliseconds });
    if (cache.size > cacheSize) for (const oldest of cache.keys()) return void cache.delete(oldest);
  };
  const sealRow = async (tx: Tx, group: Group): Promise<SealedRow> => {
    const salted = { salt: randomBytes(saltBytes), json: group.json };
    const commitment = commitGroup(salted);
    const sealed = await sealUnlessErased(crypto, tx, group, commitment.toString('hex'), packGroup(salted));
    return { group, commitment, sealed };
  };
  /** Seals those groups that nobody sealed yet, in one statement. @returns commitments in the order given */
  const sealInside = async (tx: Tx, groups: readonly Group[]): Promise<readonly string[]> => {
    const mine = inside.get(tx) ?? new Map<string, string>();
    inside.set(tx, mine);
    const rows: SealedRow[] = [];
    for (const group of groups)
      if (lookup(group.key) === null && !mine.has(group.key)) rows.push(await sealRow(tx, group));
    if (rows.length > 0) await insertRows(tx, rows);
    for (const { group, commitment } of rows) {
      const hex = commitment.toString('hex');
      mine.set(group.key, hex);
      tx.onCommit(() => remember(group.key, hex));
    }
    return groups.map(({ key }) => mine.get(key) ?? lookup(key) ?? '');
  };
  const sealShared = createSharedSealing<Group>((tenantId, groups) =>
    crypto.warm(tenantId).then(() => database.withTenant(tenantId, (tx) => sealInside(tx, groups))),
  );
  return Object.freeze({
    known: (event: AuditEvent) => {
      const now = clock.now().getTime();
      const again = usual.find(event, now);
      if (again !== null) return again;
      const found: { -readonly [Kind in GroupKind]?: string } = {};
      let until = Infinity;
      for (const { kind, key } of groupsOf(event)) {
        const cached = cache.get(key);
        if (cached === undefined || cached.until < now) return null;
        found[kind] = cached.commitment;
        until = Math.min(until, cached.until);
      }
      usual.keep(event, found, until);
      return found;
    },
    seal: async (tx: Tx, event: AuditEvent) => {
      const groups = groupsOf(event);
      return name(groups, await sealInside(tx, groups));
    },
    sealAlone: async (event: AuditEvent) => {
      const groups = groupsOf(event);
      return name(
        groups,
        await Promise.all(
          groups.map(async (group) => lookup(group.key) ?? sealShared(event.tenantId, group)),
        ),
      );
    },
  });
}

function name(groups: readonly Group[], commitments: readonly string[]): Commitments {
  return Object.fromEntries(groups.map(({ kind }, at) => [kind, commitments[at]]));
}

async function insertRows(tx: Tx, rows: readonly SealedRow[]): Promise<void> {
  await tx.query(insertSealedGroups, [
    tx.tenantId,
    rows.map(({ commitment }) => commitment),
    rows.map(({ group }) => group.kind),
    rows.map(({ group }) => group.subjectId),
    rows.map(({ sealed }) => sealed),
  ]);
}

/** The personal groups of an event: who the actor is to a reader, and where the call came from. */
function groupsOf({ actor, call, tenantId }: AuditEvent): readonly Group[] {
  const person = 'assurance' in actor && actor.kind !== 'system' ? actor : null;
  const subjectId = person === null ? null : parseSubjectId(person.id);
  const session = person?.sessionId ?? actor.id;
  const groups: Group[] = [];
  const add = (kind: GroupKind, json: string): void =>
    void groups.push({ kind, json, subjectId, key: `${tenantId} ${session} ${actor.id} ${kind} ${json}` });
  if (person !== null)
    add(
      'actor',
      `{"displayName":${JSON.stringify(person.displayName)},"email":${JSON.stringify(person.email)}}`,
    );
  if (call !== undefined && (call.origin.ip !== null || call.origin.userAgent !== null)) {
    add(
      'origin',
      `{"ip":${JSON.stringify(call.origin.ip)},"userAgent":${JSON.stringify(call.origin.userAgent)}}`,
    );
  }
  return groups;
}

/** A person whose key is destroyed stays unreadable: the commitment is kept, what it hides is not. */
async function sealUnlessErased(
  crypto: AuditCrypto,
  tx: Tx,
  group: Group,
  commitment: string,
  packed: Buffer,
): Promise<Buffer | null> {
  const { kind, subjectId } = group;
  const scope =
    subjectId === null
      ? ({ kind: 'tenant', purpose: 'audit' } as const)
      : ({ kind: 'subject', subjectId } as const);
  try {
    return await crypto.seal(tx, scope, groupContext(kind, commitment), packed);
  } catch (error) {
    if (isGatehouseError(error) && error.code === 'ERR_CRYPTO_SHREDDED') return null;
    throw error;
  }
}
