import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '../tests/support/database.ts';
import type { Tx } from '../db/index.ts';
import {
  parsePrincipalId,
  parseSubjectId,
  Secret,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type AuditEvent,
  type AuditSink,
  type Clock,
  type Logger,
  type Principal,
  type SubjectId,
  type TenantId,
} from '../kernel/index.ts';
import { createDualControl, type DualControl, type Executors } from './control/dual-control.ts';
import { createCrypto, type CryptoDeps } from './crypto.ts';
import { createLocalProvider } from './providers/local-provider.ts';
import type { RootProvider } from './root-provider.ts';
import type { Crypto, EncryptionPlan, FieldContext, ShredReason } from './types.ts';

/** What a test of this room stands on: a database, a counted root, events kept. */
export type CryptoFixture = {
  readonly db: TestDatabase;
  readonly root: RootProvider;
  readonly rootCalls: { wrap: number; unwrap: number };
  readonly events: AuditEvent[];
  readonly make: (extra?: Partial<CryptoDeps>) => Crypto;
  readonly makeControl: (executors: Executors, clock?: Clock) => DualControl;
  /** Retires every epoch through this one, the newest by default, as two people would. */
  readonly retire: (crypto: Crypto, tenantId: TenantId, throughEpoch?: number) => Promise<unknown>;
  /** Holds `root.json`, for a process of its own. */
  readonly folder: string;
  readonly close: () => Promise<void>;
};

/** For `beforeAll`; `close()` goes into `afterAll`. */
export async function createCryptoFixture(): Promise<CryptoFixture> {
  const db = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-crypto-'));
  await chmod(folder, 0o700);
  const passphrase = new Secret('a passphrase for tests only');
  const options = {
    file: join(folder, 'root.json'),
    passphrase,
    randomBytes: systemRandomBytes,
    costLog2: 14,
  };
  const inner = await createLocalProvider(options);
  const rootCalls = { wrap: 0, unwrap: 0 };
  const root: RootProvider = {
    ...inner,
    wrap: (...input) => ((rootCalls.wrap += 1), inner.wrap(...input)),
    unwrap: (...input) => ((rootCalls.unwrap += 1), inner.unwrap(...input)),
  };
  const events: AuditEvent[] = [];
  const made: Crypto[] = [];
  const make = (extra: Partial<CryptoDeps> = {}): Crypto => {
    const crypto = createCrypto({
      database: db.database,
      root,
      audit: () => keepEvents(events),
      clock: systemClock,
      randomBytes: systemRandomBytes,
      newId: () => uuidv7(Date.now(), systemRandomBytes),
      logger: silentLogger,
      recordProviderCalls: false,
      ...extra,
    });
    made.push(crypto);
    return crypto;
  };
  const makeControl = (executors: Executors, clock: Clock = systemClock): DualControl =>
    createDualControl({
      database: db.database,
      audit: () => keepEvents(events),
      clock,
      newId: () => uuidv7(Date.now(), systemRandomBytes),
      logger: silentLogger,
      executors: () => executors,
    });
  const retire: CryptoFixture['retire'] = async (crypto, tenantId, throughEpoch) => {
    const epoch =
      throughEpoch ??
      (await db.database.withTenant(tenantId, (tx) => crypto.erasure.epochToRetire(tx, null)));
    const control = makeControl(crypto.erasure.executors);
    const proposal = { action: 'crypto.retire', payload: { throughEpoch: epoch }, reason: 'a test' };
    const proposed = await db.database.withTenant(tenantId, (tx) =>
      control.propose(tx, { ...proposal, proposedBy: newPerson(tenantId) }),
    );
    return (await control.approve(proposed.id, newPerson(tenantId), proposed.digest)).result;
  };
  const close = async (): Promise<void> => {
    for (const crypto of made) await crypto.stop();
    await db.close();
    await rm(folder, { recursive: true });
  };
  return { db, root, rootCalls, events, make, makeControl, retire, folder, close };
}

function keepEvents(events: AuditEvent[]): AuditSink<Tx> {
  return {
    append: async (tx, event) => tx.onCommit(() => void events.push(event)),
    record: async (event) => void events.push(event),
  };
}

/** A logger that keeps what would be written, as text. */
export function createKeepingLogger(lines: string[]): Logger {
  const keep = (message: string, fields: Readonly<Record<string, unknown>> = {}): void =>
    void lines.push(message + JSON.stringify(fields));
  return { ...silentLogger, debug: keep, info: keep, warn: keep, error: keep };
}

/** A member of staff who has just confirmed who he is. */
export function newPerson(tenantId: TenantId, extra: Partial<Principal> = {}): Principal {
  return {
    kind: 'user',
    tenantId,
    id: parsePrincipalId(randomUUID()),
    displayName: 'a person',
    email: null,
    roles: [],
    attributes: {},
    assurance: { level: 2, authenticatedAt: new Date(), methods: ['pwd', 'otp'] },
    sessionId: null,
    ...extra,
  };
}

/** A person who exists nowhere else. */
export const newSubject = (): SubjectId => parseSubjectId(randomUUID());

/** A context like the gateway's. */
export const emailContext: FieldContext = {
  service: 'contacts',
  collection: 'contact',
  field: 'email',
  rowId: 'row-1',
  purpose: 'subject',
};

/** A reason as `dsr` gives it. */
export const erasure: ShredReason = {
  requestId: '01936d1c-0000-7000-8000-00000000abcd',
  reason: 'gdpr.17.1.a',
  actor: { kind: 'system', id: 'dsr', displayName: 'dsr' },
};

/** A plan like that of the contacts service. */
export const contactPlan: EncryptionPlan = {
  service: 'contacts',
  collection: 'contact',
  rowIdField: 'id',
  subjectField: 'subject_id',
  fields: [
    {
      field: 'email',
      column: 'email',
      type: 'text',
      scope: 'subject',
      indexes: [
        { name: 'exact', kind: 'exact', normaliser: 'email', column: 'email_bidx', bits: 128 },
        { name: 'domain', kind: 'domain', normaliser: 'email', column: 'email_domain_bidx', bits: 24 },
      ],
    },
    {
      field: 'phone',
      column: 'phone',
      type: 'text',
      scope: 'subject',
      indexes: [{ name: 'exact', kind: 'exact', normaliser: 'phone', column: 'phone_bidx', bits: 128 }],
    },
    { field: 'first_name', column: 'first_name', type: 'text', scope: 'subject', indexes: [] },
    { field: 'last_name', column: 'last_name', type: 'text', scope: 'subject', indexes: [] },
    { field: 'city', column: 'city', type: 'text', scope: 'subject', indexes: [] },
  ],
};
