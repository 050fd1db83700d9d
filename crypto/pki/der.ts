import forge from 'node-forge';

const { asn1 } = forge;
const { Class, Type } = asn1;

/** A piece of ASN.1 on its way to DER. node-forge lays out bytes and does nothing else for us. */
export type Der = forge.asn1.Asn1;

const binary = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const primitive = (type: forge.asn1.Type, bytes: Uint8Array): Der =>
  asn1.create(Class.UNIVERSAL, type, false, binary(bytes));

/** The bytes. @see https://www.itu.int/rec/T-REC-X.690 */
export const encode = (der: Der): Buffer => Buffer.from(asn1.toDer(der).getBytes(), 'latin1');

/** Parses DER that node:crypto itself exported, to stand inside something else; never a stranger's. */
export const embedOwn = (der: Uint8Array): Der => asn1.fromDer(binary(der));

/** SEQUENCE */
export const sequence = (...items: readonly Der[]): Der =>
  asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [...items]);
/** SET */
export const set = (...items: readonly Der[]): Der =>
  asn1.create(Class.UNIVERSAL, Type.SET, true, [...items]);
/** OBJECT IDENTIFIER, dotted */
export const oid = (dotted: string): Der =>
  asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(dotted).getBytes());
/** NULL */
export const nullValue = (): Der => asn1.create(Class.UNIVERSAL, Type.NULL, false, '');
/** BOOLEAN true; false is a default and never written */
export const trueValue = (): Der => primitive(Type.BOOLEAN, Uint8Array.of(0xff));
/** UTF8String */
export const utf8 = (text: string): Der => primitive(Type.UTF8, Buffer.from(text, 'utf8'));
/** OCTET STRING */
export const octets = (bytes: Uint8Array): Der => primitive(Type.OCTETSTRING, bytes);
/** ENUMERATED, 0..127 */
export const enumerated = (value: number): Der => primitive(Type.ENUMERATED, Uint8Array.of(value));
/** BMPString @param text - of the basic multilingual plane */
export const bmp = (text: string): Der => primitive(Type.BMPSTRING, Buffer.from(text, 'utf16le').swap16());

/** BIT STRING @param unusedBits - at the end of the last byte, 0..7 */
export const bits = (bytes: Uint8Array, unusedBits = 0): Der =>
  primitive(Type.BITSTRING, Buffer.concat([Uint8Array.of(unusedBits), bytes]));

/** Non-negative INTEGER in its shortest form. @param value - a number, or the magnitude big-endian */
export function integer(value: number | Uint8Array): Der {
  const hex = typeof value === 'number' ? value.toString(16) : Buffer.from(value).toString('hex');
  const short = hex.replace(/^0+(?=.)/, '');
  const magnitude = Buffer.from(short.padStart(short.length + (short.length % 2), '0'), 'hex');
  const signed = (magnitude[0] ?? 0) >= 0x80 ? Buffer.concat([Uint8Array.of(0), magnitude]) : magnitude;
  return primitive(Type.INTEGER, signed);
}

/** UTCTime until 2049, GeneralizedTime from 2050. @see https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5 */
export function time(date: Date): Der {
  const digits = `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`;
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, Buffer.from(digits.slice(2), 'ascii'))
    : primitive(Type.GENERALIZEDTIME, Buffer.from(digits, 'ascii'));
}

/** Context tag around other values: explicit, or an implicit constructed type. */
export const tagged = (tag: number, ...items: readonly Der[]): Der =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag, true, [...items]);
/** Context tag over bytes: an implicit primitive type. */
export const taggedBytes = (tag: number, bytes: Uint8Array): Der =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag, false, binary(bytes));
