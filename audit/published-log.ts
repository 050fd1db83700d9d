import { notFound, type TenantId } from '../kernel/index.ts';
import type { Database, Tx } from '../db/index.ts';
import type { LogDirectory, LogInfo } from './log-directory.ts';
import type { CheckpointRow, LogReader } from './log-reader.ts';
import { parseCheckpoint } from './checkpoint-text.ts';
import { logTag } from './platform/platform-leaf.ts';
import { platformLogName, type PlatformLog } from './platform/platform-log.ts';
import { parseNote } from './signed-note.ts';
import { platformSignedLog, type QuantumSignatures, type SignedLog } from './quantum-signatures.ts';
import { selectKeptCheckpoints } from './store-read.ts';
import type { TilePath } from './tile-path.ts';
import { formatTlogProof } from './tlog-proof.ts';
import { platformCosignatures, type WitnessClient } from './witness/witness-client.ts';

/** A platform checkpoint with all its signatures. */
export type PlatformAnchor = {
  readonly size: number;
  readonly checkpoint: string;
  /** The newest one that satisfies the witness policy; a proof ends there when it can. */
  readonly witnessed: { readonly size: number; readonly checkpoint: string } | null;
};

/** From an event up to the checkpoint that witnesses cosign. */
export type PlatformProof = {
  readonly entry: Buffer;
  /** `.tlog-proof` of the event in its tenant's log, at a size that the platform log holds. */
  readonly event: string;
  /** The leaf of the platform log that commits to that checkpoint. */
  readonly leaf: Buffer;
  /** `.tlog-proof` of that leaf in the platform log. */
  readonly platform: string;
};

/** The logs as outsiders see them: checkpoints with every signature, keys, proofs as files. */
export type PublishedLog = {
  /** The newest checkpoint with every signature there is; `platform` names the platform log. */
  readonly checkpoint: (logId: string) => Promise<string | null>;
  /** The newest checkpoint that satisfies the witness policy; null for logs without one. */
  readonly witnessedCheckpoint: (logId: string) => Promise<string | null>;
  readonly tile: (logId: string, path: TilePath) => Promise<Buffer | null>;
  /** Ed25519 and ML-DSA-44 verifier keys of a log, by its public id. */
  readonly keys: (logId: string) => Promise<readonly string[] | null>;
  readonly keysOf: (log: LogInfo) => Promise<readonly string[]>;
  /** A checkpoint of a tenant's log with its ML-DSA-44 signature beside. */
  readonly signedTwice: (log: LogInfo, note: string) => Promise<string>;
  /** The content of a `.tlog-proof` file. @throws ERR_NOT_FOUND */
  readonly tlogProof: (tx: Tx, seq: number, size?: number) => Promise<string>;
  /** The newest platform checkpoint, for {@link PublishedLog.platformProof}; ask before BEGIN. */
  readonly platformAnchor: () => Promise<PlatformAnchor>;
  /** @throws ERR_NOT_FOUND while the event waits for the next round of the platform log */
  readonly platformProof: (tx: Tx, seq: number, anchor: PlatformAnchor) => Promise<PlatformProof>;
  /** Kept checkpoints of the transaction's tenant, largest first. */
  readonly checkpoints: (tx: Tx, below: number, limit: number) => Promise<readonly CheckpointRow[]>;
};

/** What it is made of. */
export type PublishedLogDeps = {
  readonly database: Database;
  readonly directory: LogDirectory;
  readonly reader: LogReader;
  readonly platform: PlatformLog;
  readonly quantum: QuantumSignatures;
  readonly witnesses: WitnessClient;
};

/** Joins the logs with their keys, signatures and witnesses. */
export function createPublishedLog(deps: PublishedLogDeps): PublishedLog {
  const { database, directory, reader, platform, quantum, witnesses } = deps;
  const platformCheckpoint = async (row: CheckpointRow): Promise<string> => {
    const twice = await quantum.add(platformSignedLog(await platform.info()), row.note);
    return twice + (await platformCosignatures(database, row.size));
  };
  const keysOf = async (log: SignedLog): Promise<readonly string[]> => [log.vkey, await quantum.vkey(log)];
  const tlogProof = async (tx: Tx, seq: number, size?: number): Promise<string> => {
    const { index, hashes, checkpoint } = await reader.proof(tx, seq, size);
    const log = await requireLog(directory, tx.tenantId);
    return formatTlogProof({
      index,
      hashes,
      checkpoint: await quantum.add(tenantSignedLog(log), checkpoint),
      extra: null,
    });
  };
  return Object.freeze({
    tlogProof,
    keysOf: (log: LogInfo) => keysOf(tenantSignedLog(log)),
    signedTwice: (log: LogInfo, note: string) => quantum.add(tenantSignedLog(log), note),
    keys: async (logId: string) => {
      if (logId === platformLogName) return keysOf(platformSignedLog(await platform.info()));
      const log = await reader.logById(logId);
      return log === null ? null : keysOf(tenantSignedLog(log));
    },
    checkpoint: async (logId: string) => {
      if (logId === platformLogName) return platformCheckpoint(await platform.head());
      const [note, log] = [await reader.checkpoint(logId), await reader.logById(logId)];
      return note === null || log === null ? null : quantum.add(tenantSignedLog(log), note);
    },
    witnessedCheckpoint: async (logId: string) =>
      logId === platformLogName ? witnesses.witnessedCheckpoint() : null,
    tile: (logId: string, path: TilePath) =>
      logId === platformLogName ? platform.tile(path) : reader.tile(logId, path),
    platformAnchor: async () => {
      const head = await platform.head();
      const witnessed = anchorOf(await witnesses.witnessedCheckpoint());
      return { size: head.size, checkpoint: await platformCheckpoint(head), witnessed };
    },
    platformProof: async (tx: Tx, seq: number, anchor: PlatformAnchor) => {
      const log = await requireLog(directory, tx.tenantId);
      const place = await platform.placeOf(tx, logTag(log.origin), seq);
      const { size, checkpoint } = place === null ? anchor : nearestAnchor(anchor, place.seq);
      if (place === null || place.seq >= size) throw notFound('platform checkpoint of event', String(seq));
      const hashes = await platform.inclusion(tx, place.seq, size);
      return {
        entry: (await reader.proof(tx, seq, place.logSize)).entry,
        event: await tlogProof(tx, seq, place.logSize),
        leaf: place.body,
        platform: formatTlogProof({ index: place.seq, hashes, checkpoint, extra: null }),
      };
    },
    checkpoints: async (tx: Tx, below: number, limit: number) =>
      (await tx.query<CheckpointRow>(selectKeptCheckpoints, [tx.tenantId, below, limit])).rows,
  });
}

function anchorOf(note: string | null): PlatformAnchor['witnessed'] {
  return note === null ? null : { size: parseCheckpoint(parseNote(note).text).size, checkpoint: note };
}

/** The witnessed checkpoint when the leaf stands below it, otherwise the newest one. */
function nearestAnchor(anchor: PlatformAnchor, seq: number): Omit<PlatformAnchor, 'witnessed'> {
  const { witnessed } = anchor;
  return witnessed !== null && seq < witnessed.size ? witnessed : anchor;
}

function tenantSignedLog({ tenantId, origin, vkey }: LogInfo): SignedLog {
  return { tenantId, origin, vkey, kind: 'tenant' };
}

async function requireLog(directory: LogDirectory, tenantId: TenantId): Promise<LogInfo> {
  const log = await directory.byTenant(tenantId);
  if (log === null) throw notFound('log of tenant', tenantId);
  return log;
}
