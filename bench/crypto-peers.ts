import {
  AlgorithmSuiteIdentifier,
  buildClient,
  CommitmentPolicy,
  getLocalCryptographicMaterialsCache,
  NodeCachingMaterialsManager,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import { randomBytes } from 'node:crypto';
import forge from 'node-forge';
import type { Work } from './crypto-measure.ts';

/** Others that seal and open the same bytes with a context of their own. */
export type Peers = Readonly<Record<string, { readonly seal: Work; readonly open: Work }>>;

const context = { service: 'contacts', collection: 'contact', field: 'email', purpose: 'subject' };

/** AWS Encryption SDK with a raw AES keyring, bare and behind its caching materials manager, and node-forge. */
export async function makePeers(plaintext: Buffer): Promise<Peers> {
  const keyring = new RawAesKeyringNode({
    keyName: 'bench',
    keyNamespace: 'bench',
    unencryptedMasterKey: new Uint8Array(randomBytes(32)),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
  });
  const caching = new NodeCachingMaterialsManager({
    backingMaterials: keyring,
    cache: getLocalCryptographicMaterialsCache(100),
    maxAge: 300_000,
    maxMessagesEncrypted: 1_000_000,
  });
  return {
    'AWS Encryption SDK': await aws(keyring, plaintext),
    'AWS Encryption SDK, caching': await aws(caching, plaintext),
    'node-forge': forgePeer(plaintext),
  };
}

/** The suite with commitment and without a signature: what comes nearest to a field of ours. */
async function aws(
  materials: RawAesKeyringNode | NodeCachingMaterialsManager,
  plaintext: Buffer,
): Promise<Peers[string]> {
  const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
  const suiteId = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
  const options = { encryptionContext: context, suiteId, plaintextLength: plaintext.length };
  const { result } = await encrypt(materials, plaintext, options);
  return {
    seal: () => encrypt(materials, plaintext, options),
    open: () => decrypt(materials, result),
  };
}

function forgePeer(plaintext: Buffer): Peers[string] {
  const key = randomBytes(32).toString('binary');
  const iv = randomBytes(12).toString('binary');
  const text = plaintext.toString('binary');
  const additionalData = 'x'.repeat(100);
  const seal = () => {
    const cipher = forge.cipher.createCipher('AES-GCM', key);
    cipher.start({ iv, additionalData, tagLength: 128 });
    cipher.update(forge.util.createBuffer(text));
    cipher.finish();
    return cipher;
  };
  const sealed = seal();
  const ciphertext = sealed.output.getBytes();
  const tag = forge.util.createBuffer(sealed.mode.tag.getBytes());
  return {
    seal,
    open: () => {
      const decipher = forge.cipher.createDecipher('AES-GCM', key);
      decipher.start({ iv, additionalData, tagLength: 128, tag: tag.copy() });
      decipher.update(forge.util.createBuffer(ciphertext));
      if (!decipher.finish()) throw new Error('forge did not open its own ciphertext');
    },
  };
}
