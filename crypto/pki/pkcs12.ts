import { createCipheriv, createHmac, hash, pbkdf2, X509Certificate, type KeyObject } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RandomBytes } from '../../kernel/index.ts';
import {
  bmp,
  encode,
  integer,
  nullValue,
  octets,
  oid,
  sequence,
  set,
  tagged,
  taggedBytes,
  type Der,
} from './der.ts';
import { certificateError } from './pki-error.ts';

const derive = promisify(pbkdf2);

/** Rounds of PBKDF2-HMAC-SHA-256 for what is encrypted. */
const rounds = 210_000;
/** Rounds of the older derivation that the MAC of PKCS#12 demands; a guess must cost no less than there. */
const macRounds = 210_000;
const roundsPerTurn = 10_000;
const saltBytes = 16;
/** Shortest password that is taken. */
const minPasswordCharacters = 12;

const data = '1.2.840.113549.1.7.1';
const encryptedData = '1.2.840.113549.1.7.6';
const keyBag = '1.2.840.113549.1.12.10.1.2';
const certBag = '1.2.840.113549.1.12.10.1.3';

/**
 * A PKCS#12 file: certificate, chain and private key, all under AES-256 with PBKDF2, MAC with SHA-256. node-forge's own
 * writer knows RSA only, leaves certificates readable and encrypts by itself, so that this one stands on its ASN.1 alone.
 *
 * @param password - 12..128 characters of the basic multilingual plane
 * @param chain - DER, the certificate of the key first
 * @see https://www.rfc-editor.org/rfc/rfc7292
 */
export async function buildPkcs12(
  input: {
    readonly name: string;
    readonly password: string;
    readonly privateKey: KeyObject;
    readonly chain: readonly Buffer[];
  },
  randomBytes: RandomBytes,
): Promise<Buffer> {
  const { name, password, privateKey, chain } = input;
  requirePassword(password);
  const [own, ...others] = chain;
  if (own === undefined || !new X509Certificate(own).checkPrivateKey(privateKey))
    throw certificateError('the certificate of the bundle does not belong to its key');
  const attributes = attributesOf(name, hash('sha256', own, 'buffer').subarray(0, 20));
  const certificates = encode(
    sequence(certificateBag(own, [attributes]), ...others.map((der) => certificateBag(der, []))),
  );
  const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
  const sealedKey = await seal(pkcs8, password, randomBytes);
  pkcs8.fill(0);
  const sealedCertificates = await seal(certificates, password, randomBytes);
  const keys = sequence(
    sequence(oid(keyBag), tagged(0, sequence(sealedKey.algorithm, octets(sealedKey.bytes))), attributes),
  );
  const safe = encode(
    sequence(
      sequence(
        oid(encryptedData),
        tagged(
          0,
          sequence(
            integer(0),
            sequence(oid(data), sealedCertificates.algorithm, taggedBytes(0, sealedCertificates.bytes)),
          ),
        ),
      ),
      sequence(oid(data), tagged(0, octets(encode(keys)))),
    ),
  );
  const authSafe = sequence(oid(data), tagged(0, octets(safe)));
  return encode(sequence(integer(3), authSafe, await macOf(safe, password, randomBytes)));
}

/** @throws ERR_CRYPTO_CERTIFICATE for one that is too short, too long, or has characters that programs encode differently */
export function requirePassword(password: string): void {
  if (password.length < minPasswordCharacters || password.length > 128 || /[\uD800-\uDFFF\0]/.test(password))
    throw certificateError(
      `the password of a bundle must have ${minPasswordCharacters} to 128 plain characters`,
    );
}

function attributesOf(name: string, keyId: Buffer): Der {
  const list = [
    sequence(oid('1.2.840.113549.1.9.20'), set(bmp(name))),
    sequence(oid('1.2.840.113549.1.9.21'), set(octets(keyId))),
  ];
  return set(...list.toSorted((a, b) => Buffer.compare(encode(a), encode(b))));
}

const certificateBag = (der: Buffer, attributes: readonly Der[]): Der =>
  sequence(
    oid(certBag),
    tagged(0, sequence(oid('1.2.840.113549.1.9.22.1'), tagged(0, octets(der)))),
    ...attributes,
  );

/** PBES2. @see https://www.rfc-editor.org/rfc/rfc8018#section-6.2 */
async function seal(
  plaintext: Buffer,
  password: string,
  randomBytes: RandomBytes,
): Promise<{ readonly algorithm: Der; readonly bytes: Buffer }> {
  const salt = randomBytes(saltBytes);
  const iv = randomBytes(16);
  const key = await derive(password, salt, rounds, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const bytes = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  key.fill(0);
  const derivation = sequence(
    octets(salt),
    integer(rounds),
    sequence(oid('1.2.840.113549.2.9'), nullValue()),
  );
  const algorithm = sequence(
    oid('1.2.840.113549.1.5.13'),
    sequence(
      sequence(oid('1.2.840.113549.1.5.12'), derivation),
      sequence(oid('2.16.840.1.101.3.4.1.42'), octets(iv)),
    ),
  );
  return { algorithm, bytes };
}

async function macOf(content: Buffer, password: string, randomBytes: RandomBytes): Promise<Der> {
  const salt = Buffer.from(randomBytes(saltBytes));
  const key = await deriveMacKey(password, salt);
  const mac = createHmac('sha256', key).update(content).digest();
  key.fill(0);
  const algorithm = sequence(oid('2.16.840.1.101.3.4.2.1'), nullValue());
  return sequence(sequence(algorithm, octets(mac)), octets(salt), integer(macRounds));
}

/** RFC 7292 appendix B.2 with SHA-256 and id 3; 32 bytes are one block. The event loop has its turns between rounds. */
async function deriveMacKey(password: string, salt: Buffer): Promise<Buffer> {
  const block = 64;
  const wide = Buffer.from(`${password}\0`, 'utf16le').swap16();
  const fill = (bytes: Buffer): Buffer => Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes);
  let digest = hash('sha256', Buffer.concat([Buffer.alloc(block, 3), fill(salt), fill(wide)]), 'buffer');
  wide.fill(0);
  for (let round = 1; round < macRounds; round += 1) {
    digest = hash('sha256', digest, 'buffer');
    if (round % roundsPerTurn === 0) await turn();
  }
  return digest;
}
