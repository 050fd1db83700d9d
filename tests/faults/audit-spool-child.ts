// Reads while the log cannot be written (`read`), or brings what waits into it (`replay`), until it is killed. Started by
// audit-spool-kill.test.ts.
import { z } from 'zod';
import { cryptoEvents } from '../../crypto/index.ts';
import { defineEvent, parseTenantId } from '../../kernel/index.ts';
import { openChildHouse } from './child-house.ts';

const [adminUrl = '', rootFile = '', tenant = '', spoolFolder = '', mode = ''] = process.argv.slice(2);
const tenantId = parseTenantId(tenant);
const probed = defineEvent({
  action: 'contacts.contact_read',
  version: 1,
  category: 'data',
  summary: 'A contact was read.',
  detail: z.strictObject({ count: z.int(), note: z.string().optional() }),
  ocsf: { classUid: 6005, activityId: 1 },
});
const { audit } = await openChildHouse(
  { adminUrl, rootFile },
  {
    definitions: [probed, ...cryptoEvents],
    spoolFolder,
    spoolLimits: { deadMilliseconds: 200 },
    confirmMilliseconds: 1_500,
  },
);
await audit.start();
const actor = { kind: 'system', id: 'spool-test', displayName: 'Spool test' } as const;
for (let count = 0; ; count += 1) {
  if (mode === 'read') {
    await audit.record({ definition: probed, tenantId, outcome: 'success', actor, detail: { count } });
    process.stdout.write(`${count}\n`);
  } else await audit.spool.tick();
}
