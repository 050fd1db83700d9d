import { createHmac, createSecretKey } from 'node:crypto';
import { parseKeyId, parseSubjectId, parseTenantId } from '../kernel/index.ts';
import { toAeadKey } from './aead.ts';
import { buildAssociatedData, encodeContext } from './associated-data.ts';
import { blindIndex } from './blind-index.ts';
import { headerBytes, writeHeader } from './ct1.ts';
import { createDataKey, fileKeyOf, type DataKey } from './data-key.ts';
import { dataKeyCommitment, deriveIndexKey, deriveMacKey, tenantKeyCommitment } from './derive.ts';
import { chunkBytes, deriveChunkKeys, sealChunkInto } from './files/chunked.ts';
import type { RandomPool } from './nonce-pool.ts';
import { packRow } from './packed-row.ts';
import { sealValue, type ValueSuite } from './seal-value.ts';
import type { KeyScope } from './types.ts';
import { wrapDataKey } from './wrap.ts';

const tenantId = parseTenantId('01936d1c-0000-7000-8000-000000000001');
const subject: KeyScope = {
  kind: 'subject',
  subjectId: parseSubjectId('01936d1c-0000-7000-8000-000000000002'),
};
const rowId = '01936d1c-0000-7000-8000-000000000003';
const dek = Buffer.from(Array.from({ length: 32 }, (_, index) => index));
const kid = '0123456789abcdef';
const kek = Buffer.alloc(32, 0xaa);
const epoch = 1;

/** Gives 11 for every byte asked for. */
export const constantRandom: RandomPool = {
  fill: (target, offset, size) => void target.fill(0x11, offset, offset + size),
};

/** The data key of every vector, as a person's or a tenant's. */
export function vectorKey(scope: KeyScope): DataKey {
  return createDataKey({
    tenantId,
    kid: parseKeyId(kid),
    kidBytes: Buffer.from(kid, 'hex'),
    scope,
    material: createSecretKey(dek),
    messages: 0,
    countedAhead: 0,
    onUncounted: () => undefined,
  });
}

const personal = new Map([
  ['first_name', Buffer.from('Ada')],
  ['city', Buffer.from('Łódź')],
]);
const mail = Buffer.from('ada@example.com');

type Sample = {
  readonly name: string;
  readonly suite: ValueSuite;
  readonly scope: KeyScope;
  readonly field: string;
  readonly plaintext: Buffer;
};
const tenantScope: KeyScope = { kind: 'tenant', purpose: 'tax' };
const samples: readonly Sample[] = [
  { name: 'field', suite: 0x01, scope: subject, field: 'email', plaintext: mail },
  { name: 'empty field', suite: 0x01, scope: subject, field: 'email', plaintext: Buffer.alloc(0) },
  { name: 'field of a tenant', suite: 0x01, scope: tenantScope, field: 'vat_id', plaintext: mail },
  { name: 'extended', suite: 0x02, scope: tenantScope, field: 'vat_id', plaintext: mail },
  { name: 'row', suite: 0x03, scope: subject, field: 'personal', plaintext: packRow(personal) },
  { name: 'portable', suite: 0x04, scope: subject, field: 'email', plaintext: mail },
];

function sealSample({ name, suite, scope, field, plaintext }: Sample): unknown {
  const context = {
    service: 'contacts',
    collection: 'contact',
    field,
    rowId,
    purpose: scope.kind === 'subject' ? 'subject' : scope.purpose,
  };
  const encoded = encodeContext(tenantId, context);
  const sealed = sealValue(vectorKey(scope), suite, { context: encoded, rowId }, plaintext, constantRandom);
  return {
    name,
    suite,
    context,
    nonce: '11'.repeat(suite === 0x02 ? 24 : 12),
    associatedData: hex(buildAssociatedData(sealed, encoded, rowId)),
    plaintext: hex(plaintext),
    ciphertext: hex(sealed),
    text: `ct1.${sealed.toString('base64url')}`,
  };
}

const hex = (bytes: Buffer): string => bytes.toString('hex');

function indexSamples(): readonly unknown[] {
  const sample = (name: string, value: string, bits: number): unknown => {
    const index = { type: 'contacts.contact', field: 'email', name, version: 1 };
    const key = deriveIndexKey(createSecretKey(dek), index);
    return { ...index, key: hex(key.export()), value, bits, term: hex(blindIndex(key, value, bits)) };
  };
  return [
    sample('exact', 'ada@example.com', 128),
    sample('exact', 'ada@example.com', 256),
    sample('domain', 'example.com', 20),
  ];
}

function wrapSamples(): readonly unknown[] {
  const material = createSecretKey(dek);
  const commitment = dataKeyCommitment(material);
  const tenantKey = { epoch, key: toAeadKey(createSecretKey(kek)) };
  return [subject, tenantScope].map((scope) => {
    const binding = { tenantId, scope, kid: Buffer.from(kid, 'hex'), commitment };
    return {
      scope,
      epoch,
      nonce: '11'.repeat(12),
      wrapped: hex(wrapDataKey(tenantKey, binding, dek, constantRandom)),
    };
  });
}

/** A file of two chunks, small enough to publish: the first is a whole chunk of `00`. */
function fileSample(): unknown {
  const scope = subject;
  const context = { service: 'dsr', collection: 'request', field: 'package', rowId, purpose: 'dsr' };
  const key = vectorKey(scope);
  const plaintext = Buffer.concat([Buffer.alloc(chunkBytes), mail]);
  const head = Buffer.alloc(headerBytes);
  writeHeader(head, 0x05, false, key.kidBytes);
  const derivation = Buffer.from(buildAssociatedData(head, encodeContext(tenantId, context), rowId));
  const salt = Buffer.alloc(24, 0x11);
  const keys = deriveChunkKeys(fileKeyOf(key), salt, derivation);
  const chunks = [plaintext.subarray(0, chunkBytes), plaintext.subarray(chunkBytes)].map((chunk, index) => {
    const sealed = Buffer.alloc(chunk.length + 16);
    sealChunkInto(keys, index, chunk, sealed, 0);
    return sealed;
  });
  return {
    suite: 0x05,
    context,
    salt: hex(salt),
    inputKey: hex(fileKeyOf(key).export()),
    derivationContext: hex(derivation),
    key: hex(keys.key.export()),
    baseNonce: hex(keys.baseNonce),
    plaintext: '16384 bytes 00, then ada@example.com',
    file: Buffer.concat([head, salt, keys.commitment, ...chunks]).toString('base64'),
  };
}

/** Everything that `docs/design/vectors/ct1.json` publishes, made anew. */
export function makeVectors(): Readonly<Record<string, unknown>> {
  const material = createSecretKey(dek);
  return {
    format: 'ct1',
    tenantId,
    kid,
    dek: hex(dek),
    kek: hex(kek),
    commitment: hex(dataKeyCommitment(material)),
    kekCommitment: hex(tenantKeyCommitment(createSecretKey(kek))),
    ciphertexts: samples.map(sealSample),
    file: fileSample(),
    wraps: wrapSamples(),
    indexes: indexSamples(),
    macs: [
      {
        value: 'ada@example.com',
        mac: hex(createHmac('sha256', deriveMacKey(material)).update('ada@example.com').digest()),
      },
    ],
  };
}
