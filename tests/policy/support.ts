import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { createHttpServer } from '../../server/http.ts';
import { createMetrics } from '../../server/metrics.ts';
import { createPolicy, type CatalogField, type Policy, type PolicyDeps } from '../../policy/index.ts';
import {
  parsePrincipalId,
  silentLogger,
  systemClock,
  systemRandomBytes,
  uuidv7,
  type AuditEvent,
  type AuditSink,
  type Principal,
  type TenantId,
} from '../../kernel/index.ts';
import type { Tx } from '../../db/index.ts';
import type { TestDatabase } from '../support/database.ts';

const field = (name: string, type: string, filterable = true): CatalogField => ({
  name,
  column: name,
  type,
  filterable,
});

/** The contacts of the example, as the data map would describe them. */
export const contactFields: readonly CatalogField[] = [
  field('id', 'uuid'),
  field('region', 'text'),
  field('lifecycle', 'text'),
  field('restricted', 'boolean'),
  field('email', 'text', false),
  field('phone', 'text', false),
  field('first_name', 'text', false),
];

/** A log that keeps events in an array. */
export function createMemoryAudit(): { readonly sink: AuditSink<Tx>; readonly events: AuditEvent[] } {
  const events: AuditEvent[] = [];
  return {
    events,
    sink: {
      append: async (_tx, event) => void events.push(event as AuditEvent),
      record: async (event) => void events.push(event as AuditEvent),
    },
  };
}

/** A person of a tenant. */
export function person(tenantId: TenantId, overrides: Partial<Principal> = {}): Principal {
  return {
    kind: 'user',
    tenantId,
    id: parsePrincipalId(randomUUID()),
    displayName: 'Somebody',
    email: 'somebody@acme.example',
    roles: [],
    attributes: {},
    assurance: { level: 2, authenticatedAt: new Date(), methods: ['pwd', 'otp'] },
    sessionId: null,
    ...overrides,
  };
}

/** Policy over a test database. */
export function createTestPolicy(
  db: TestDatabase,
  overrides: Partial<PolicyDeps> = {},
): { readonly policy: Policy; readonly events: AuditEvent[] } {
  const audit = createMemoryAudit();
  const policy = createPolicy({
    database: db.database,
    audit: audit.sink,
    clock: systemClock,
    logger: silentLogger,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    fieldCatalog: (type) => (type === 'contacts.contact' ? contactFields : null),
    ...overrides,
  });
  return { policy, events: audit.events };
}

/** The house's own HTTP adapter over policy's routes; the bearer token names who calls. */
export async function createTestHttp(
  policy: Policy,
  callers: Readonly<Record<string, Principal>>,
): Promise<FastifyInstance> {
  const audit = createMemoryAudit();
  return createHttpServer({
    routes: policy.routes,
    authorize: {
      authenticate: async ({ headers }) => {
        const principal = callers[String(headers['authorization']).replace('Bearer ', '')];
        return principal === undefined ? null : { principal };
      },
      decide: policy.decide,
      audit: audit.sink as AuditSink, // it looks at no transaction
      now: () => new Date(),
    },
    logger: silentLogger,
    newId: () => uuidv7(Date.now(), systemRandomBytes),
    metrics: createMetrics(),
    publicUrl: 'https://gatehouse.example',
    trustProxy: false,
    extend: async () => undefined,
  });
}
