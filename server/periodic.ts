import { requireSafeCatalog } from '../db/index.ts';
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
  ];
}

const requestIdleMilliseconds = 300;

/** What every replica looks for in a loop. */
export function tickersOf(rooms: Rooms): readonly Ticker[] {
  return [
    { name: 'the request worker', tick: rooms.dsr.worker.tick, idleMilliseconds: requestIdleMilliseconds },
  ];
}
