import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Database, SystemTx, Tx } from '../../../db/index.ts';
import {
  parseTenantId,
  platformTenantId,
  type Clock,
  type Logger,
  type TenantId,
} from '../../../kernel/index.ts';
import { cryptoError } from '../../errors.ts';
import { ledgerDamaged } from '../events.ts';
import type { LedgerRecord, LedgerSigner } from './ledger-line.ts';
import { createLedgerWriter, type LedgerHead, type LedgerWriter } from './ledger-writer.ts';
import { readLedgerFolder, type LedgerFault, type LedgerFile } from './read-folder.ts';
import { replay, type ReplayDeps } from './replay.ts';
import {
  listLedgerTenants,
  readLedgerAfter,
  readLedgerFiles,
  readLedgerKeys,
  rememberLedgerFile,
  setLedgerFilesAside,
  trustLedgerKey,
} from './store.ts';

/** One thing that is wrong with the ledger outside the database. */
export type LedgerFinding = { readonly file: string; readonly fault: LedgerFault };

/** What a comparison of ledger and database gave. */
export type Reconciliation = {
  /** True when both agree and nothing is damaged. */
  readonly agrees: boolean;
  readonly files: number;
  readonly entries: number;
  /** Keys that the ledger knew as destroyed and the database did not: the database is older than the ledger. */
  readonly replayed: number;
  /** Requests behind those; their rows and index values must be deleted again. */
  readonly requests: readonly string[];
  /** Entries that only the database had; they stand in the files now. */
  readonly written: number;
  /** Tenants of the ledger that this database does not have. */
  readonly unknownTenants: number;
  readonly findings: readonly LedgerFinding[];
};

/** Choices of an operator. */
export type ReconcileOptions = {
  /** Ids of keys whose files are believed although this database does not know them. */
  readonly trust?: readonly string[];
  /** Takes damaged files out of the way once what is signed in them has been replayed. */
  readonly setAside?: boolean;
};

/** The shred ledger outside the database. */
export type ShredLedger = {
  /** With the caller's commit the entries are on disk; a disk that refuses makes the ledger behind, not the shred undone. */
  readonly record: (tx: Tx, records: readonly LedgerRecord[]) => void;
  /** Compares both sides, replays what is missing here, writes what is missing there. */
  readonly reconcile: (options?: ReconcileOptions) => Promise<Reconciliation>;
  /** Carries over what a process or a disk left out; compares all again while they do not agree. @returns 0 */
  readonly tick: () => Promise<number>;
  /** Whether traffic may be accepted. */
  readonly state: () => { readonly ok: boolean; readonly detail: string };
  /** What the last comparison gave; null before the first and while one runs. */
  readonly last: () => Reconciliation | null;
  readonly stop: () => Promise<void>;
};

/** What the part needs. */
export type ShredLedgerDeps = ReplayDeps & {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signer: (tx: Tx) => Promise<LedgerSigner>;
};

type LedgerRow = {
  readonly id: string;
  readonly kid: string;
  readonly epoch: number;
  readonly subject_hash: string;
  readonly request_id: string;
  readonly reason: string;
  readonly actor_kind: string;
  readonly actor_id: string;
  readonly shredded_at: Date;
};

const rowsPerPage = 1_000;
const folderFile = 'folder-id';
const overlapMilliseconds = 600_000;
/** Such a fault is the end of a process: what it left out is written again. */
const harmless: ReadonlySet<LedgerFault> = new Set(['torn']);

