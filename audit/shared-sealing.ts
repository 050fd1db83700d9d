import type { TenantId } from '../kernel/index.ts';

/** Something to seal; equal keys are sealed once. */
type Keyed = { readonly key: string };
type Waiting<Group> = {
  readonly group: Group;
  readonly resolve: (commitment: string) => void;
  readonly reject: (error: unknown) => void;
};

const largestBatch = 500;

/**
 * Lets many callers share transactions: what arrives for a tenant while its last transaction ran is sealed in the next.
 * When a shared transaction fails, its groups are tried alone, so that one does not fail the others.
 *
 * @param seal - seals groups in a transaction of their own; gives commitments in the same order
 */
export function createSharedSealing<Group extends Keyed>(
  seal: (tenantId: TenantId, groups: readonly Group[]) => Promise<readonly string[]>,
): (tenantId: TenantId, group: Group) => Promise<string> {
  const joining = new Map<string, Promise<string>>();
  const queues = new Map<TenantId, Waiting<Group>[]>();
  const settle = async (tenantId: TenantId, batch: readonly Waiting<Group>[]): Promise<void> => {
    try {
      const commitments = await seal(
        tenantId,
        batch.map(({ group }) => group),
      );
      for (const [at, { resolve }] of batch.entries()) resolve(commitments[at] ?? '');
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error);
      else for (const one of batch) await settle(tenantId, [one]);
    }
  };
  const run = async (tenantId: TenantId, queue: Waiting<Group>[]): Promise<void> => {
    await Promise.resolve(); // lets everything of this turn join
    while (queue.length > 0) await settle(tenantId, queue.splice(0, largestBatch));
    queues.delete(tenantId);
  };
  return (tenantId, group) => {
    const joined = joining.get(group.key);
    if (joined !== undefined) return joined;
    const fresh = new Promise<string>((resolve, reject) => {
      const queue = queues.get(tenantId);
      if (queue !== undefined) return void queue.push({ group, resolve, reject });
      const begun = [{ group, resolve, reject }];
      queues.set(tenantId, begun);
      void run(tenantId, begun);
    }).finally(() => joining.delete(group.key));
    joining.set(group.key, fresh);
    return fresh;
  };
}
