import { createCrypto, createLocalProvider } from '../../crypto/index.ts';
import { createDatabase, deriveConnectionUrls } from '../../db/index.ts';
import { loadBuiltInDataMap } from '../../examples/marketing/data-map.ts';
import { Secret, silentLogger, systemClock, systemRandomBytes, uuidv7 } from '../../kernel/index.ts';
import { sealedTablesOf } from '../../server/sealed-tables.ts';

/** A process that carries works on keys on, so that it can be killed. Arguments: administrator's URL, root key file. */
const [adminUrl = '', rootFile = ''] = process.argv.slice(2);
const database = createDatabase({ urls: deriveConnectionUrls(adminUrl), logger: silentLogger });
const root = await createLocalProvider({
  file: rootFile,
  passphrase: new Secret('a passphrase for tests only'),
  randomBytes: systemRandomBytes,
  costLog2: 14,
});
const tables = sealedTablesOf(loadBuiltInDataMap());
const crypto = createCrypto({
  database,
  root,
  logger: silentLogger,
  clock: systemClock,
  randomBytes: systemRandomBytes,
  newId: () => uuidv7(Date.now(), systemRandomBytes),
  audit: () => ({ append: () => Promise.resolve(), record: () => Promise.resolve() }),
  tables: async () => tables,
  recordProviderCalls: false,
  jobLeaseSeconds: 1,
  indexVersionMilliseconds: 100,
});
process.stdout.write('ready\n');
for (;;) if ((await crypto.jobs.tick()) === 0) await new Promise((wake) => setTimeout(wake, 10));
