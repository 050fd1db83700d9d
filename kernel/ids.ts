import { randomBytes as nodeRandomBytes } from 'node:crypto';
import { GatehouseError } from './errors.ts';

declare const brand: unique symbol;
/** A string that was parsed, so that a tenant's id cannot stand where a subject's is expected. */
export type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A customer organisation of the platform. */
export type TenantId = Branded<'TenantId'>;
/** A person whose data a tenant holds. */
export type SubjectId = Branded<'SubjectId'>;
/** Who acts: a user, a service account, an agent. */
export type PrincipalId = Branded<'PrincipalId'>;
/** A data-subject request. */
export type RequestId = Branded<'RequestId'>;
/** A data-encryption key: 8 bytes as 16 lower-case hex digits. */
export type KeyId = Branded<'KeyId'>;

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function parseUuid(kind: string, value: string): string {
  const lower = value.toLowerCase();
  if (!uuidPattern.test(lower)) {
    throw new GatehouseError('ERR_INVALID_ID', `${kind} "${value.slice(0, 64)}" is not a UUID`, {
      status: 400,
    });
  }
  return lower;
}

/** @throws ERR_INVALID_ID */
export const parseTenantId = (value: string): TenantId => parseUuid('tenant id', value) as TenantId; // just checked
/** @throws ERR_INVALID_ID */
export const parseSubjectId = (value: string): SubjectId => parseUuid('subject id', value) as SubjectId; // just checked
/** @throws ERR_INVALID_ID */
export const parsePrincipalId = (value: string): PrincipalId =>
  parseUuid('principal id', value) as PrincipalId; // just checked
/** @throws ERR_INVALID_ID */
export const parseRequestId = (value: string): RequestId => parseUuid('request id', value) as RequestId; // just checked

/** @throws ERR_INVALID_ID */
export function parseKeyId(value: string): KeyId {
  if (!/^[0-9a-f]{16}$/.test(value)) {
    throw new GatehouseError('ERR_INVALID_ID', `key id "${value.slice(0, 64)}" is not 16 hex digits`, {
      status: 400,
    });
  }
  return value as KeyId; // just checked
}

/** Gives `size` bytes from a cryptographically secure source. */
export type RandomBytes = (size: number) => Buffer;

const poolBytes = 4_096;
const largestPooledBytes = 64;
let pool = Buffer.alloc(0);
let taken = 0;

/**
 * The process's own secure source. Small requests share one call to the generator; each byte is handed out once and
 * wiped from the pool.
 */
export const systemRandomBytes: RandomBytes = (size) => {
  if (size > largestPooledBytes) return nodeRandomBytes(size);
  if (taken + size > pool.length) {
    pool = nodeRandomBytes(poolBytes);
    taken = 0;
  }
  const slice = pool.subarray(taken, taken + size);
  const bytes = Buffer.from(slice);
  slice.fill(0);
  taken += size;
  return bytes;
};

/** Gives a new UUIDv7. */
export type NewId = () => string;

/**
 * A UUIDv7 from an instant and 10 random bytes.
 *
 * @param epochMilliseconds - milliseconds since 1970
 * @see https://www.rfc-editor.org/rfc/rfc9562#section-5.7
 */
export function uuidv7(epochMilliseconds: number, randomBytes: RandomBytes): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(epochMilliseconds, 0, 6);
  randomBytes(10).copy(bytes, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Owner of what belongs to no customer: the platform log, the embedded provider's keys. Never a customer. */
export const platformTenantId: TenantId = parseTenantId('00000000-0000-7000-8000-000000000000');
