import type { TenantId } from '../kernel/index.ts';
import { headerBytes } from './ct1.ts';
import { cryptoError } from './errors.ts';
import type { FieldContext } from './types.ts';

const label = Buffer.from('ctl/ct1\0', 'latin1');
const maxItemBytes = 1_024;
const scratch = Buffer.alloc(label.length + headerBytes + 5 * (2 + maxItemBytes));
label.copy(scratch);
const itemsStart = label.length + headerBytes;

const cacheLimit = 4_096;
const items = new Map<string, Buffer>();
const tenants = new Map<string, Buffer>();

/** Writes the 16 bytes of a UUID. */
export function writeUuid(id: string, target: Buffer, offset: number): void {
  target.write(id.replaceAll('-', ''), offset, 16, 'hex');
}

/** The 16 bytes of a UUID. */
export function uuidBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

function remember(cache: Map<string, Buffer>, text: string, value: Buffer): Buffer {
  if (cache.size >= cacheLimit) cache.clear();
  cache.set(text, value);
  return value;
}

/** u16 length and UTF-8 in NFC. */
function encodeItem(name: string, text: string): Buffer {
  const bytes = Buffer.from(text.normalize('NFC'), 'utf8');
  if (bytes.length === 0 || bytes.length > maxItemBytes) {
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      `${name} of an encryption context must be 1 to ${maxItemBytes} bytes`,
    );
  }
  const item = Buffer.allocUnsafe(2 + bytes.length);
  item.writeUInt16BE(bytes.length);
  item.set(bytes, 2);
  return item;
}

/** For names that come again and again: collection, field, purpose. */
function nameItem(name: string, text: string): Buffer {
  return items.get(text) ?? remember(items, text, encodeItem(name, text));
}

/** u16 length and the 16 bytes. */
export function tenantItem(tenantId: TenantId): Buffer {
  return (
    tenants.get(tenantId) ??
    remember(tenants, tenantId, Buffer.concat([Buffer.from([0, 16]), uuidBytes(tenantId)]))
  );
}

/** A context whose names are encoded once, for many rows. */
export type EncodedContext = { readonly before: Buffer; readonly after: Buffer };

/** Encodes everything of a context but the row id. */
export function encodeContext(tenantId: TenantId, context: Omit<FieldContext, 'rowId'>): EncodedContext {
  const type = `${context.service}.${context.collection}`;
  if (context.service.includes('.') || /\0/.test(type + context.field + context.purpose)) {
    throw cryptoError(
      'ERR_CRYPTO_INPUT',
      'names of an encryption context must not hold NUL, nor a service a dot',
    );
  }
  return {
    before: Buffer.concat([
      tenantItem(tenantId),
      nameItem('collection', type),
      nameItem('field', context.field),
    ]),
    after: nameItem('purpose', context.purpose),
  };
}

const contexts = new Map<string, EncodedContext>();

/** As {@link encodeContext}, remembered: callers come again with the same few contexts. */
export function encodedContextOf(tenantId: TenantId, context: FieldContext): EncodedContext {
  const { service, collection, field, purpose } = context;
  const key = `${tenantId}\0${service}\0${collection}\0${field}\0${purpose}`;
  const known = contexts.get(key);
  if (known !== undefined) return known;
  if (contexts.size >= cacheLimit) contexts.clear();
  const encoded = encodeContext(tenantId, context);
  contexts.set(key, encoded);
  return encoded;
}

/**
 * Label, header, tenant, collection, field, row id, purpose: always all of them, each with its length before it.
 *
 * @param header - the ciphertext's first ten bytes
 * @returns a view of a shared buffer, good until the next call
 */
export function buildAssociatedData(header: Buffer, context: EncodedContext, rowId: string): Buffer {
  scratch.set(header.length === headerBytes ? header : header.subarray(0, headerBytes), label.length);
  scratch.set(context.before, itemsStart);
  let at = itemsStart + context.before.length;
  at += writeRowId(rowId, at);
  scratch.set(context.after, at);
  return scratch.subarray(0, at + context.after.length);
}

// oxlint-disable-next-line no-control-regex -- exactly the ASCII characters
const ascii = /^[\0-\x7f]*$/;

function writeRowId(rowId: string, at: number): number {
  if (rowId.length === 0 || rowId.length > maxItemBytes || !ascii.test(rowId)) {
    const item = encodeItem('row id', rowId);
    scratch.set(item, at);
    return item.length;
  }
  scratch.write(rowId, at + 2, 'latin1');
  scratch[at] = rowId.length >> 8;
  scratch[at + 1] = rowId.length & 0xff;
  return rowId.length + 2;
}
