// Carries the migration of one column on, from whatever state it finds, until it is killed. Started by columns-kill.test.ts.
import { createCrypto, createLocalProvider } from '../../crypto/index.ts';
import { createDatabase, deriveConnectionUrls } from '../../db/index.ts';
import {
  parseTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
} from '../../kernel/index.ts';
import { createColumnHouse, engineer, noteField } from '../support/column-house.ts';

/** Arguments: administrator's URL, root key file, tenants apart by commas, how far to go. */
const [adminUrl = '', rootFile = '', tenantList = '', goal = ''] = process.argv.slice(2);
const tenants = tenantList.split(',').map(parseTenantId);
const database = createDatabase({ urls: deriveConnectionUrls(adminUrl), logger: silentLogger });
const root = await createLocalProvider({
  file: rootFile,
  passphrase: new Secret('a passphrase for tests only'),
  randomBytes: systemRandomBytes,
  costLog2: 14,
});
const none = async (): Promise<void> => undefined;
const crypto = createCrypto({
  database,
  root,
  audit: () => ({ append: none, record: none }),
  clock: systemClock,
  randomBytes: systemRandomBytes,
  newId: () => uuidv7(Date.now(), systemRandomBytes),
  logger: silentLogger,
});
const house = createColumnHouse({
  database,
  adminUrl,
  crypto,
  audit: { append: none, record: none },
  leaseSeconds: 0.3,
});
const say = (word: string): void => void process.stdout.write(`${word}\n`);

/** Somebody who was killed holds the lease for a moment. */
async function patient<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!String((error as Error).message).includes('another process')) throw error;
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }
}

async function bringOn(tenantId: (typeof tenants)[number]): Promise<void> {
  for (;;) {
    const { id, state } = await house.migrationOf(tenantId);
    say(state);
    if (state === goal || state === 'cut_over') return;
    const common = { actor: engineer, batchSize: 20 };
    if (state === 'dual_write')
      await patient(() =>
        house.columns.backfill(tenantId, id, { ...common, onProgress: () => say('batch') }),
      );
    if (state === 'backfilled')
      await patient(() =>
        house.columns.verify(tenantId, id, { ...common, onProgress: () => say('checked') }),
      );
    if (state === 'verified')
      await database.withTenant(tenantId, (tx) => house.columns.cutOver(tx, id, engineer));
  }
}

say('ready');
if (goal === 'reverted') {
  await house.administration.revert(noteField);
} else {
  if (goal !== 'dropped' || (await isHere())) {
    await house.administration.start(noteField);
    say('started');
    for (const tenantId of tenants) await bringOn(tenantId);
  }
  if (goal === 'dropped') {
    for (const tenantId of tenants) {
      const { id, state } = await house.migrationOf(tenantId);
      if (state === 'cut_over' && (await isHere()))
        await database.withTenant(tenantId, (tx) =>
          house.columns.approveDrop(tx, { id, proposalId: 'test', actor: engineer }),
        );
    }
    say('approved');
    await house.administration.drop(noteField);
  }
}
say('done');
await crypto.stop();
await database.close();
process.exit(0);

async function isHere(): Promise<boolean> {
  const phases = await database.withTenant(tenants[0] ?? parseTenantId(''), (tx) => house.columns.phases(tx));
  return phases.every(({ phase }) => phase !== 'ciphertext');
}
