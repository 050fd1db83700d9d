import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { NewSink, SinkView } from '../../audit/index.ts';
import type { AuditEvent, Principal, TenantId } from '../../kernel/index.ts';
import {
  createAuditFixture,
  createEvent,
  createPrincipal,
  type probed,
  type AuditFixture,
} from '../audit/fixture.ts';

/** One event as a receiver holds it. */
export type HeldEvent = { readonly seq: number; readonly detail?: unknown };

/** A real receiver. */
export type SinkPeer = {
  readonly sink: Pick<NewSink, 'configuration' | 'secrets'>;
  /** What it holds of a log, in its own order. */
  readonly read: (logId: string) => Promise<readonly HeldEvent[]>;
  readonly start: () => Promise<void>;
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
  readonly dispose: () => Promise<void>;
};

/** An event that a receiver refuses, and what it says. */
export type Poison = {
  readonly event: Partial<AuditEvent<typeof probed.detail>>;
  readonly reason: RegExp;
};

/** A house with one tenant whose log is delivered. */
export type SinkHouse = {
  readonly house: AuditFixture;
  readonly tenant: TenantId;
  readonly admin: Principal;
  readonly logId: string;
  readonly create: (peer: Pick<SinkPeer, 'sink'>, changes?: Partial<NewSink>) => Promise<string>;
  readonly view: (id: string) => Promise<SinkView>;
  readonly record: (count: number, changes?: Partial<AuditEvent<typeof probed.detail>>) => Promise<void>;
  /** Works until nothing moves, with every pause over at once. */
  readonly deliver: (id: string) => Promise<void>;
  /** Works until the sink has caught up. */
  readonly catchUp: (id: string) => Promise<void>;
};

/** Another tenant of a house. */
export async function createSinkHouse(house: AuditFixture, slug: string): Promise<SinkHouse> {
  const tenant = await house.db.createTenant(slug);
  const admin = createPrincipal(tenant, 'Ada Admin');
  const { logId } = await house.audit.ensureLog(tenant);
  const { sinks } = house.audit;
  const view = (id: string): Promise<SinkView> =>
    house.db.database.withTenant(tenant, (tx) => sinks.get(tx, id));
  const deliver = async (id: string): Promise<void> => {
    await house.audit.flush();
    await house.db.admin('update audit.sink set next_attempt_at = now() where id = $1', [id]);
    for (let quiet = 0; quiet < 2;) quiet = (await sinks.worker.tick()) === 0 ? quiet + 1 : 0;
    await sinks.worker.settle();
  };
  return {
    house,
    tenant,
    admin,
    logId,
    view,
    deliver,
    create: async ({ sink }, changes = {}) => {
      const settings = {
        filter: {},
        personalData: false,
        from: 0,
        name: `sink ${slug}`,
        ...sink,
        ...changes,
      };
      const made = await house.db.database.withTenant(tenant, (tx) => sinks.create(tx, admin, settings));
      return made.sink.id;
    },
    record: async (count, changes = {}) => {
      await house.audit.recordMany(Array.from({ length: count }, () => createEvent(tenant, changes)));
    },
    catchUp: async (id) => {
      for (let round = 0; round < 60; round += 1) {
        await deliver(id);
        if ((await view(id)).lag === 0) return;
      }
      throw new Error(`the sink did not catch up: ${String((await view(id)).lastError)}`);
    },
  };
}

/** Waits for what a receiver writes a moment after it took it. */
export async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      return await check();
    } catch (error) {
      if (attempt === 99) throw error;
      await new Promise((wake) => setTimeout(wake, 100));
    }
  }
}

/** The order in which numbers were first seen. */
export const firstSeen = (held: readonly HeldEvent[]): readonly number[] => [
  ...new Set(held.map(({ seq }) => seq)),
];
const upTo = (size: number): readonly number[] => Array.from({ length: size }, (_, at) => at);

/** What came of an event's detail, in words: the texts themselves are too long to be shown. */
function formOf(held: HeldEvent | undefined): string {
  const { sha256, note } = (held?.detail ?? {}) as { readonly sha256?: string; readonly note?: string }; // what the tests recorded, or what stands for it
  if (sha256 !== undefined) return /^[0-9a-f]{64}$/.test(sha256) ? 'its digest' : 'no digest';
  return note === undefined ? 'whole' : `whole, note of ${note.length}`;
}

