import { isGatehouseError, type Clock, type Logger, type Principal, type TenantId } from '../kernel/index.ts';
import type { Database } from '../db/index.ts';
import { denial, reason, type Decision, type DecisionContext, type Resource } from './decision.ts';
import type { Asker, Engine } from './engine.ts';
import type { PolicyErrorCode } from './errors.ts';
import { readGrants, readSubject, type LoadedGrant, type LoadedSubject } from './snapshot.ts';
import { touchGrants } from './store.ts';
import { remember, subjectKey, type AskerEntry, type TenantCache, type TenantState } from './tenant-cache.ts';

/** Finds what a decision needs, in memory or in the database, and lets the engine decide. */
export type Decider = {
  readonly decide: (
    principal: Principal,
    action: string,
    resource: Resource,
    context?: DecisionContext,
  ) => Promise<Decision>;
  readonly decideSubject: (
    tenantId: TenantId,
    subject: SubjectReference,
    action: string,
    resource: Resource,
    context?: DecisionContext,
  ) => Promise<Decision>;
  readonly locate: (
    principal: Principal,
  ) => Promise<{ readonly state: TenantState; readonly entry: AskerEntry; readonly now: number }>;
  /** Waits for last-used marks that are being written. */
  readonly settle: () => Promise<void>;
};

/** A subject as an AuthZEN request names it. */
export type SubjectReference = {
  readonly type: string;
  readonly id: string;
  readonly properties?: Readonly<Record<string, unknown>>;
};

/** What a decider is made of. */
export type DeciderDeps = {
  readonly database: Database;
  readonly cache: TenantCache;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds that a decision may wait for the database; then it is a denial. */
  readonly timeoutMilliseconds: number;
};

type Among = 'principals' | 'subjects';
type At = { readonly state: TenantState; readonly entry: AskerEntry; readonly now: number };

const maxAskers = 20_000;
const markIntervalMilliseconds = 3_600_000;
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Every failure on the way is a denial with a code. */
export function createDecider(deps: DeciderDeps): Decider {
  const { database, cache, engine, clock, logger } = deps;
  const pending = new Set<Promise<void>>();
  let latest = 0;
  // A clock that is turned back must not revive what has expired.
  const tick = (): number => (latest = Math.max(latest, clock.now().getTime()));

  const enter = async (
    tenantId: TenantId,
    among: Among,
    key: string,
    read: () => Promise<Pick<AskerEntry, 'grants' | 'subject'>>,
  ) => {
    const now = tick();
    const state = await cache.load(tenantId, now);
    const known = state[among].get(key);
    if (known !== undefined && known.validUntil > now) return { state, entry: known, now };
    return { state, entry: remember(state[among], key, toEntry(await read(), now), maxAskers), now };
  };
  const peek = (tenantId: TenantId, among: Among, key: string): At | null => {
    const now = tick();
    const state = cache.peek(tenantId, now);
    const entry = state?.[among].get(key);
    return state !== null && entry !== undefined && entry.validUntil > now ? { state, entry, now } : null;
  };
  const locate = (principal: Principal) =>
    enter(principal.tenantId, 'principals', principal.id, async () => ({
      grants: await readGrants(database, principal.tenantId, principal.id),
      subject: null,
    }));
  const mark = (tenantId: TenantId, entry: AskerEntry, decision: Decision, now: number): void => {
    if (entry.unmarked.size === 0 || !decision.decision) return;
    const role = decision.reasons[0]?.rule?.split('#')[0] ?? '';
    const grantId = entry.unmarked.get(role);
    if (grantId === undefined) return;
    entry.unmarked.delete(role);
    const work = database
      .withTenant(tenantId, (tx) => tx.query(touchGrants, [tenantId, [grantId], new Date(now)]))
      .then(
        () => undefined,
        (error: unknown) => logger.warn('the last use of a grant was not noted', { error }),
      );
    pending.add(work);
    void work.finally(() => pending.delete(work));
  };
  const decideAt = (
    at: At,
    asker: Asker,
    action: string,
    resource: Resource,
    context: DecisionContext,
  ): Decision => {
    const decision = engine.decide(at, asker, action, resource, context);
    mark(at.state.snapshot.tenantId, at.entry, decision, at.now);
    return decision;
  };
  const closed = (error: unknown): Decision => {
    const code =
      isGatehouseError(error) && error.code.startsWith('ERR_POLICY_')
        ? (error.code as PolicyErrorCode)
        : 'ERR_POLICY_UNAVAILABLE'; // our own prefix
    logger.error('a decision failed and was denied', { error, reason: code });
    return denial(reason(code, 'the decision could not be made; nothing is permitted until it can'), 'none');
  };

  return Object.freeze({
    locate,
    settle: async () => void (await Promise.all(pending)),
    decide: (principal, action, resource, context = noContext) => {
      try {
        const at = peek(principal.tenantId, 'principals', principal.id);
        if (at !== null) return Promise.resolve(decideAt(at, principal, action, resource, context));
      } catch (error) {
        return Promise.resolve(closed(error));
      }
      const work = locate(principal).then((at) => decideAt(at, principal, action, resource, context));
      return within(work, deps.timeoutMilliseconds).catch(closed);
    },
    decideSubject: (tenantId, subject, action, resource, context = noContext) => {
      const key = subjectKey(subject.type, subject.id);
      const answer = (at: At): Decision =>
        decideAt(at, toAsker(subject, at.entry.subject), action, resource, context);
      try {
        const at = peek(tenantId, 'subjects', key);
        if (at !== null) return Promise.resolve(answer(at));
      } catch (error) {
        return Promise.resolve(closed(error));
      }
      const work = enter(tenantId, 'subjects', key, () => readAsker(database, tenantId, subject)).then(
        answer,
      );
      return within(work, deps.timeoutMilliseconds).catch(closed);
    },
  });
}

