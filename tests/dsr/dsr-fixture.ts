import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { createAudit, type Audit } from '../../audit/index.ts';
import { createCrypto, createLocalProvider, cryptoEvents, type Crypto } from '../../crypto/index.ts';
import { dataMapEvents, encryptionPlan, type DataMap } from '../../datamap/index.ts';
import { createDsr, dsrEvents, type CreateDsrDeps, type Dsr, type OutgoingMail } from '../../dsr/index.ts';
import { generateMarketingData } from '../../examples/marketing/generate.ts';
import { loadBuiltInDataMap } from '../../examples/marketing/data-map.ts';
import {
  parsePrincipalId,
  Secret,
  silentLogger,
  systemRandomBytes,
  uuidv7,
  type AnyRoute,
  type CallContext,
  type HandlerResult,
  type Principal,
  type TenantId,
} from '../../kernel/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** A clock that tests turn. */
export type TestClock = {
  readonly now: () => Date;
  readonly set: (instant: string) => void;
  readonly advance: (milliseconds: number) => void;
};

/** The request engine on a real database, with mails kept and time in our hands. */
export type DsrFixture = {
  readonly db: TestDatabase;
  readonly crypto: Crypto;
  readonly audit: Audit;
  readonly dsr: Dsr;
  readonly dataMap: DataMap;
  readonly clock: TestClock;
  readonly mails: OutgoingMail[];
  /** Where the root key is sealed, for processes of their own. */
  readonly rootFile: string;
  readonly makeDsr: (extra?: Partial<CreateDsrDeps>) => Dsr;
  readonly createTenant: (slug: string, contacts: number) => Promise<TenantId>;
  /** A service account, as a token of it acts. */
  readonly machine: (tenantId: TenantId, name: string) => Principal;
  readonly staff: (tenantId: TenantId, name: string, level?: 1 | 2) => Principal;
  readonly call: (operationId: string, input: CallInput, dsr?: Dsr) => Promise<HandlerResult>;
  readonly codeFor: (email: string) => string;
  /** Opens the contacts of a tenant: id, subject and e-mail. */
  readonly contacts: (
    tenantId: TenantId,
  ) => Promise<readonly { id: string; subjectId: string; email: string; phone: string | null }[]>;
  /** Ticks until nothing is left to do. */
  readonly settle: (dsr?: Dsr) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Input of a route as it stands on the wire. */
export type CallInput = {
  readonly principal?: Principal;
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
  /** Where the call came from; nowhere by default. */
  readonly origin?: CallContext['origin'];
};

const callContext: CallContext = {
  requestId: 'test',
  traceparent: null,
  origin: { ip: null, userAgent: null, service: 'test' },
};

/** For `beforeAll`; `close()` goes into `afterAll`. */
export async function createDsrFixture(): Promise<DsrFixture> {
  const db = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-dsr-'));
  const clock = createClock('2026-11-02T09:00:00.000Z');
  const rootFile = join(folder, 'root.json');
  const root = await createLocalProvider({
    file: rootFile,
    passphrase: new Secret('a passphrase for tests only'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const newId = (): string => uuidv7(Date.now(), systemRandomBytes);
  const shared = {
    database: db.database,
    clock,
    randomBytes: systemRandomBytes,
    newId,
    logger: silentLogger,
  };
  const crypto: Crypto = createCrypto({
    ...shared,
    root,
    recordProviderCalls: false,
    audit: () => audit,
    mayShred: (tx, subjectIds) => audit.holds.requireFree(tx, subjectIds),
  });
  const audit: Audit = createAudit({
    ...shared,
    crypto,
    originPrefix: 'gatehouse.test/log',
    definitions: [...cryptoEvents, ...dataMapEvents, ...dsrEvents],
  });
  await audit.start();
  const dataMap = loadBuiltInDataMap();
  const mails: OutgoingMail[] = [];
  const mailer = { send: (mail: OutgoingMail) => Promise.resolve(void mails.push(mail)) };
  const makeDsr = (extra: Partial<CreateDsrDeps> = {}): Dsr =>
    createDsr({ ...shared, crypto, audit, dataMap, mailer, publicUrl: 'https://gatehouse.test', ...extra });
  const dsr = makeDsr();
  const settle = async (engine = dsr): Promise<void> => {
    for (let round = 0; round < 50; round += 1) if ((await engine.worker.tick()) === 0) return;
  };
  return {
    db,
    crypto,
    audit,
    dsr,
    dataMap,
    clock,
    mails,
    rootFile,
    makeDsr,
    settle,
    createTenant: async (slug, contacts) => {
      const tenantId = await db.createTenant(slug);
      await crypto.warm(tenantId);
      if (contacts > 0)
        await generateMarketingData({ database: db.database, crypto, tenantId, contacts, seed: slug });
      return tenantId;
    },
    staff: (tenantId, name, level = 2) => ({
      kind: 'user',
      tenantId,
      id: parsePrincipalId(randomUUID()),
      displayName: name,
      email: null,
      roles: [],
      attributes: {},
      assurance: { level, authenticatedAt: clock.now(), methods: ['pwd', 'otp'] },
      sessionId: null,
    }),
    machine: (tenantId, name) => ({
      kind: 'service_account',
      tenantId,
      id: parsePrincipalId(randomUUID()),
      displayName: name,
      email: null,
      roles: [],
      attributes: {},
      assurance: { level: 2, authenticatedAt: clock.now(), methods: ['swk'] },
      sessionId: null,
    }),
    call: (operationId, input, engine = dsr) => callRoute(engine.routes, operationId, input),
    codeFor: (email) => {
      const mail = mails.findLast((one) => one.to === email && /code|kod/.test(one.subject));
      const code = /\b\d{8}\b/.exec(mail?.text ?? '')?.[0];
      if (code === undefined) throw new Error(`no code was mailed to ${email}`);
      return code;
    },
    contacts: (tenantId) =>
      db.database.withTenant(tenantId, async (tx) => {
        const collection = dataMap.collection('contacts.contact');
        if (collection === null) throw new Error('no contacts');
        const { rows } = await tx.run({
          sql: 'select * from marketing_contacts.contact order by id',
          parameters: [],
        });
        const opened = await crypto.openRows(tx, encryptionPlan(collection), rows, ['email', 'phone']);
        return rows.map((row, at) => ({
          id: String(row['id']),
          subjectId: String(row['subject_id']),
          email: String(opened[at]?.['email']),
          phone: (opened[at]?.['phone'] ?? null) as string | null,
        })); // text or null by its type
      }),
    close: async () => {
      await audit.stop();
      await crypto.stop();
      await db.close();
      await rm(folder, { recursive: true });
    },
  };
}

function createClock(start: string): TestClock {
  let now = new Date(start).getTime();
  return {
    now: () => new Date(now),
    set: (instant) => void (now = new Date(instant).getTime()),
    advance: (milliseconds) => void (now += milliseconds),
  };
}

async function callRoute(
  routes: readonly AnyRoute[],
  operationId: string,
  input: CallInput,
): Promise<HandlerResult> {
  const route = routes.find((one) => one.operationId === operationId);
  if (route === undefined) throw new Error(`no route ${operationId}`);
  const { request } = route;
  const result = await route.handler({
    params: request.params?.parse(input.params ?? {}),
    query: request.query?.parse(input.query ?? {}),
    body: request.body?.parse(input.body ?? {}),
    principal: input.principal ?? null,
    call: input.origin === undefined ? callContext : { ...callContext, origin: input.origin },
    headers: {},
    idempotencyKey: null,
    signal: new AbortController().signal,
  });
  route.responses[result.status]?.schema?.parse(result.body);
  return result;
}

/** From the form to the verified request, as a person does it. @returns the ticket that the proof made */
export async function askThroughPortal(
  f: DsrFixture,
  slug: string,
  input: { readonly type: string; readonly law?: string; readonly email: string; readonly language?: string },
): Promise<{ ticket: string; id: string }> {
  const asked = await f.call('openPortalRequest', {
    params: { slug },
    body: { law: 'gdpr', language: 'en', ...input },
  });
  const first = asked.body as { ticket: string };
  await f.settle();
  const body = { ticket: first.ticket, code: f.codeFor(input.email) };
  const proved = await f.call('verifyPortalRequest', { params: { slug }, body });
  const { ticket } = proved.body as { ticket: string };
  const { rows } = await f.db.admin(
    `select id from dsr.request where ticket_hash = sha256(convert_to($1, 'UTF8'))`,
    [ticket],
  );
  return { ticket, id: String(rows[0]?.id) };
}

/** Plans with one person and approves with another. */
export async function planAndApprove(
  f: DsrFixture,
  id: string,
  planner: Principal,
  approver: Principal,
): Promise<string> {
  const planned = await f.call('planDsrRequest', { principal: planner, params: { id } });
  const hash = (planned.body as { plan: { hash: string } }).plan.hash;
  await f.call('approveDsrPlan', { principal: approver, params: { id }, body: { planHash: hash } });
  return hash;
}
