import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  isGatehouseError,
  parsePrincipalId,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type AnyRoute,
  type Principal,
  type TenantId,
} from '../../kernel/index.ts';
import { dropExecutor } from '../../server/column-targets.ts';
import {
  createColumnHouse,
  createShop,
  insertPeople,
  noteField,
  writePlain,
  type ColumnHouse,
} from '../../tests/support/column-house.ts';
import { createDualControl, type DualControl } from '../control/dual-control.ts';
import { createCryptoFixture, type CryptoFixture } from '../crypto-fixture.ts';
import { createColumnRoutes, dropPlaintextAction } from './routes.ts';

let f: CryptoFixture;
let house: ColumnHouse;
let dualControl: DualControl;
let routes: readonly AnyRoute[];
let tenantId: TenantId;
let ada: Principal;

const person = (tenant: TenantId): Principal => ({
  kind: 'user',
  tenantId: tenant,
  id: parsePrincipalId(randomUUID()),
  displayName: 'Somebody',
  email: null,
  roles: [],
  attributes: {},
  assurance: { level: 2, authenticatedAt: new Date(), methods: ['pwd', 'otp'] },
  sessionId: null,
});

beforeAll(async () => {
  f = await createCryptoFixture();
  const none = async (): Promise<void> => undefined;
  const audit = { append: none, record: none };
  const { database, adminUrl } = f.db;
  await createShop(f.db);
  tenantId = await f.db.createTenant();
  ada = person(tenantId);
  house = createColumnHouse({ database, adminUrl, crypto: f.make(), audit });
  dualControl = createDualControl({
    database,
    logger: silentLogger,
    clock: systemClock,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    audit: () => audit,
    executors: () => ({ [dropPlaintextAction]: dropExecutor(database, house.columns) }),
    mayApprove: async () => true,
  });
  routes = createColumnRoutes({ database, columns: house.columns, dualControl, logger: silentLogger });
  await insertPeople(
    f.db,
    tenantId,
    Array.from({ length: 12 }, (_, at) => ({ id: at, note: `note ${at}` })),
  );
  await house.administration.start(noteField);
}, 60_000);
afterAll(() => f.close());

type Answer = { readonly status: number; readonly body: Record<string, unknown> };

async function call(
  operationId: string,
  principal: Principal,
  input: { id?: string; body?: unknown; query?: unknown } = {},
  table = routes,
): Promise<Answer> {
  const route = table.find((one) => one.operationId === operationId);
  if (route === undefined) throw new Error(`no route ${operationId}`);
  const { params, query, body } = route.request;
  try {
    const answer = await route.handler({
      params: params?.parse({ id: input.id }),
      query: query?.parse(input.query ?? {}),
      body: body?.parse(input.body ?? {}),
      principal,
      call: {
        requestId: randomUUID(),
        traceparent: null,
        origin: { ip: null, userAgent: null, service: 'test' },
      },
      headers: {},
      idempotencyKey: null,
      signal: new AbortController().signal,
    });
    const schema = route.responses[answer.status]?.schema;
    return {
      status: answer.status,
      body: (schema === undefined ? answer.body : schema.parse(answer.body)) as Answer['body'],
    }; // routes answer with objects
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    return { status: error.status, body: { code: error.code } };
  }
}

test('a tenant is brought on by the API: list, backfill, verify, cut over, one step back, and two people for the drop', async () => {
  const { id } = await house.migrationOf(tenantId);
  expect(await call('listColumnMigrations', ada)).toMatchObject({
    status: 200,
    body: { items: [{ id, state: 'dual_write', waiting: 12, sealed: 0 }], nextCursor: null },
  });
  expect(await call('cutOverColumnMigration', ada, { id })).toEqual({
    status: 409,
    body: { code: 'ERR_CRYPTO_COLUMN' },
  });
  expect(await call('backfillColumnMigration', ada, { id, body: { batchSize: 5 } })).toMatchObject({
    status: 200,
    body: { work: 'finished', migration: { state: 'backfilled', waiting: 0, sealed: 12 } },
  });
  await writePlain(f.db.database, tenantId, 3, 'late');
  expect(await call('verifyColumnMigration', ada, { id })).toMatchObject({
    status: 200,
    body: { migration: { state: 'verified', checked: 12, differing: 0 } },
  });
  expect(await call('cutOverColumnMigration', ada, { id })).toMatchObject({
    status: 200,
    body: { state: 'cut_over' },
  });
  expect(await call('revertColumnMigration', ada, { id })).toMatchObject({
    status: 200,
    body: { state: 'backfilled' },
  });
  expect((await call('proposeColumnDrop', ada, { id, body: { reason: 'done' } })).status).toBe(409);
  // A long step goes on behind the answer.
  const { columns } = house;
  const hasty = createColumnRoutes({
    database: f.db.database,
    columns,
    dualControl,
    logger: silentLogger,
    waitMilliseconds: 0,
  });
  expect(await call('verifyColumnMigration', ada, { id }, hasty)).toMatchObject({
    status: 202,
    body: { work: 'running' },
  });
  while ((await house.migrationOf(tenantId)).state !== 'verified')
    await new Promise((wake) => setTimeout(wake, 10));
  await call('cutOverColumnMigration', ada, { id });
  const proposed = await call('proposeColumnDrop', ada, { id, body: { reason: 'done' } });
  expect(proposed).toMatchObject({ status: 202, body: { state: 'awaiting_second_person' } });
  const [approvalId, digest] = [String(proposed.body['approvalId']), String(proposed.body['digest'])];
  await expect(dualControl.approve(approvalId, ada, digest)).rejects.toMatchObject({
    code: 'ERR_CRYPTO_SECOND_PERSON',
  });
  expect((await house.migrationOf(tenantId)).dropApprovedAt).toBeNull();
  expect(await dualControl.approve(approvalId, person(tenantId), digest)).toMatchObject({
    state: 'executed',
    result: { dropApproved: true },
  });
  expect((await house.migrationOf(tenantId)).dropApprovedAt).not.toBeNull();
  await house.administration.drop(noteField);
  expect((await call('revertColumnMigration', ada, { id })).status).toBe(409);
  expect(await call('listColumnMigrations', ada)).toMatchObject({
    status: 200,
    body: { items: [{ waiting: 0 }] },
  });
});

test('another tenant sees nothing of it', async () => {
  const { id } = await house.migrationOf(tenantId);
  const stranger = person(await f.db.createTenant());
  expect((await call('listColumnMigrations', stranger)).body).toEqual({ items: [], nextCursor: null });
  for (const operation of [
    'backfillColumnMigration',
    'verifyColumnMigration',
    'cutOverColumnMigration',
    'revertColumnMigration',
  ])
    expect((await call(operation, stranger, { id })).status).toBe(404);
});
