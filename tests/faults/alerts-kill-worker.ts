// Shows the log to the rules in small transactions until it is killed or the log is at its end. Started by alerts-kill.test.ts.
import { createAlerting } from '../../audit/alerts/alerting.ts';
import { createAudit, type Audit } from '../../audit/index.ts';
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

const [adminUrl = '', rootFile = '', tenant = ''] = process.argv.slice(2);
const tenantId = parseTenantId(tenant);
const common = {
  clock: systemClock,
  newId: () => uuidv7(Date.now(), systemRandomBytes),
  randomBytes: systemRandomBytes,
  logger: silentLogger,
};
const database = createDatabase({ urls: deriveConnectionUrls(adminUrl), logger: silentLogger });
const root = await createLocalProvider({
  file: rootFile,
  passphrase: new Secret('correct horse battery staple'),
  randomBytes: systemRandomBytes,
  costLog2: 14,
});
const crypto = createCrypto({ ...common, database, root, recordProviderCalls: false, audit: () => audit });
const audit: Audit = createAudit({
  ...common,
  database,
  crypto,
  originPrefix: 'gatehouse.test/log',
  definitions: [],
});
const { follower } = createAlerting({
  ...common,
  database,
  crypto,
  audit: () => audit,
  entriesPerTransaction: 5,
  publicUrl: '',
  send: () => Promise.resolve(),
});
process.stdout.write('begun\n');
await follower.catchUp(tenantId);
process.stdout.write('done\n');
process.exit(0);
