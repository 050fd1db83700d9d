import type { AesGCM, Mechanism, Template } from 'pkcs11js';
import { Pkcs11Problem } from './pkcs11-errors.ts';
import { gcmNonceBytes, idBytes, wrappedBytes, wrappedVersion, type Pkcs11Work } from './pkcs11-messages.ts';
import type { TokenSession } from './pkcs11-session.ts';

type WorkOf<Kind extends Pkcs11Work['kind']> = Extract<Pkcs11Work, { readonly kind: Kind }>;
type FoundKey = { readonly handle: Buffer; readonly id: Buffer };

const tagBits = 128;
const keyBytes = 32;

/** Does one piece of work in a session. @throws Pkcs11Problem, or the token's own error */
export function doWork(session: TokenSession, work: Pkcs11Work): Uint8Array | string {
  switch (work.kind) {
    case 'wrap':
      return wrap(session, work);
    case 'unwrap':
      return unwrap(session, work);
    case 'destroy':
      return destroy(session, work);
    case 'health':
      return `the token "${session.pkcs11.C_GetTokenInfo(session.pkcs11.C_GetSessionInfo(session.handle).slotID).label.trim()}" is open`;
  }
}

function wrap(session: TokenSession, work: WorkOf<'wrap'>): Uint8Array {
  const { pkcs11, handle } = session;
  refuseDestroyed(session, work.label);
  const key = findKeys(session, work.label)[0] ?? makeKey(session, work);
  requireSealed(session, key);
  const header = Buffer.concat([Buffer.from([wrappedVersion]), key.id]);
  pkcs11.C_EncryptInit(handle, gcm(session, work.nonce, Buffer.concat([work.binding, header])), key.handle);
  const out = Buffer.alloc(wrappedBytes);
  const sealed = pkcs11.C_Encrypt(handle, Buffer.from(work.key), out);
  if (sealed.length !== keyBytes + tagBits / 8)
    throw new Pkcs11Problem('refused', `the token gave ${sealed.length} bytes for a key; is it AES-GCM?`);
  return Buffer.concat([header, work.nonce, sealed]);
}

function unwrap(session: TokenSession, work: WorkOf<'unwrap'>): Uint8Array {
  const { pkcs11, handle } = session;
  const wrapped = Buffer.from(work.wrapped);
  // An empty ciphertext would leave the session in the middle of an operation.
  if (wrapped.length !== wrappedBytes || wrapped[0] !== wrappedVersion)
    throw new Pkcs11Problem(
      'refused',
      'the tenant key was not wrapped by a token; is the provider the right one?',
    );
  const header = wrapped.subarray(0, 1 + idBytes);
  const keys = findKeys(session, work.label);
  if (keys.length === 0)
    throw new Pkcs11Problem(
      'revoked',
      'the token has no key of this epoch; it was destroyed, or the token is another',
    );
  const key = keys.find(({ id }) => id.equals(header.subarray(1)));
  if (key === undefined)
    throw new Pkcs11Problem(
      'refused',
      'the tenant key was wrapped by no key of its epoch; nothing was opened',
    );
  const nonce = wrapped.subarray(1 + idBytes, 1 + idBytes + gcmNonceBytes);
  pkcs11.C_DecryptInit(handle, gcm(session, nonce, Buffer.concat([work.binding, header])), key.handle);
  const out = Buffer.alloc(wrappedBytes);
  const opened = pkcs11.C_Decrypt(handle, wrapped.subarray(1 + idBytes + gcmNonceBytes), out);
  const result = Buffer.from(opened);
  out.fill(0);
  return result;
}

/** The gravestone stands first, so that nobody makes a key of this epoch again meanwhile. */
function destroy(session: TokenSession, { label, at }: WorkOf<'destroy'>): string {
  const { pkcs11, handle } = session;
  const before = readGravestone(session, label);
  const keys = findKeys(session, label);
  if (before === null && keys.length === 0)
    throw new Pkcs11Problem('revoked', 'the token never had a key of this epoch; is it the right token?');
  if (before === null) placeGravestone(session, label, at);
  for (const key of keys) pkcs11.C_DestroyObject(handle, key.handle);
  if (findKeys(session, label).length > 0)
    throw new Pkcs11Problem('passing', 'the token still has a key of this epoch; ask again');
  return keys.length === 0 && before !== null ? before : at;
}

function gcm({ native }: TokenSession, nonce: Uint8Array, additional: Buffer): Mechanism {
  const parameter: AesGCM = {
    type: native.CK_PARAMS_AES_GCM_v240,
    iv: Buffer.from(nonce),
    ivBits: nonce.length * 8,
    aad: additional,
    tagBits,
  };
  return { mechanism: native.CKM_AES_GCM, parameter };
}

