import { requireSafeCatalog } from '../db/index.ts';
import { eachTenant } from './each-tenant.ts';
import type { Rooms } from './rooms.ts';
import type { CronJob, Ticker } from './jobs.ts';

/** What one of the replicas does at fixed times. */
export function cronJobsOf(rooms: Rooms): readonly CronJob[] {
  return [
    {
      name: 'server.check-catalog',
      cron: '17 * * * *',
      run: () => requireSafeCatalog(rooms.database.urls.app),
    },
    { name: 'audit.begin-pruning', cron: '41 * * * *', run: rooms.audit.pruning.beginDue },
    {
      // Looks every ten minutes for logs whose last full verification is a day old.
      name: 'audit.verify-logs',
      cron: '*/10 * * * *',
      run: async () => void (await rooms.audit.verifier.verifyDue()),
    },
    {
      name: 'crypto.settle-approvals',
      cron: '* * * * *',
      run: () =>
        eachTenant(rooms.database, rooms.logger, 'settling approvals', (tenantId) =>
          rooms.database.withTenant(tenantId, (tx) => rooms.dualControl.settle(tx)),
        ),
    },
    {
      name: 'crypto.life-of-keys',
      cron: '*/5 * * * *',
      run: () => eachTenant(rooms.database, rooms.logger, 'the life of keys', rooms.crypto.erasure.tick),
    },
    {
      name: 'crypto.sweep-columns',
      cron: '* * * * *',
      run: async () => {
        if (!(await rooms.columns.isAnyPrepared())) return;
        await eachTenant(
          rooms.database,
          rooms.logger,
          'sealing what was written beside a ciphertext',
          (tenantId) => rooms.columns.sweep(tenantId, sweeper),
        );
      },
    },
    {
      name: 'crypto.maintain-certificates',
      cron: '7 * * * *',
      run: () => eachTenant(rooms.database, rooms.logger, 'looking after certificates', rooms.pki.maintain),
    },
  ];
}

const sweeper = Object.freeze({ kind: 'system', id: 'crypto', displayName: 'Column migrations' } as const);
const requestIdleMilliseconds = 300;
const keyWorkIdleMilliseconds = 2_000;
/** How long a tenant's checkpoint may wait for the platform log, and that one for its witnesses. */
const platformLogMilliseconds = 1_000;
const sinkIdleMilliseconds = 1_000;
const searchIdleMilliseconds = 500;
const spoolIdleMilliseconds = 2_000;
const intentIdleMilliseconds = 30_000;
const pruneIdleMilliseconds = 10_000;
const viewIdleMilliseconds = 20_000;
const alertIdleMilliseconds = 1_000;
const alertMailIdleMilliseconds = 5_000;
const ledgerIdleMilliseconds = 60_000;

/** What every replica looks for in a loop. */
export function tickersOf(rooms: Rooms): readonly Ticker[] {
  return [
    {
      name: 'delivery of the trail',
      tick: rooms.audit.sinks.worker.tick,
      idleMilliseconds: sinkIdleMilliseconds,
    },
    {
      name: 'the shred ledger',
      tick: rooms.crypto.shredLedger.tick,
      idleMilliseconds: ledgerIdleMilliseconds,
    },
    {
      name: 'search of the trail',
      tick: rooms.audit.projector.tick,
      idleMilliseconds: searchIdleMilliseconds,
    },
    {
      name: 'rules over the trail',
      tick: rooms.audit.alerting.follower.tick,
      idleMilliseconds: alertIdleMilliseconds,
    },
    {
      name: 'mails about alerts',
      tick: rooms.audit.alerting.deliverMails,
      idleMilliseconds: alertMailIdleMilliseconds,
    },
    {
      name: 'records that wait on disk',
      tick: rooms.audit.spool.tick,
      idleMilliseconds: spoolIdleMilliseconds,
    },
    {
      name: 'effects without an outcome',
      tick: rooms.audit.intents.findOrphans,
      idleMilliseconds: intentIdleMilliseconds,
    },
    {
      name: 'pruning of the trail',
      tick: rooms.audit.pruning.tick,
      idleMilliseconds: pruneIdleMilliseconds,
    },
    { name: 'saved views', tick: rooms.audit.deliverViews, idleMilliseconds: viewIdleMilliseconds },
    { name: 'the request worker', tick: rooms.dsr.worker.tick, idleMilliseconds: requestIdleMilliseconds },
    { name: 'work on keys', tick: rooms.crypto.jobs.tick, idleMilliseconds: keyWorkIdleMilliseconds },
    {
      name: 'the platform log',
      tick: once(rooms.audit.platform.advance),
      idleMilliseconds: platformLogMilliseconds,
    },
    {
      name: 'the witnesses',
      tick: once(rooms.audit.witnesses.tick),
      idleMilliseconds: platformLogMilliseconds,
    },
  ];
}

/** A step that is due at a steady pace, however much it did. */
function once(step: () => Promise<unknown>): Ticker['tick'] {
  return async () => {
    await step();
    return 0;
  };
}
