import type { Database, Tx } from '../../db/index.ts';
import { sqlState, sqlStates } from '../../db/index.ts';
import {
  notFound,
  parsePrincipalId,
  parseTenantId,
  Secret,
  type AuditSink,
  type Clock,
  type Logger,
  type NewId,
  type Principal,
  type RandomBytes,
  type TenantId,
} from '../../kernel/index.ts';
import { newSecret, sha256 } from '../digest.ts';
import { identityError } from '../errors.ts';
import { serviceAccountCreated, serviceAccountDisabled } from '../events.ts';
import {
  disableServiceAccount,
  findServiceAccount,
  insertServiceAccount,
  type ServiceAccountRow,
} from './store-accounts.ts';
import { createServiceAccountCache, type LivingAccount } from './service-account-cache.ts';
import { systemActor, type ActorOfChange, type Attributes } from './users.ts';

/** A machine to be created. */
export type NewServiceAccount = {
  readonly name: string;
  readonly roles?: readonly string[];
  readonly attributes?: Attributes;
};

/** What its owner must keep; the secret is shown once. */
export type ServiceAccountCredentials = {
  readonly id: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
};

/** The machines of a tenant. */
export type ServiceAccounts = {
  readonly create: (
    tx: Tx,
    account: NewServiceAccount,
    by?: ActorOfChange,
  ) => Promise<ServiceAccountCredentials>;
  /** @throws ERR_NOT_FOUND */
  readonly disable: (tx: Tx, id: string, by: ActorOfChange) => Promise<void>;
  /** The living account of a client id, or null; from memory, which every change of the account clears. */
  readonly find: (clientId: string) => Promise<LivingAccount | null>;
};

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const clientIdPattern = new RegExp(`^sa\\.(${uuid})\\.(${uuid})$`);
const secretPrefix = 'ghs_';

/** Client id of a service account; it names the tenant so that the row can be found. */
export const serviceClientId = (tenantId: string, id: string): string => `sa.${tenantId}.${id}`;

/** Digest of a client secret as stored. */
export const clientSecretDigest = (secret: string): Buffer => sha256(secret);

/** Builds the service accounts. */
export function createServiceAccounts(deps: {
  readonly database: Database;
  readonly audit: AuditSink<Tx>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly randomBytes: RandomBytes;
  readonly logger: Logger;
}): ServiceAccounts {
  const cache = createServiceAccountCache(deps);
  return Object.freeze({
    create: async (tx: Tx, account: NewServiceAccount, by: ActorOfChange = { actor: systemActor }) => {
      const id = deps.newId();
      const secret = `${secretPrefix}${newSecret(deps.randomBytes)}`;
      const values = [
        tx.tenantId,
        id,
        account.name,
        clientSecretDigest(secret),
        account.roles ?? [],
        account.attributes ?? {},
        deps.clock.now(),
      ];
      try {
        await tx.query(insertServiceAccount, values);
      } catch (error) {
        if (sqlState(error) !== sqlStates.uniqueViolation) throw error;
        throw identityError(
          'ERR_USER_EXISTS',
          409,
          `a service account named "${account.name}" exists; choose another name`,
        );
      }
      const targets = [{ type: 'identity.service_account', id }];
      const detail = { serviceAccountId: id };
      await deps.audit.append(tx, {
        ...by,
        definition: serviceAccountCreated,
        tenantId: tx.tenantId,
        outcome: 'success',
        targets,
        detail,
      });
      return { id, clientId: serviceClientId(tx.tenantId, id), clientSecret: new Secret(secret) };
    },
    disable: async (tx: Tx, id: string, by: ActorOfChange) => {
      const done = await tx.query(disableServiceAccount, [tx.tenantId, id, deps.clock.now()]);
      if (done.rowCount !== 1) throw notFound('service account', id);
      tx.onCommit(() => cache.drop(`${tx.tenantId}.${id}`));
      const targets = [{ type: 'identity.service_account', id }];
      const detail = { serviceAccountId: id };
      await deps.audit.append(tx, {
        ...by,
        definition: serviceAccountDisabled,
        tenantId: tx.tenantId,
        outcome: 'success',
        targets,
        detail,
      });
    },
    find: async (clientId: string) => {
      const match = clientIdPattern.exec(clientId);
      if (match === null) return null;
      const [, tenant = '', id = ''] = match;
      const tenantId = parseTenantId(tenant);
      return cache.get(`${tenant}.${id}`, () => readLiving(deps.database, tenantId, id));
    },
  });
}

async function readLiving(database: Database, tenantId: TenantId, id: string): Promise<LivingAccount | null> {
  const { rows } = await database.withTenant(
    tenantId,
    (tx) => tx.query<ServiceAccountRow>(findServiceAccount, [tenantId, id]),
    { readOnly: true },
  );
  const row = rows[0];
  if (row === undefined || row.state !== 'active') return null;
  return { tenantId, row, principal: servicePrincipal(tenantId, row) };
}

/** A machine as principal: level 1 and never authenticated as a person, whatever its token says. */
export function servicePrincipal(tenantId: TenantId, row: ServiceAccountRow): Principal {
  return Object.freeze({
    kind: 'service_account',
    tenantId,
    id: parsePrincipalId(row.id),
    displayName: row.name,
    email: null,
    roles: Object.freeze([...row.roles]),
    attributes: Object.freeze({ ...row.attributes }),
    assurance: { level: 1 as const, authenticatedAt: null, methods: [] },
    sessionId: null,
  });
}