/** Two processes may have made one each: the blob says which, and destruction takes all. */
function findKeys(session: TokenSession, label: string): readonly FoundKey[] {
  const { native, pkcs11, handle } = session;
  const template = [
    { type: native.CKA_CLASS, value: native.CKO_SECRET_KEY },
    { type: native.CKA_TOKEN, value: true },
    { type: native.CKA_LABEL, value: label },
  ];
  return find(session, template)
    .flatMap((found) => {
      const id = pkcs11.C_GetAttributeValue(handle, found, [{ type: native.CKA_ID }])[0]?.value;
      return Buffer.isBuffer(id) && id.length === idBytes ? [{ handle: found, id }] : [];
    })
    .toSorted((one, other) => Buffer.compare(one.id, other.id));
}

function find({ pkcs11, handle }: TokenSession, template: Template): readonly Buffer[] {
  const found: Buffer[] = [];
  pkcs11.C_FindObjectsInit(handle, template);
  for (;;) {
    const next = pkcs11.C_FindObjects(handle, 16);
    found.push(...next);
    if (next.length === 0) break;
  }
  pkcs11.C_FindObjectsFinal(handle);
  return found;
}

function makeKey(session: TokenSession, { label, newId }: WorkOf<'wrap'>): FoundKey {
  const { native, pkcs11, handle } = session;
  const id = Buffer.from(newId);
  const made = pkcs11.C_GenerateKey(handle, { mechanism: native.CKM_AES_KEY_GEN }, [
    { type: native.CKA_CLASS, value: native.CKO_SECRET_KEY },
    { type: native.CKA_KEY_TYPE, value: native.CKK_AES },
    { type: native.CKA_VALUE_LEN, value: keyBytes },
    { type: native.CKA_LABEL, value: label },
    { type: native.CKA_ID, value: id },
    { type: native.CKA_TOKEN, value: true },
    { type: native.CKA_PRIVATE, value: true },
    { type: native.CKA_SENSITIVE, value: true },
    { type: native.CKA_EXTRACTABLE, value: false },
    { type: native.CKA_ENCRYPT, value: true },
    { type: native.CKA_DECRYPT, value: true },
    { type: native.CKA_WRAP, value: false },
    { type: native.CKA_UNWRAP, value: false },
  ]);
  if (readGravestone(session, label) !== null) pkcs11.C_DestroyObject(handle, made);
  refuseDestroyed(session, label);
  return { handle: made, id };
}

/** A key that can leave the token protects nothing. */
function requireSealed({ native, pkcs11, handle }: TokenSession, key: FoundKey): void {
  const [sensitive, extractable] = pkcs11.C_GetAttributeValue(handle, key.handle, [
    { type: native.CKA_SENSITIVE },
    { type: native.CKA_EXTRACTABLE },
  ]);
  const isTrue = (value: unknown): boolean => Buffer.isBuffer(value) && value[0] === 1;
  if (isTrue(sensitive?.value) && !isTrue(extractable?.value)) return;
  throw new Pkcs11Problem(
    'refused',
    'a key of this label can leave the token; delete it, or choose another prefix',
  );
}

const gravestoneTemplate = ({ native }: TokenSession, label: string): Template => [
  { type: native.CKA_CLASS, value: native.CKO_DATA },
  { type: native.CKA_TOKEN, value: true },
  { type: native.CKA_LABEL, value: `${label}/destroyed` },
];

/** @returns when the epoch was destroyed; null when it was not */
function readGravestone(session: TokenSession, label: string): string | null {
  const { native, pkcs11, handle } = session;
  const [stone] = find(session, gravestoneTemplate(session, label));
  if (stone === undefined) return null;
  const value = pkcs11.C_GetAttributeValue(handle, stone, [{ type: native.CKA_VALUE }])[0]?.value;
  return Buffer.isBuffer(value) ? value.toString('latin1') : new Date(0).toISOString();
}

function placeGravestone(session: TokenSession, label: string, at: string): void {
  const { native, pkcs11, handle } = session;
  pkcs11.C_CreateObject(handle, [
    ...gravestoneTemplate(session, label),
    { type: native.CKA_PRIVATE, value: true },
    { type: native.CKA_VALUE, value: Buffer.from(at, 'latin1') },
  ]);
}

function refuseDestroyed(session: TokenSession, label: string): void {
  if (readGravestone(session, label) !== null)
    throw new Pkcs11Problem('revoked', 'the epoch was destroyed at the token; rotate the keys of the tenant');
}
