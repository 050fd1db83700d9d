import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createAudit, type Audit, type WitnessPolicy, type ViewMail } from '../../audit/index.ts';
import {
  createCrypto,
  createDualControl,
  createLocalProvider,
  cryptoEvents,
  type Crypto,
  type DualControl,
  type RootProvider,
} from '../../crypto/index.ts';
import {
  defineEvent,
  parsePrincipalId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type AuditEvent,
  type Clock,
  type Principal,
  type TenantId,
} from '../../kernel/index.ts';
import type { Database } from '../../db/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** An event of the tests. */
export const probed = defineEvent({
  action: 'contacts.contact_read',
  version: 1,
  category: 'data',
  summary: 'A contact was read.',
  detail: z.strictObject({ count: z.int(), note: z.string().optional() }),
  ocsf: { classUid: 6005, activityId: 1 },
});

export const newId = (): string => uuidv7(Date.now(), systemRandomBytes);

/** The real log on the real crypto and a database of its own. */
export type AuditFixture = {
  readonly db: TestDatabase;
  readonly audit: Audit;
  readonly crypto: Crypto;
  readonly root: RootProvider;
  /** Where the root key lies, for other processes. */
  readonly rootFile: string;
  /** Two people, for what needs them. */
  readonly control: DualControl;
  /** What was handed to the mail system. */
  readonly mails: readonly ViewMail[];
  /** Another process's log on the same database, as far as one process can play two. */
  readonly another: (database?: Database, limits?: AuditLimits) => Audit;
  readonly close: () => Promise<void>;
};

/** Call in `beforeAll`. */
/** Bounds that a test moves. */
type AuditLimits = {
  readonly confirmMilliseconds?: number;
  readonly maxQueued?: number;
  readonly pruneBatchEntries?: number;
  readonly spoolFolder?: string;
  readonly spoolLimits?: { readonly maxBytes?: number; readonly deadMilliseconds?: number };
  readonly orphanMilliseconds?: number;
  readonly sendMail?: (mail: ViewMail) => Promise<void>;
  readonly clock?: Clock;
  readonly witnessPolicy?: WitnessPolicy;
};

export async function createAuditFixture(): Promise<AuditFixture> {
  const db = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-audit-'));
  const root = await createLocalProvider({
    file: join(folder, 'root'),
    passphrase: new Secret('correct horse battery staple'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const made: { audit: Audit; crypto: Crypto }[] = [];
  const mails: ViewMail[] = [];
  const common = { clock: systemClock, newId, randomBytes: systemRandomBytes, logger: silentLogger };
  const build = (database: Database, limits: AuditLimits = {}): { audit: Audit; crypto: Crypto } => {
    const crypto = createCrypto({
      ...common,
      database,
      root,
      recordProviderCalls: false,
      audit: () => audit,
      mayShred: (tx, subjectIds) => audit.holds.requireFree(tx, subjectIds),
    });
    const audit: Audit = createAudit({
      ...common,
      database,
      crypto,
      originPrefix: 'gatehouse.test/log',
      definitions: [probed, ...cryptoEvents],
      publicUrl: 'https://gatehouse.test',
      sendMail: (mail) => {
        mails.push(mail);
        return Promise.resolve();
      },
      addressRules: { development: true, allowPrivate: true },
      ...limits,
    });
    made.push({ audit, crypto });
    return { audit, crypto };
  };
  const { audit, crypto } = build(db.database);
  await audit.start();
  const control = createDualControl({
    ...common,
    database: db.database,
    audit: () => audit,
    executors: () => audit.executors,
  });
  return {
    db,
    audit,
    crypto,
    root,
    rootFile: join(folder, 'root'),
    control,
    mails,
    another: (database = db.database, limits = {}) => build(database, limits).audit,
    close: async () => {
      for (const one of made) {
        await one.audit.stop();
        await one.crypto.stop();
      }
      await db.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A person of the staff. */
export function createPrincipal(tenantId: TenantId, displayName = 'Mira Example'): Principal {
  return {
    kind: 'user',
    tenantId,
    id: parsePrincipalId(newId()),
    displayName,
    email: `${displayName.toLowerCase().replaceAll(' ', '.')}@example.com`,
    roles: [],
    attributes: {},
    assurance: { level: 2, authenticatedAt: new Date(), methods: ['pwd', 'otp'] },
    sessionId: newId(),
  };
}

/** An event with everything set. */
export function createEvent(
  tenantId: TenantId,
  changes: Partial<AuditEvent<typeof probed.detail>> = {},
): AuditEvent<typeof probed.detail> {
  return {
    definition: probed,
    tenantId,
    outcome: 'success',
    actor: createPrincipal(tenantId),
    targets: [{ type: 'contacts.contact', id: newId() }],
    detail: { count: 1 },
    call: {
      requestId: newId(),
      traceparent: null,
      origin: { ip: '192.0.2.7', userAgent: 'probe/1', service: 'console' },
    },
    ...changes,
  };
}
