import { createAudit, type Audit } from '../../audit/index.ts';
import { createCrypto, createLocalProvider, cryptoEvents, type Crypto } from '../../crypto/index.ts';
import { createDatabase, deriveConnectionUrls } from '../../db/index.ts';
import { createDsr, dsrEvents } from '../../dsr/index.ts';
import { loadBuiltInDataMap } from '../../examples/marketing/data-map.ts';
import { Secret, silentLogger, systemClock, systemRandomBytes, uuidv7 } from '../../kernel/index.ts';

/** A worker in a process of its own, so that it can be killed. Arguments: administrator's URL, root key file. */
const [adminUrl = '', rootFile = ''] = process.argv.slice(2);
const database = createDatabase({ urls: deriveConnectionUrls(adminUrl), logger: silentLogger });
const root = await createLocalProvider({
  file: rootFile,
  passphrase: new Secret('a passphrase for tests only'),
  randomBytes: systemRandomBytes,
  costLog2: 14,
});
const shared = {
  database,
  clock: systemClock,
  randomBytes: systemRandomBytes,
  newId: () => uuidv7(Date.now(), systemRandomBytes),
  logger: silentLogger,
};
const crypto: Crypto = createCrypto({ ...shared, root, recordProviderCalls: false, audit: () => audit });
const audit: Audit = createAudit({
  ...shared,
  crypto,
  originPrefix: 'gatehouse.test/log',
  definitions: [...cryptoEvents, ...dsrEvents],
});
await audit.start();
const mailer = { send: () => Promise.resolve() };
const dsr = createDsr({
  ...shared,
  crypto,
  audit,
  dataMap: loadBuiltInDataMap(),
  mailer,
  publicUrl: 'https://gatehouse.test',
  options: { leaseSeconds: 1 },
});
process.stdout.write('ready\n');
for (;;) if ((await dsr.worker.tick()) === 0) await new Promise((wake) => setTimeout(wake, 10));