/** Makes the part; touches nothing yet. */
export function createShredLedger(deps: ShredLedgerDeps): ShredLedger {
  const held: Held = {
    known: new Set(),
    writer: null,
    folderId: null,
    last: null,
    behind: null,
    syncedAt: null,
  };
  const writing = new Set<Promise<void>>();
  const write = (records: readonly LedgerRecord[]): void => {
    if (held.writer === null) return; // before the first comparison, which writes what it finds in the database
    try {
      const head = held.writer.append(records);
      for (const { id } of records) held.known.add(id);
      held.behind = null;
      const work = remember(deps, held, head).finally(() => writing.delete(work));
      writing.add(work);
    } catch (error) {
      held.behind = 'the shred ledger cannot be written; see the log';
      deps.logger.error('destroyed keys could not be written to the shred ledger; it is tried again', {
        error,
      });
    }
  };
  const reconcile = async (options: ReconcileOptions = {}): Promise<Reconciliation> => {
    held.last = null;
    const found = await compare(deps, held, options, write);
    held.last = found;
    return found;
  };
  return Object.freeze({
    record: (tx: Tx, records: readonly LedgerRecord[]) => tx.onCommit(() => write(records)),
    reconcile,
    tick: async () => {
      if (held.last?.agrees === true) await carryOver(deps, held, write);
      else await reconcile();
      return 0;
    },
    state: () => stateOf(held),
    last: () => held.last,
    stop: async () => {
      await Promise.all(writing);
      held.writer?.close();
      held.writer = null;
    },
  });
}

type Held = {
  /** Ids of all entries in the folder. */
  known: Set<string>;
  writer: LedgerWriter | null;
  folderId: string | null;
  last: Reconciliation | null;
  behind: string | null;
  syncedAt: Date | null;
};
type Write = (records: readonly LedgerRecord[]) => void;

function stateOf({ last, behind }: Held): { readonly ok: boolean; readonly detail: string } {
  if (last === null)
    return { ok: false, detail: 'not compared with the database yet; "gatehouse crypto reconcile" does it' };
  if (behind !== null) return { ok: false, detail: behind };
  if (!last.agrees) {
    const what = last.findings.map(({ file, fault }) => `${file}: ${fault}`).join(', ');
    return {
      ok: false,
      detail: `damaged (${what}); look, then run "gatehouse crypto reconcile --set-aside"`,
    };
  }
  const replayed =
    last.replayed === 0
      ? ''
      : `; the database was older than the ledger: ${last.replayed} keys were destroyed again`;
  return { ok: true, detail: `agrees with the database${replayed}` };
}

async function compare(
  deps: ShredLedgerDeps,
  held: Held,
  options: ReconcileOptions,
  write: Write,
): Promise<Reconciliation> {
  const signer = await deps.database.withTenant(platformTenantId, (tx) => deps.signer(tx));
  const trusted = await trustedKeys(deps, signer, options.trust ?? []);
  const files = await readLedgerFolder(deps.folder, (keyId) => trusted.has(keyId));
  await keepTrusted(deps, files, options.trust ?? []);
  held.folderId = await folderIdOf(deps.folder, false);
  const findings = [...faultsOf(files), ...(await missingFrom(deps, held, files))];
  const records = files.flatMap((file) => file.records);
  const replayed = await replayAll(deps, records);
  held.known = new Set(records.map(({ id }) => id));
  const blocking = findings.filter(({ fault }) => !harmless.has(fault));
  if (blocking.length > 0) await recordDamage(deps, blocking);
  const setAside = options.setAside === true && blocking.length > 0;
  if (setAside) await putAside(deps, held, files, blocking);
  held.writer ??= createLedgerWriter(deps.folder, signer, deps.clock);
  held.behind = null;
  // Files that were set aside count no more: what only they had is written anew.
  if (setAside) held.known = new Set(files.filter((file) => !isAmong(file, blocking)).flatMap(idsOf));
  const written = await writeMissing(deps, held, write, null);
  return {
    agrees: (blocking.length === 0 || setAside) && held.behind === null,
    files: files.length,
    entries: records.length,
    ...replayed,
    written,
    findings: setAside ? [] : findings.filter(({ fault }) => !harmless.has(fault)),
  };
}

