import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAudit, verifyDatabase, verifyPlatform, type Audit } from '../../audit/index.ts';
import { createCrypto, createLocalProvider } from '../../crypto/index.ts';
import { Secret, silentLogger, systemClock, systemRandomBytes, uuidv7 } from '../../kernel/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let db: TestDatabase;
let folder: string;
beforeAll(async () => {
  db = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-kill-'));
});
afterAll(async () => {
  await db.close();
  await rm(folder, { recursive: true, force: true });
});

/** Rounds of SIGKILL; more in a long run. */
const rounds = Number(process.env['GATEHOUSE_FAULT_ROUNDS'] ?? 4);
/** When the process is killed, in turn. */
const acknowledgements = [300, 1_500, 50, 2_500];

/** Runs the child until it acknowledged `acks` events, kills it, and gives the keys it acknowledged. */
async function killUnderLoad(tenant: string, round: number, acks: number): Promise<readonly string[]> {
  const script = join(import.meta.dirname, 'audit-kill-child.ts');
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      script,
      db.adminUrl,
      join(folder, 'root'),
      tenant,
      String(round),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let out = '';
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    if (out.split('\n').length > acks) child.kill('SIGKILL');
  });
  const signal = await new Promise((done) => child.on('close', (_code, by) => done(by)));
  if (signal !== 'SIGKILL') throw new Error(`the child ended by itself: ${errors}`);
  return out
    .slice(0, out.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '');
}

test(
  'SIGKILL under load loses nothing acknowledged, leaves no gap and no duplicate',
  async () => {
    const tenant = await db.createTenant();
    const acknowledged: string[] = [];
    for (let round = 0; round < rounds; round += 1)
      acknowledged.push(...(await killUnderLoad(tenant, round, acknowledgements[round % 4] ?? 0)));

    const common = {
      clock: systemClock,
      newId: () => uuidv7(Date.now(), systemRandomBytes),
      randomBytes: systemRandomBytes,
      logger: silentLogger,
    };
    const passphrase = new Secret('a passphrase for tests only');
    const root = await createLocalProvider({
      file: join(folder, 'root'),
      passphrase,
      randomBytes: systemRandomBytes,
      costLog2: 14,
    });
    const crypto = createCrypto({
      ...common,
      database: db.database,
      root,
      recordProviderCalls: false,
      audit: () => audit,
    });
    const audit: Audit = createAudit({
      ...common,
      database: db.database,
      crypto,
      originPrefix: 'gatehouse.test/log',
      definitions: [],
    });
    await audit.flush(); // what was committed but not sequenced when the process died

    const { rows } = await db.admin(
      'select seq::integer as seq, targets from audit.entry where tenant_id = $1 order by seq',
      [tenant],
    );
    const found = (rows as { seq: number; targets: string }[]).map(({ targets }) =>
      targets.replace('probe/', ''),
    );
    expect((rows as { seq: number }[]).every(({ seq }, at) => seq === at)).toBe(true);
    expect(new Set(found).size).toBe(found.length);
    const there = new Set(found);
    expect(acknowledged.filter((key) => !there.has(key))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(rounds * 1_000);
    const report = await db.database.withTenant(tenant, (tx) => verifyDatabase(tx, tenant));
    expect(report).toMatchObject({ size: found.length, findings: [] });
    expect(await db.database.withSystem(verifyPlatform)).toMatchObject({ findings: [] });
    await audit.stop();
    await crypto.stop();
  },
  60_000 + rounds * 15_000,
);
