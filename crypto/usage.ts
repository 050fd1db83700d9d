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

/** Makes the counter. Until written, a process owes at most 1,023 messages a key. */
export function createUsage(database: Database, logger: Logger): Usage {
  let pending = new Map<TenantId, Map<KeyId, number>>();
  let keysPending = 0;
  let writing: Promise<void> = Promise.resolve();
  const takeAll = (): Map<TenantId, Map<KeyId, number>> => {
    const taken = pending;
    pending = new Map();
    keysPending = 0;
    return taken;
  };
  const write = (taken: ReadonlyMap<TenantId, ReadonlyMap<KeyId, number>>): Promise<void> => {
    writing = writing
      .then(() => writeCounts(database, taken))
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
      const keys = pending.get(tenantId) ?? new Map<KeyId, number>();
      pending.set(tenantId, keys);
      const before = keys.get(kid) ?? 0;
      if (before === 0) keysPending += 1;
      keys.set(kid, before + messages);
      if (before + messages >= writeAt) {
        keys.delete(kid);
        keysPending -= 1;
        void write(new Map([[tenantId, new Map([[kid, before + messages]])]]));
      } else if (keysPending >= maxKeysPending) void write(takeAll());
    },
    flush: () => write(takeAll()),
  });
}

async function writeCounts(
  database: Database,
  taken: ReadonlyMap<TenantId, ReadonlyMap<KeyId, number>>,
): Promise<void> {
  for (const [tenantId, keys] of taken) {
    const entries = [...keys];
    for (let at = 0; at < entries.length; at += keysPerStatement) {
      const part = entries.slice(at, at + keysPerStatement);
      const kids = part.map(([kid]) => Buffer.from(kid, 'hex'));
      const counts = part.map(([, count]) => count);
      await database.withTenant(tenantId, (tx) => tx.query(addMessages, [tenantId, kids, counts]));
    }
  }
}