const idsOf = (file: LedgerFile): readonly string[] => file.records.map(({ id }) => id);
const isAmong = (file: LedgerFile, findings: readonly LedgerFinding[]): boolean =>
  findings.some((finding) => finding.file === file.name || finding.file === file.file);
const faultsOf = (files: readonly LedgerFile[]): readonly LedgerFinding[] =>
  files.flatMap(({ name, faults }) => faults.map((fault) => ({ file: name, fault })));

async function trustedKeys(
  deps: ShredLedgerDeps,
  signer: LedgerSigner,
  more: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await deps.database.withSystem((tx) => tx.query<{ key_id: string }>(readLedgerKeys));
  return new Set([signer.keyId, ...rows.map(({ key_id }) => key_id), ...more]);
}

async function keepTrusted(
  deps: ShredLedgerDeps,
  files: readonly LedgerFile[],
  trust: readonly string[],
): Promise<void> {
  for (const keyId of trust) {
    const publicKey = files.find((file) => file.keyId === keyId)?.publicKey;
    if (publicKey === undefined || publicKey === null)
      throw cryptoError(
        'ERR_CRYPTO_INPUT',
        `no file of the shred ledger is signed by key "${keyId.slice(0, 64)}"`,
      );
    await deps.database.withSystem((tx) => tx.query(trustLedgerKey, [keyId, publicKey, deps.clock.now()]));
  }
}

