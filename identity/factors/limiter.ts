import type { Database } from '../../db/index.ts';
import type { Clock, TenantId } from '../../kernel/index.ts';
import { sha256 } from '../digest.ts';
import { identityError } from '../errors.ts';
import { countAttempt, forgetAttempts, refundAttempt, type AttemptRow } from './store-factors.ts';

/** What is limited: a factor of a user, or an address. */
export type AttemptBucket =
  | { readonly kind: 'password'; readonly email: string }
  | { readonly kind: 'second_factor'; readonly userId: string }
  | { readonly kind: 'address'; readonly ip: string };

const windowSeconds = 900;
const triesPerWindow: Readonly<Record<AttemptBucket['kind'], number>> = {
  password: 5,
  second_factor: 5,
  address: 100,
};
/** NIST SP 800-63B: no more than 100 failures in a row; then an administrator must let the user in again. */
const hardStop = 100;

/** Counts tries before anything is verified, in a transaction of its own, so that no later failure can undo the count. */
export type Limiter = {
  /** @throws ERR_TOO_MANY_TRIES */
  readonly count: (tenantId: TenantId, buckets: readonly AttemptBucket[]) => Promise<void>;
  /** After a success: the user's count starts anew, the address gets this try back. */
  readonly succeeded: (tenantId: TenantId, buckets: readonly AttemptBucket[]) => Promise<void>;
};

/** Name of a bucket as stored; a hash, so that the table holds no address and no e-mail. */
export function bucketKey(bucket: AttemptBucket): Buffer {
  switch (bucket.kind) {
    case 'password':
      return sha256(`password|${bucket.email}`);
    case 'second_factor':
      return sha256(`second_factor|${bucket.userId}`);
    case 'address':
      return sha256(`address|${bucket.ip}`);
  }
}

/** The limiter: 5 tries in 15 minutes for each user and factor, 100 for each address. */
export function createLimiter(deps: { readonly database: Database; readonly clock: Clock }): Limiter {
  return Object.freeze({
    count: async (tenantId: TenantId, buckets: readonly AttemptBucket[]) => {
      const now = deps.clock.now();
      const oldest = new Date(now.getTime() - windowSeconds * 1000);
      // A refused try looks at nothing, so its count is rolled back: whoever goes on knocking cannot lengthen the lock
      // of somebody else, nor use up the address of their neighbours.
      await deps.database.withTenant(tenantId, async (tx) => {
        for (const bucket of buckets) {
          const { rows } = await tx.query<AttemptRow>(countAttempt, [
            tenantId,
            bucketKey(bucket),
            now,
            oldest,
          ]);
          const waitSeconds = rows[0] === undefined ? windowSeconds : refusal(rows[0], bucket, now);
          if (waitSeconds !== null) throw tooMany(waitSeconds);
        }
      });
    },
    succeeded: async (tenantId: TenantId, buckets: readonly AttemptBucket[]) => {
      await deps.database.withTenant(tenantId, async (tx) => {
        const own = buckets.filter((bucket) => bucket.kind !== 'address').map(bucketKey);
        await tx.query(forgetAttempts, [tenantId, own]);
        for (const bucket of buckets) {
          if (bucket.kind === 'address') await tx.query(refundAttempt, [tenantId, bucketKey(bucket)]);
        }
      });
    },
  });
}

function refusal(row: AttemptRow, bucket: AttemptBucket, now: Date): number | null {
  if (bucket.kind !== 'address' && row.consecutive > hardStop) return windowSeconds;
  if (row.tries <= triesPerWindow[bucket.kind]) return null;
  return Math.max(1, Math.ceil(windowSeconds - (now.getTime() - row.window_started_at.getTime()) / 1000));
}

function tooMany(waitSeconds: number): Error {
  return identityError(
    'ERR_TOO_MANY_TRIES',
    429,
    `too many tries; wait ${waitSeconds} seconds before the next one`,
    {
      details: { retryAfterSeconds: waitSeconds },
    },
  );
}
