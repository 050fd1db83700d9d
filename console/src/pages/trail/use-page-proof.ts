import { useState } from 'react';
import { call, callRaw } from '../../api/client.ts';
import { ApiProblem } from '../../api/problem.ts';
import type { LogInfo, PlatformProof, TrailEvent, Witnesses } from '../../api/types.ts';
import { climbPlatform } from '../../proof/platform-ladder.ts';
import { parseTlogProof } from '../../proof/tlog-proof.ts';
import { trustCheckpoint, verifyRows, type RowProof } from '../../proof/verify-rows.ts';

/** Verifying a whole page of events. */
export type PageProof = {
  readonly state: 'idle' | 'busy' | 'done';
  readonly rows: ReadonlyMap<number, RowProof> | undefined;
  /** Size of the checkpoint that everything was verified against. */
  readonly size: number;
  /** Witnesses whose cosignature of the platform checkpoint above it holds. */
  readonly witnesses: readonly string[];
  /** Why the way up to the witnesses is not shown. */
  readonly platform: 'verified' | 'waiting' | 'broken';
  readonly error: unknown;
};

const idle: PageProof = {
  state: 'idle',
  rows: undefined,
  size: 0,
  witnesses: [],
  platform: 'waiting',
  error: null,
};

/** Verifies rows in the browser from public tiles; asks the API once, for the way up to the witnesses. */
export function usePageProof() {
  const [proof, setProof] = useState<PageProof>(idle);
  const verify = async (rows: readonly TrailEvent[]): Promise<void> => {
    setProof({ ...idle, state: 'busy' });
    try {
      const top = await findCheckpoint(Math.max(...rows.map(({ seq }) => seq)));
      const results = new Map<number, RowProof>();
      await verifyRows(rows, top.checkpoint, top.fetchTile, (seq, result) => results.set(seq, result));
      setProof({
        state: 'done',
        rows: results,
        size: top.checkpoint.size,
        witnesses: top.witnesses,
        platform: top.platform,
        error: null,
      });
    } catch (error) {
      setProof({ ...idle, error });
    }
  };
  return { proof, verify, forget: () => setProof(idle) };
}

async function findCheckpoint(newest: number) {
  const log = await call<LogInfo>('/v1/audit/log');
  const fetchTile = async (path: string): Promise<Uint8Array<ArrayBuffer>> => {
    const response = await callRaw(`/log/${log.logId}/tile/${path}`, { headers: { accept: '*/*' } });
    return new Uint8Array(await response.arrayBuffer());
  };
  const anchored = await platformProof(newest);
  if (anchored === null) {
    const response = await callRaw(`/log/${log.logId}/checkpoint`, { headers: { accept: 'text/plain' } });
    const checkpoint = await trustCheckpoint(await response.text(), log.vkey);
    return { checkpoint, fetchTile, witnesses: [], platform: 'waiting' as const };
  }
  const { checkpoint: note } = parseTlogProof(anchored.event);
  const checkpoint = await trustCheckpoint(note, log.vkey);
  const known = await call<Witnesses>('/v1/audit/witnesses');
  const witnesses: string[] = [];
  let platform: 'verified' | 'broken' = 'verified';
  for await (const rung of climbPlatform({ ...anchored, checkpoint: note, witnesses: withKeys(known) })) {
    if (rung.state === 'broken') platform = 'broken';
    if (rung.name === 'witness' && rung.state === 'verified') witnesses.push(rung.witness ?? '');
  }
  return { checkpoint, fetchTile, witnesses, platform };
}

/** Witnesses that the policy gives a key for. */
export function withKeys(known: Witnesses): readonly { readonly witness: string; readonly vkey: string }[] {
  return known.witnesses.flatMap(({ witness, vkey }) => (vkey === null ? [] : [{ witness, vkey }]));
}

/** Null while the platform log has not taken the event up, which it does within a second or two. */
async function platformProof(seq: number): Promise<PlatformProof | null> {
  for (let attempt = 0; attempt < 4; attempt += 1) {
    try {
      return await call<PlatformProof>(`/v1/audit/events/${seq}/platform-proof`);
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 404) throw error;
      await new Promise((wake) => setTimeout(wake, 700));
    }
  }
  return null;
}
