import { z } from 'zod';
import { parseSubjectId, type SubjectId } from '../kernel/index.ts';
import type { Crypto } from '../crypto/index.ts';
import type { Tx } from '../db/index.ts';
import { normalise } from './connectors/search-terms.ts';
import type { Identifier, SearchTerms } from './connectors/connector.ts';
import { dsrError } from './errors.ts';

const identifier = z.object({ kind: z.enum(['email', 'phone']), value: z.string() });
const sealedIdentity = z.object({
  identifiers: z.array(identifier),
  ticket: z.string(),
  message: z.string().nullable(),
});
const searchTerms = z.object({
  subjects: z.array(z.string()),
  rowIds: z.array(z.string()),
  emails: z.array(z.string()),
  phones: z.array(z.string()),
  shared: z.number(),
});

/** What a request knows of its person; at rest only ciphertext under the request's own key. */
export type SealedIdentity = z.infer<typeof sealedIdentity>;

/** The request's own key is a subject key under the request's id, so that shredding it forgets the request's person. */
export function requestSubject(requestId: string): SubjectId {
  return parseSubjectId(requestId);
}

const contextOf = (requestId: string, field: string) => ({
  service: 'dsr',
  collection: 'request',
  field,
  rowId: requestId,
  purpose: 'dsr',
});

/** Seals a value of a request under the request's own key. */
export function sealForRequest(
  crypto: Crypto,
  tx: Tx,
  at: { readonly requestId: string; readonly field: string },
  plaintext: Uint8Array,
): Promise<Buffer> {
  return crypto.seal(
    tx,
    { kind: 'subject', subjectId: requestSubject(at.requestId) },
    contextOf(at.requestId, at.field),
    plaintext,
  );
}

/** @throws ERR_DSR_IDENTITY_GONE once the request was forgotten */
export async function openForRequest(
  crypto: Crypto,
  tx: Tx,
  at: { readonly requestId: string; readonly field: string },
  ciphertext: Buffer | null,
): Promise<Buffer> {
  const opened =
    ciphertext === null ? null : await crypto.open(tx, contextOf(at.requestId, at.field), ciphertext);
  if (opened === null || opened.kind === 'shredded') {
    throw identityGone(at.requestId);
  }
  return opened.plaintext;
}

function identityGone(requestId: string): Error {
  return dsrError(
    'ERR_DSR_IDENTITY_GONE',
    `the personal data of request "${requestId}" was destroyed when it was closed`,
    { status: 410 },
  );
}

/** The request's package as a file (suite 05) under the request's own key. */
export function sealPackage(crypto: Crypto, tx: Tx, requestId: string, zip: Uint8Array): Promise<Buffer> {
  const scope = { kind: 'subject', subjectId: requestSubject(requestId) } as const;
  return crypto.files.seal(tx, scope, contextOf(requestId, 'package'), zip);
}

/** @throws ERR_DSR_IDENTITY_GONE once the request was forgotten */
export async function openPackageFile(
  crypto: Crypto,
  tx: Tx,
  requestId: string,
  file: Uint8Array,
): Promise<Buffer> {
  const opened = await crypto.files.open(tx, contextOf(requestId, 'package'), file);
  if (opened.kind === 'shredded') throw identityGone(requestId);
  return opened.plaintext;
}

/** Seals who asks. */
export function sealIdentity(
  crypto: Crypto,
  tx: Tx,
  requestId: string,
  identity: SealedIdentity,
): Promise<Buffer> {
  return sealForRequest(crypto, tx, { requestId, field: 'identity' }, Buffer.from(JSON.stringify(identity)));
}

/** @throws ERR_DSR_IDENTITY_GONE */
export async function openIdentity(
  crypto: Crypto,
  tx: Tx,
  row: { readonly id: string; readonly sealed: Buffer | null },
): Promise<SealedIdentity> {
  const bytes = await openForRequest(crypto, tx, { requestId: row.id, field: 'identity' }, row.sealed);
  return sealedIdentity.parse(JSON.parse(bytes.toString('utf8')));
}

/** Seals what the absence scan looks for. */
export function sealSearch(crypto: Crypto, tx: Tx, requestId: string, terms: SearchTerms): Promise<Buffer> {
  return sealForRequest(crypto, tx, { requestId, field: 'search' }, Buffer.from(JSON.stringify(terms)));
}

/** @throws ERR_DSR_IDENTITY_GONE */
export async function openSearch(
  crypto: Crypto,
  tx: Tx,
  row: { readonly id: string; readonly search_sealed: Buffer | null },
): Promise<SearchTerms> {
  const bytes = await openForRequest(crypto, tx, { requestId: row.id, field: 'search' }, row.search_sealed);
  return searchTerms.parse(JSON.parse(bytes.toString('utf8')));
}

/** The keyed hash by which a person's requests are linked; the same for every spelling of one address. */
export function identityHash(crypto: Crypto, tx: Tx, identifiers: readonly Identifier[]): Promise<Buffer> {
  const forms = identifiers.map((one) => `${one.kind}:${normalise(one)}`).toSorted();
  return crypto.mac(tx, 'dsr.identity', forms[0] ?? '');
}

/** The keyed hash of one identifier on the suppression list. */
export function suppressionHash(crypto: Crypto, tx: Tx, one: Identifier): Promise<Buffer> {
  return crypto.mac(tx, 'dsr.suppression', `${one.kind}:${normalise(one)}`);
}

/** How a person is shown in lists: `a•••@e•••.com`, `•••• 4321`. */
export function maskIdentifier({ kind, value }: Identifier): string {
  if (kind === 'phone') return `•••• ${value.replace(/[^0-9]/g, '').slice(-2)}`;
  const [local = '', domain = ''] = value.split('@');
  const dot = domain.lastIndexOf('.');
  return `${local.slice(0, 1)}•••@${domain.slice(0, 1)}•••${dot < 0 ? '' : domain.slice(dot)}`.slice(0, 200);
}
