import type { Database } from '../db/index.ts';
import type { KeyId, Logger, TenantId } from '../kernel/index.ts';
import { addMessages } from './store.ts';

/** Counts sealed messages per key and writes them coarsely, outside the callers' transactions. */
export type Usage = {
  readonly record: (tenantId: TenantId, kid: KeyId, messages: number) => void;
  /** Writes everything outstanding. */
  readonly flush: () => Promise<void>;
};

const writeAt = 1_024;
const maxKeysPending = 50_000;
const keysPerStatement = 5_000;
/** A key may be counted before the transaction that made it has committed; one that never commits is given up. */
const attempts = 5;

type Owed = { readonly messages: number; readonly attempt: number };
type OwedByTenant = ReadonlyMap<TenantId, ReadonlyMap<KeyId, Owed>>;

/** Makes the counter. Until written, a process owes at most 1,023 messages a key. */
export function createUsage(database: Database, logger: Logger): Usage {
  let pending = new Map<TenantId, Map<KeyId, Owed>>();
  let keysPending = 0;
  let writing: Promise<void> = Promise.resolve();
  const owe = (tenantId: TenantId, kid: KeyId, messages: number, attempt: number): number => {
    const keys = pending.get(tenantId) ?? new Map<KeyId, Owed>();
    pending.set(tenantId, keys);
    const before = keys.get(kid);
    if (before === undefined) keysPending += 1;
    const owed = {
      messages: (before?.messages ?? 0) + messages,
      attempt: Math.max(before?.attempt ?? 1, attempt),
    };
    keys.set(kid, owed);
    return owed.messages;
  };
  const takeAll = (): OwedByTenant => {
    const taken = pending;
    pending = new Map();
    keysPending = 0;
    return taken;
  };
  const takeOne = (tenantId: TenantId, kid: KeyId): OwedByTenant => {
    const owed = pending.get(tenantId)?.get(kid);
    pending.get(tenantId)?.delete(kid);
    keysPending -= 1;
    return new Map([[tenantId, new Map(owed === undefined ? [] : [[kid, owed]])]]);
  };
  const keepUnknown = (tenantId: TenantId, kid: KeyId, { messages, attempt }: Owed): void => {
    if (attempt < attempts) owe(tenantId, kid, messages, attempt + 1);
  };
  const write = (taken: OwedByTenant): Promise<void> => {
    writing = writing
      .then(() => writeCounts(database, taken, keepUnknown))
      .catch((error: unknown) => {
        logger.warn(
          'message counts of data keys could not be written; they are counted again from the last written value',
          { error },
        );
      });
    return writing;
  };
  return Object.freeze({
    record: (tenantId: TenantId, kid: KeyId, messages: number) => {
      const owed = owe(tenantId, kid, messages, 1);
      if (owed >= writeAt && owed % writeAt < messages) void write(takeOne(tenantId, kid));
      else if (keysPending >= maxKeysPending) void write(takeAll());
    },
    flush: async () => {
      await writing;
      await write(takeAll());
    },
  });
}

/** @param unknown - told of keys that no committed row has, or whose row counts no more */
async function writeCounts(
  database: Database,
  taken: OwedByTenant,
  unknown: (tenantId: TenantId, kid: KeyId, owed: Owed) => void,
): Promise<void> {
  for (const [tenantId, keys] of taken) {
    const entries = [...keys];
    for (let at = 0; at < entries.length; at += keysPerStatement) {
      const part = entries.slice(at, at + keysPerStatement);
      const kids = part.map(([kid]) => Buffer.from(kid, 'hex'));
      const counts = part.map(([, { messages }]) => messages);
      const { rows } = await database.withTenant(tenantId, (tx) =>
        tx.query<{ kid: Buffer }>(addMessages, [tenantId, kids, counts]),
      );
      if (rows.length === part.length) continue;
      const written = new Set(rows.map(({ kid }) => kid.toString('hex')));
      for (const [kid, owed] of part) if (!written.has(kid)) unknown(tenantId, kid, owed);
    }
  }
}
