import type { Crypto } from '../crypto/index.ts';
import { exactlyOne, type Tx } from '../db/index.ts';
import { findDrift } from '../datamap/index.ts';
import { systemClock, type Principal, type TenantId } from '../kernel/index.ts';
import type { Rooms } from './rooms.ts';
import { lagSeconds } from './sink-metrics.ts';
import type { PostureTile, TileSource } from './overview.ts';
import { countOpenRequests } from './store.ts';

/** One source of tiles for each guard that has something to say. */
export function overviewSources(rooms: Rooms): readonly TileSource[] {
  return [
    { action: 'dsr.read', tiles: (principal) => requestTiles(rooms, principal) },
    { action: 'audit.read', tiles: (principal) => logTiles(rooms, principal) },
    { action: 'audit.read', tiles: async (principal) => [await sinkTile(rooms, principal)] },
    { action: 'crypto.read', tiles: (principal) => keyTiles(rooms, principal) },
    { action: 'crypto.read', tiles: (principal) => certificateTiles(rooms, principal) },
    { action: 'datamap.read', tiles: (principal) => mapTiles(rooms, principal) },
    { action: 'policy.read', tiles: async () => [guardrailTile(rooms)] },
  ];
}

async function requestTiles({ database }: Rooms, { tenantId }: Principal): Promise<readonly PostureTile[]> {
  const counts = await database.withTenant(
    tenantId,
    async (tx) =>
      exactlyOne(
        await tx.query<{ open: number; overdue: number; soon: number }>(countOpenRequests, [
          tenantId,
          systemClock.now(),
        ]),
        'count',
      ),
    { readOnly: true },
  );
  const state = counts.overdue > 0 ? 'failing' : counts.soon > 0 ? 'attention' : 'ok';
  const detail =
    counts.overdue > 0
      ? `${counts.overdue} past the legal deadline`
      : counts.soon > 0
        ? `${counts.soon} due within three days`
        : 'none overdue, none due within three days';
  return [
    {
      id: 'dsr.clock',
      guard: 'dsr',
      title: 'Requests within their legal clock',
      state,
      value: `${counts.open} open`,
      detail,
    },
  ];
}

async function logTiles(
  { audit, database }: Rooms,
  { tenantId }: Principal,
): Promise<readonly PostureTile[]> {
  const { ok, detail } = audit.health();
  const { logId } = await audit.ensureLog(tenantId);
  const checkpoint = await audit.checkpoint(logId);
  const size = checkpoint?.split('\n')[1] ?? '0';
  const orphans = await database.withTenant(tenantId, audit.intents.orphans, { readOnly: true });
  return [
    {
      id: 'audit.log',
      guard: 'audit',
      title: 'Trail in signed checkpoints',
      state: ok ? 'ok' : 'failing',
      value: `${size} events`,
      detail,
    },
    await witnessTile(audit),
    intentTile(orphans),
    ...(await followerTiles(audit, tenantId)),
  ];
}

const worse = { ok: 0, attention: 1, failing: 2 } as const;

/** What follows the log, the worst of it first. */
async function followerTiles(audit: Rooms['audit'], tenantId: TenantId): Promise<readonly PostureTile[]> {
  const { checks, figures } = await audit.logHealth(tenantId);
  const tile = (id: string, title: string, value: string, names: readonly string[]): PostureTile => {
    const [worst] = checks
      .filter(({ name }) => names.includes(name))
      .toSorted((left, right) => worse[right.state] - worse[left.state]);
    const { state = 'ok', detail = '', name = '' } = worst ?? {};
    return {
      id,
      guard: 'audit',
      title,
      state,
      value,
      detail: names.length > 1 ? `${name}: ${detail}` : detail,
    };
  };
  const verified = figures.verification?.size ?? 0;
  return [
    tile('audit.verification', 'Log verified from end to end', `${verified} events`, ['verification']),
    tile('audit.alerts', 'Alerts', `${figures.alerts.open} open`, ['alerts']),
    tile('audit.health', 'What follows the log', `${figures.sinks.length} receivers`, [
      'unsigned tail',
      'gaps',
      'sinks',
      'search',
      'rules',
      'mails',
      'clock',
    ]),
  ];
}

function intentTile(orphans: number): PostureTile {
  return {
    id: 'audit.intents',
    guard: 'audit',
    title: 'Effects outside the house with an outcome',
    state: orphans === 0 ? 'ok' : 'attention',
    value: `${orphans} open`,
    detail:
      orphans === 0
        ? 'of everything that was begun it is known how it went'
        : 'begun, and nobody said how it went: see audit.intent_orphaned and look whether it was done',
  };
}

const witnessTileStates = { none: 'attention', met: 'ok', behind: 'attention', halted: 'failing' } as const;

async function witnessTile(audit: Rooms['audit']): Promise<PostureTile> {
  const { state, detail, witnessedSize } = await audit.witnesses.quorum();
  return {
    id: 'audit.witnesses',
    guard: 'audit',
    title: 'Witnesses of the platform log',
    state: witnessTileStates[state],
    value: state === 'none' ? 'no policy' : `${witnessedSize} witnessed`,
    detail,
  };
}

/** So long an event may wait for a receiver that does take others. */
const slowSeconds = 300;

