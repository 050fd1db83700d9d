import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAuditFixture, type AuditFixture } from '../audit/fixture.ts';
import { describeUnless } from '../support/skip.ts';
import { createSinkHouse, eventually, firstSeen, type SinkPeer } from './sink-contract.ts';
import { missingPeers, startPeers } from './sink-peers.ts';

/** Rounds in which receivers die; each takes about two seconds. */
const rounds = 6;
const eventsPerRound = 150;

describeUnless(missingPeers, 'six receivers of all kinds on one log', () => {
  let house: AuditFixture;
  let peers: readonly SinkPeer[] = [];

  beforeAll(async () => {
    house = await createAuditFixture();
    peers = await startPeers();
  }, 120_000);
  afterAll(async () => {
    for (const peer of peers) await peer.dispose();
    await house?.close();
  });

  test('have every event in order in the end, whoever of them and of two workers died in between', async () => {
    const log = await createSinkHouse(house, 'chaos');
    const other = house.another();
    const ids: string[] = [];
    for (const [at, peer] of peers.entries())
      ids.push(await log.create(peer, { name: `peer ${at} ${peer.sink.configuration.kind}` }));
    for (let round = 0; round < rounds; round += 1) {
      const [one, two] = [pick(peers), pick(peers)];
      await log.record(eventsPerRound);
      const working = Promise.all([work(log.house, ids), work({ ...house, audit: other }, ids)]);
      await one.stop();
      if (two !== one) await two.stop();
      await one.start();
      await two.start();
      await working;
    }
    for (const id of ids) await log.catchUp(id);
    await other.sinks.worker.settle();
    const { cursor: size } = await log.view(ids[0] ?? '');
    expect(size).toBeGreaterThanOrEqual(rounds * eventsPerRound);
    // What is recorded meanwhile, of failing and recovering, comes too: each receiver has at least what all had by now.
    for (const [at, peer] of peers.entries())
      await eventually(async () => {
        const seen = firstSeen(await peer.read(log.logId));
        const { kind } = peer.sink.configuration;
        expect([kind, seen.slice(0, size)]).toEqual([kind, Array.from({ length: size }, (_, seq) => seq)]);
        expect((await log.view(ids[at] ?? '')).deadLetters).toBe(0);
      });
  }, 240_000);
});

const pick = (peers: readonly SinkPeer[]): SinkPeer => {
  const peer = peers[randomInt(peers.length)];
  if (peer === undefined) throw new Error('there is a peer');
  return peer;
};

/** A worker that goes on for a while, with every pause over at once. */
async function work(
  { audit, db }: Pick<AuditFixture, 'audit' | 'db'>,
  ids: readonly string[],
): Promise<void> {
  await audit.flush();
  for (let turn = 0; turn < 6; turn += 1) {
    await db.admin('update audit.sink set next_attempt_at = now() where id = any($1)', [ids]);
    await audit.sinks.worker.tick();
  }
}