/** What holds for every kind of receiver. Call inside a `describe`; without `poison` it is one that refuses no event. */
export function describeSinkPeer(
  make: () => Promise<SinkPeer>,
  options: { readonly poison?: Poison } = {},
): void {
  let house: AuditFixture;
  let peer: SinkPeer;
  let tenants = 0;
  const begin = (): Promise<SinkHouse> => createSinkHouse(house, `peer-${(tenants += 1)}`);
  const sizeOf = async ({ view }: SinkHouse, id: string): Promise<number> => (await view(id)).cursor;

  beforeAll(async () => {
    house = await createAuditFixture();
    peer = await make();
    await peer.start();
  });
  afterAll(async () => {
    await peer?.dispose();
    await house?.close();
  });

  test('gets every event once, whole and in the order of the log', async () => {
    const log = await begin();
    await log.record(300, { detail: { count: 1, note: 'line one\nline two, zażółć 𝒳 "]\\' } });
    const id = await log.create(peer);
    await log.catchUp(id);
    const size = await sizeOf(log, id);
    await eventually(async () => {
      const held = await peer.read(log.logId);
      expect(held.map(({ seq }) => seq)).toEqual(upTo(size));
      expect(held[7]?.detail).toEqual({ count: 1, note: 'line one\nline two, zażółć 𝒳 "]\\' });
    });
  });

  test('gets an event of 60 kB whole, one of a megabyte whole or as its digest, and the neighbours whole', async () => {
    const log = await begin();
    await log.record(1);
    await log.record(1, { detail: { count: 1, note: 'y'.repeat(60_000) } });
    await log.record(1, { detail: { count: 1, note: 'x'.repeat(1_000_000) } });
    await log.record(1);
    const id = await log.create(peer);
    await log.catchUp(id);
    await eventually(async () => {
      const held = await peer.read(log.logId);
      expect(held.slice(0, 4).map(({ seq }) => seq)).toEqual([0, 1, 2, 3]);
      expect(formOf(held[0])).toBe('whole');
      expect(formOf(held[1])).toBe('whole, note of 60000');
      expect(formOf(held[2])).toMatch(/^(its digest|whole, note of 1000000)$/);
      expect(formOf(held[3])).toBe('whole');
    });
  });

  test('that is dead loses nothing: events wait and come in order when it lives again', async () => {
    const log = await begin();
    const id = await log.create(peer);
    await peer.stop();
    await log.record(50);
    await log.deliver(id);
    expect(await log.view(id)).toMatchObject({ attempts: 1, lastError: expect.any(String), deadLetters: 0 });
    expect((await log.view(id)).cursor).toBe(0);
    await peer.start();
    await log.catchUp(id);
    const size = await sizeOf(log, id);
    await eventually(async () => expect(firstSeen(await peer.read(log.logId))).toEqual(upTo(size)));
  });

  test('that is restarted in the middle gets every event at least once, in order', async () => {
    const log = await begin();
    const id = await log.create(peer);
    for (let round = 0; round < 3; round += 1) {
      await log.record(200);
      const working = log.deliver(id);
      await peer.stop();
      await peer.start();
      await working;
      await log.deliver(id);
    }
    await log.catchUp(id);
    const size = await sizeOf(log, id);
    expect(size).toBeGreaterThanOrEqual(600);
    await eventually(async () => expect(firstSeen(await peer.read(log.logId))).toEqual(upTo(size)));
    expect((await log.view(id)).deadLetters).toBe(0);
  });

  const { poison } = options;
  if (poison === undefined) return;
  test('that refuses one event gets all the others, and the dead letter says why', async () => {
    const log = await begin();
    await log.record(2);
    await log.record(1, poison.event);
    await log.record(2);
    const id = await log.create(peer);
    await log.catchUp(id);
    const letters = await house.db.database.withTenant(log.tenant, (tx) =>
      house.audit.sinks.deadLetters(tx, id, { after: -1, limit: 10 }),
    );
    expect(letters).toEqual([
      expect.objectContaining({ seq: 2, reason: expect.stringMatching(poison.reason) }),
    ]);
    await eventually(async () =>
      expect(firstSeen(await peer.read(log.logId)).slice(0, 4)).toEqual([0, 1, 3, 4]),
    );
  });
}
