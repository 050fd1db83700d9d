// Prunes in small batches while it records, until it is killed; prints a line after each batch. Started by audit-prune-kill.test.ts.
import { z } from 'zod';
import { createAudit, type Audit } from '../../audit/index.ts';
import { createCrypto, createLocalProvider, cryptoEvents } from '../../crypto/index.ts';
import { createDatabase, deriveConnectionUrls } from '../../db/index.ts';
import {
  defineEvent,
  parseTenantId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
} from '../../kernel/index.ts';

const [adminUrl = '', rootFile = '', tenant = ''] = process.argv.slice(2);
const tenantId = parseTenantId(tenant);
const probed = defineEvent({
  action: 'faults.probe_recorded',
  version: 1,
  category: 'system',
  summary: 'A probe of the kill test.',
  detail: z.strictObject({ n: z.int() }),
  ocsf: { classUid: 6002, activityId: 1 },
});
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
  definitions: [probed, ...cryptoEvents],
  pruneBatchEntries: 256,
});
await audit.start();

async function load(): Promise<never> {
  for (let n = 0; ; n += 1)
    await audit.record({
      definition: probed,
      tenantId,
      outcome: 'success',
      actor: { kind: 'system', id: 'prune-test', displayName: 'Prune test' },
      detail: { n },
    });
}

void load();
for (;;) {
  if ((await audit.pruning.tick()) > 0) process.stdout.write('batch\n');
  else await new Promise((wake) => setTimeout(wake, 20));
}