/** The folder's own name; every replica may have its own folder, and the database remembers files per folder. */
async function folderIdOf(folder: string, make: boolean): Promise<string | null> {
  const path = join(folder, folderFile);
  if (make) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(path, randomUUID(), { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null; // an errno error of node:fs
    throw error;
  }
}

type RememberedRow = { readonly file: string; readonly lines: number; readonly head: Buffer };

/** Files that the database remembers and that are gone, shorter, or another text than they were. */
async function missingFrom(
  deps: ShredLedgerDeps,
  { folderId }: Held,
  files: readonly LedgerFile[],
): Promise<readonly LedgerFinding[]> {
  if (folderId === null) return [];
  const { rows } = await deps.database.withSystem((tx: SystemTx) =>
    tx.query<RememberedRow>(readLedgerFiles, [folderId]),
  );
  return rows.flatMap((row): LedgerFinding[] => {
    const file = files.find((one) => one.file === row.file);
    if (file === undefined) return [{ file: row.file, fault: 'missing' }];
    if (file.hashes.length < row.lines) return [{ file: file.name, fault: 'truncated' }];
    if (file.hashes[row.lines - 1] !== row.head.toString('hex'))
      return [{ file: file.name, fault: 'broken_chain' }];
    return [];
  });
}

async function recordDamage(deps: ShredLedgerDeps, findings: readonly LedgerFinding[]): Promise<void> {
  deps.logger.error('the shred ledger is damaged; the process is not ready', { findings });
  await deps.audit().record({
    definition: ledgerDamaged,
    tenantId: platformTenantId,
    outcome: 'failure',
    reason: findings[0]?.fault ?? 'damaged',
    actor: { kind: 'system', id: 'crypto', displayName: 'Shred ledger' },
    detail: { findings: findings.slice(0, 100).map(({ file, fault }) => ({ file, fault })) },
  });
}

async function putAside(
  deps: ShredLedgerDeps,
  held: Held,
  files: readonly LedgerFile[],
  findings: readonly LedgerFinding[],
): Promise<void> {
  const damaged = files.filter((file) => isAmong(file, findings));
  held.writer?.close();
  held.writer = null;
  for (const { name } of damaged) await rename(join(deps.folder, name), join(deps.folder, `${name}.damaged`));
  const gone = [
    ...damaged.flatMap(({ file }) => (file === null ? [] : [file])),
    ...findings.flatMap(({ file, fault }) => (fault === 'missing' ? [file] : [])),
  ];
  await deps.database.withSystem((tx) => tx.query(setLedgerFilesAside, [gone, deps.clock.now()]));
}

async function replayAll(
  deps: ShredLedgerDeps,
  records: readonly LedgerRecord[],
): Promise<Pick<Reconciliation, 'replayed' | 'requests' | 'unknownTenants'>> {
  const byTenant = Map.groupBy(records, ({ tenant }) => tenant);
  const here = new Set(await tenantsOf(deps.database));
  let replayed = 0;
  let unknownTenants = 0;
  const requests: string[] = [];
  for (const [tenant, own] of byTenant) {
    const tenantId = parseTenantId(tenant);
    if (!here.has(tenantId)) unknownTenants += 1;
    else {
      const done = await replay(deps, tenantId, own);
      replayed += done.keys;
      requests.push(...done.requests);
    }
  }
  if (replayed > 0)
    deps.logger.warn('the database was older than the shred ledger; keys were destroyed again', {
      replayed,
      requests: requests.length,
    });
  return { replayed, requests, unknownTenants };
}

async function tenantsOf(database: Database): Promise<readonly TenantId[]> {
  const tenants: TenantId[] = [];
  for (let after: string | null = null; ;) {
    const { rows } = await database.withSystem((tx) =>
      tx.query<{ id: string }>(listLedgerTenants, [after, rowsPerPage]),
    );
    tenants.push(...rows.map(({ id }) => parseTenantId(id)));
    after = rows.at(-1)?.id ?? null;
    if (after === null || rows.length < rowsPerPage) return tenants;
  }
}

/** What was destroyed lately and stands in no file: by a process that ended, or while the disk refused. */
async function carryOver(deps: ShredLedgerDeps, held: Held, write: Write): Promise<void> {
  const now = deps.clock.now();
  const since = new Date((held.syncedAt ?? now).getTime() - overlapMilliseconds);
  await writeMissing(deps, held, write, since);
  if (held.behind === null) held.syncedAt = now;
}

/** @param since - looks at entries from then on only; their ids begin with their time (UUIDv7). @returns how many were written */
async function writeMissing(
  deps: ShredLedgerDeps,
  held: Held,
  write: Write,
  since: Date | null,
): Promise<number> {
  let written = 0;
  for (const tenantId of await tenantsOf(deps.database)) {
    for (let after = since === null ? null : floorOf(since); ;) {
      const { rows } = await deps.database.withTenant(
        tenantId,
        (tx) => tx.query<LedgerRow>(readLedgerAfter, [tenantId, after, rowsPerPage]),
        { readOnly: true },
      );
      const missing = rows.filter(({ id }) => !held.known.has(id));
      if (missing.length > 0) {
        held.folderId ??= await folderIdOf(deps.folder, true);
        write(missing.map((row) => recordOf(tenantId, row)));
        written += missing.length;
      }
      after = rows.at(-1)?.id ?? null;
      if (after === null || rows.length < rowsPerPage) break;
    }
  }
  return written;
}

/** The smallest UUIDv7 of an instant. */
function floorOf(instant: Date): string {
  const hex = Math.max(0, instant.getTime()).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** An entry as the files have it. */
export function recordOf(tenantId: TenantId, row: LedgerRow): LedgerRecord {
  return {
    tenant: tenantId,
    id: row.id,
    kid: row.kid,
    epoch: row.epoch,
    subject: row.subject_hash,
    request: row.request_id,
    reason: row.reason,
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    at: row.shredded_at.toISOString(),
  };
}

async function remember(deps: ShredLedgerDeps, held: Held, head: LedgerHead): Promise<void> {
  try {
    held.folderId ??= await folderIdOf(deps.folder, true);
    const values = [head.file, held.folderId, head.lines, head.head, deps.clock.now()];
    await deps.database.withSystem((tx) => tx.query(rememberLedgerFile, values));
  } catch (error) {
    deps.logger.warn('how far the shred ledger is could not be remembered; the next entry does it', {
      error,
    });
  }
}
