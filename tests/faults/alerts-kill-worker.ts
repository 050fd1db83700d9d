// Shows the log to the rules in small transactions until it is killed or the log is at its end. Started by alerts-kill.test.ts.
import { createAlerting } from '../../audit/alerts/alerting.ts';
import { parseTenantId } from '../../kernel/index.ts';
import { childParts, openChildHouse } from './child-house.ts';

const [adminUrl = '', rootFile = '', tenant = ''] = process.argv.slice(2);
const tenantId = parseTenantId(tenant);
const { audit, crypto, database } = await openChildHouse({ adminUrl, rootFile }, { definitions: [] });
const { follower } = createAlerting({
  ...childParts,
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