const noContext: DecisionContext = Object.freeze({});

function toEntry(
  found: { readonly grants: readonly LoadedGrant[]; readonly subject: LoadedSubject | null },
  now: number,
): AskerEntry {
  const live = found.grants.filter((grant) => grant.expiresAt === null || grant.expiresAt.getTime() > now);
  const ends = live.map((grant) => grant.expiresAt?.getTime() ?? Infinity);
  const unmarked = live.filter(
    (grant) => grant.lastUsedAt === null || grant.lastUsedAt.getTime() < now - markIntervalMilliseconds,
  );
  return {
    grants: live,
    subject: found.subject,
    validUntil: Math.min(now + markIntervalMilliseconds, ...ends),
    unmarked: new Map(unmarked.map((grant) => [grant.role, grant.id])),
    last: null,
  };
}

/** A tenant's own subject; or else, when the id is one of our principals', what was granted to it. */
async function readAsker(
  database: Database,
  tenantId: TenantId,
  subject: SubjectReference,
): Promise<Pick<AskerEntry, 'grants' | 'subject'>> {
  const own = await readSubject(database, tenantId, subject.type, subject.id);
  if (own !== null || !uuidPattern.test(subject.id)) return { grants: [], subject: own };
  return { grants: await readGrants(database, tenantId, subject.id as Principal['id']), subject: null }; // just checked
}

const noRoles: readonly string[] = Object.freeze([]);
const noProperties: Readonly<Record<string, unknown>> = Object.freeze({});
const unproved = Object.freeze({
  level: 1,
  authenticatedAt: null,
  methods: Object.freeze([]),
}) satisfies Asker['assurance'];

/** What the tenant stored about a subject wins over what the request claims. */
function toAsker(subject: SubjectReference, stored: LoadedSubject | null): Asker {
  const attributes =
    subject.properties === undefined
      ? (stored?.properties ?? noProperties)
      : { ...subject.properties, ...stored?.properties };
  const email = attributes['email'];
  return {
    kind: 'external',
    id: subject.id,
    email: typeof email === 'string' ? email : null,
    roles: noRoles,
    attributes,
    assurance: unproved,
  };
}

async function within(work: Promise<Decision>, milliseconds: number): Promise<Decision> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Decision>((resolve) => {
    timer = setTimeout(
      () => resolve(denial(reason('ERR_POLICY_TIMEOUT', `no decision within ${milliseconds} ms`), 'none')),
      milliseconds,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined); // it may still fail after we stopped waiting
  }
}
