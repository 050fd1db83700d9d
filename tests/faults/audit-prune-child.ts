// Prunes in small batches while it records, until it is killed; prints a line after each batch. Started by audit-prune-kill.test.ts.
import { z } from 'zod';
import { cryptoEvents } from '../../crypto/index.ts';
import { defineEvent, parseTenantId } from '../../kernel/index.ts';
import { openChildHouse } from './child-house.ts';

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
const { audit } = await openChildHouse(
  { adminUrl, rootFile },
  { definitions: [probed, ...cryptoEvents], pruneBatchEntries: 256 },
);
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