async function sinkTile({ database, audit }: Rooms, { tenantId }: Principal): Promise<PostureTile> {
  const sinks = await database.withTenant(tenantId, audit.sinks.list, { readOnly: true });
  const now = systemClock.now();
  const failing = sinks.filter(({ state }) => state === 'failing');
  const slow = sinks.filter((sink) => sink.state === 'active' && lagSeconds(sink, now) > slowSeconds);
  const paused = sinks.filter(({ state }) => state === 'paused');
  const deadLetters = sinks.reduce((sum, sink) => sum + sink.deadLetters, 0);
  const problems = [
    ...failing.map(({ name, lag }) => `${name} takes nothing, ${lag} events wait`),
    ...slow.map(({ name, lag }) => `${name} is slow, ${lag} events wait`),
    ...paused.map(({ name, lag }) => `${name} is paused, ${lag} events wait`),
    ...(deadLetters === 0 ? [] : [`${deadLetters} events were refused one by one`]),
  ];
  const nothing =
    sinks.length === 0 ? 'nobody outside gets the trail' : 'every receiver has what it asked for';
  return {
    id: 'audit.sinks',
    guard: 'audit',
    title: 'Trail delivered to its receivers',
    state: failing.length > 0 ? 'failing' : problems.length > 0 ? 'attention' : 'ok',
    value: sinks.length === 1 ? '1 receiver' : `${sinks.length} receivers`,
    detail: problems.length === 0 ? nothing : problems.slice(0, 3).join('; '),
  };
}

async function keyTiles(
  { database, crypto }: Rooms,
  { tenantId }: Principal,
): Promise<readonly PostureTile[]> {
  const { status, posture } = await database.withTenant(
    tenantId,
    async (tx) => ({
      status: await crypto.status(tx),
      posture: [await periodTile(tx, crypto), await canaryTile(tx, crypto)],
    }),
    { readOnly: true },
  );
  const active = status.epochs.find((epoch) => epoch.state === 'active');
  return [
    {
      id: 'crypto.root',
      guard: 'crypto',
      title: 'Root key provider',
      state: status.provider.development ? 'attention' : 'ok',
      value: status.provider.name,
      detail: status.provider.development
        ? 'a development root key: choose a provider before real data comes in'
        : 'not a development key',
    },
    {
      id: 'crypto.subjects',
      guard: 'crypto',
      title: 'People with a key of their own',
      state: 'ok',
      value: String(status.subjects.active),
      detail: `${status.subjects.shredded} shredded; key epoch ${active?.epoch ?? 'none'}`,
    },
    ...posture,
  ];
}

async function periodTile(tx: Tx, crypto: Crypto): Promise<PostureTile> {
  const overdue = await crypto.inventory.overdue(tx);
  const kinds = Object.entries(overdue).filter(([, count]) => count > 0);
  return {
    id: 'crypto.cryptoperiods',
    guard: 'crypto',
    title: 'Keys within their cryptoperiod',
    state: kinds.length === 0 ? 'ok' : 'failing',
    value: `${kinds.reduce((sum, [, count]) => sum + count, 0)} overdue`,
    detail:
      kinds.length === 0
        ? 'no key seals, wraps or signs beyond its time'
        : `${kinds.map(([kind, count]) => `${count} ${kind}`).join(', ')}: rotate them; the inventory names each`,
  };
}

const alertDays = 30;

async function canaryTile(tx: Tx, crypto: Crypto): Promise<PostureTile> {
  const since = new Date(systemClock.now().getTime() - alertDays * 86_400_000);
  const { planted, opened } = await crypto.canaries.count(tx, since);
  return {
    id: 'crypto.canaries',
    guard: 'crypto',
    title: 'Canaries untouched',
    state: opened > 0 ? 'failing' : 'ok',
    value: `${planted} planted`,
    detail:
      opened > 0
        ? `${opened} opened within ${alertDays} days: somebody reads what nobody has a reason to; see crypto.poison_opened`
        : 'none was opened',
  };
}

async function certificateTiles(
  { database, pki }: Rooms,
  { tenantId }: Principal,
): Promise<readonly PostureTile[]> {
  const posture = await database.withTenant(tenantId, pki.posture, { readOnly: true });
  const { valid, ending, listsEnding, listsOver } = posture;
  const detail =
    listsOver > 0
      ? `${listsOver} revocation lists are over: every connection under them is refused`
      : listsEnding > 0
        ? `${listsEnding} revocation lists were not made anew and end within three days`
        : ending > 0
          ? `${ending} end within two weeks and have no successor`
          : 'none ends soon; every revocation list is fresh';
  return [
    {
      id: 'crypto.certificates',
      guard: 'crypto',
      title: 'Certificates of the data services',
      state: listsOver > 0 ? 'failing' : listsEnding + ending > 0 ? 'attention' : 'ok',
      value: `${valid} valid`,
      detail,
    },
  ];
}

async function mapTiles(
  { database, dataMap }: Rooms,
  { tenantId }: Principal,
): Promise<readonly PostureTile[]> {
  const drift = await database.withTenant(
    tenantId,
    async (tx) => findDrift(tx, await dataMap.forTenant(tx)),
    { readOnly: true },
  );
  const state = drift.length === 0 ? 'ok' : 'attention';
  return [
    {
      id: 'datamap.drift',
      guard: 'datamap',
      title: 'Data map agrees with the live schema',
      state,
      value: `${drift.length} findings`,
      detail: drift.length === 0 ? 'every column is mapped' : 'columns that no map covers; see the data map',
    },
  ];
}

function guardrailTile({ policy }: Rooms): PostureTile {
  const { ok, detail } = policy.health();
  return {
    id: 'policy.guardrails',
    guard: 'policy',
    title: 'Guardrails loaded',
    state: ok ? 'ok' : 'failing',
    value: ok ? 'active' : 'broken',
    detail,
  };
}
