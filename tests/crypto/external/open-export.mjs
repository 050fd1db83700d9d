/*
 * Opens an export of tenant keys without Gatehouse: written from docs/crypto/export.md alone, with nothing but the
 * built-ins of Node. Takes { export, privateKey (PEM) } as JSON on standard input, answers { "epoch": hex }.
 */
import { constants, createDecipheriv, privateDecrypt } from 'node:crypto';
import { readFileSync } from 'node:fs';

const { export: sealed, privateKey } = JSON.parse(readFileSync(0, 'utf8'));
const oaep = (bytes) =>
  privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, bytes);

function openJwe(jwe) {
  const [header, key, nonce, ciphertext, tag] = jwe.split('.');
  const bytes = (part) => Buffer.from(part, 'base64url');
  const { alg, enc } = JSON.parse(bytes(header).toString('utf8'));
  if (alg !== 'RSA-OAEP-256' || enc !== 'A256GCM') throw new Error(`not for this script: ${alg}, ${enc}`);
  const decipher = createDecipheriv('aes-256-gcm', oaep(bytes(key)), bytes(nonce), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(header, 'latin1'));
  decipher.setAuthTag(bytes(tag));
  const text = Buffer.concat([decipher.update(bytes(ciphertext)), decipher.final()]).toString('utf8');
  return JSON.parse(text).keys.map(({ epoch, key }) => [epoch, key]);
}

function openWrapped({ epoch, wrapped }) {
  const bytes = Buffer.from(wrapped, 'base64');
  const inner = bytes.length - 40; // AES-KWP of 32 bytes
  const key = oaep(bytes.subarray(0, inner));
  const decipher = createDecipheriv('id-aes256-wrap-pad', key, Buffer.from('a65959a6', 'hex'));
  return [epoch, Buffer.concat([decipher.update(bytes.subarray(inner)), decipher.final()]).toString('hex')];
}

const keys = sealed.format === 'jwe' ? openJwe(sealed.jwe) : sealed.keys.map(openWrapped);
process.stdout.write(JSON.stringify(Object.fromEntries(keys)));
