// Records events until it is killed; prints the key of each event once it was acknowledged. Started by audit-kill.test.ts.
import { z } from 'zod';
import { defineEvent, parseTenantId } from '../../kernel/index.ts';
import { openChildHouse } from './child-house.ts';

const [adminUrl = '', rootFile = '', tenant = '', round = ''] = process.argv.slice(2);
const tenantId = parseTenantId(tenant);
const probed = defineEvent({
  action: 'faults.probe_recorded',
  version: 1,
  category: 'system',
  summary: 'A probe of the kill test.',
  detail: z.strictObject({ n: z.int() }),
  ocsf: { classUid: 6002, activityId: 1 },
});
const { audit, database } = await openChildHouse(
  { adminUrl, rootFile, passphrase: 'a passphrase for tests only' },
  { definitions: [probed] },
);
await audit.start();

const acknowledge = (key: string): void => void process.stdout.write(`${key}\n`);
const event = (key: string, n: number) =>
  ({
    definition: probed,
    tenantId,
    outcome: 'success',
    actor: { kind: 'system', id: 'kill-test', displayName: 'Kill test' },
    targets: [{ type: 'probe', id: key }],
    detail: { n },
  }) as const;

async function recordForEver(producer: number): Promise<never> {
  for (let n = 0; ; n += 1) {
    const key = `${round}-r${producer}-${n}`;
    await audit.record(event(key, n));
    acknowledge(key);
  }
}

async function appendForEver(producer: number): Promise<never> {
  for (let n = 0; ; n += 1) {
    const key = `${round}-a${producer}-${n}`;
    await database.withTenant(tenantId, (tx) => audit.append(tx, event(key, n)));
    acknowledge(key);
  }
}

async function advanceForEver(): Promise<never> {
  for (;;) await audit.platform.advance();
}

await Promise.all([
  advanceForEver(),
  ...Array.from({ length: 32 }, (_, at) => recordForEver(at)),
  appendForEver(0),
  appendForEver(1),
]);
