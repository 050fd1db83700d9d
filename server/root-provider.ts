import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createAwsKmsProvider,
  createLocalProvider,
  createPkcs11Provider,
  createVaultTransitProvider,
  type RootProvider,
} from '../crypto/index.ts';
import { systemClock, systemRandomBytes, type Secret } from '../kernel/index.ts';
import type { Config } from './config.ts';
import { serverError } from './errors.ts';
import type { RootConfig } from './root-settings.ts';

/** The root of the house, and those it had before, which open what is still wrapped under them. */
export type Roots = { readonly root: RootProvider; readonly formerRoots: readonly RootProvider[] };

const fileIn = (secretsPath: string): string => join(secretsPath, 'root-key');

/**
 * Makes the providers that the configuration names. A local root key that is still there, with its passphrase, is a
 * former provider.
 *
 * @param passphrase - of the local root key; null when an outside provider was chosen and none was given
 * @throws ERR_CRYPTO_UNSEAL, ERR_CONFIG_INVALID
 */
export async function openRoots(
  config: Config,
  secretsPath: string,
  passphrase: Secret | null,
): Promise<Roots> {
  const local = (): Promise<RootProvider> => openLocal(config, secretsPath, passphrase);
  const { current, former } = config.roots;
  const formerRoots: RootProvider[] = [];
  for (const other of former) formerRoots.push(await openOutside(other));
  if (current.kind === 'local') return { root: await local(), formerRoots };
  if (passphrase !== null && existsSync(fileIn(secretsPath))) formerRoots.push(await local());
  return { root: await openOutside(current), formerRoots };
}

/** How the chosen provider is, asked without a house; for `doctor`. */
export async function examineRoot(
  config: Config,
): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const { current } = config.roots;
  if (current.kind === 'local')
    return {
      ok: true,
      detail: `local: a sealed file${config.rootKeyPassphrase === null ? ', opened by a passphrase beside it: for development only' : ''}`,
    };
  try {
    const { ok, detail } = await (await openOutside(current)).health();
    return { ok, detail: `${current.kind}: ${detail}` };
  } catch (error) {
    return { ok: false, detail: `${current.kind}: ${(error as Error).message}` }; // errors of the house only
  }
}

async function openLocal(
  config: Config,
  secretsPath: string,
  passphrase: Secret | null,
): Promise<RootProvider> {
  // Without a passphrase it opens by shares, or says what is missing.
  return createLocalProvider({
    file: fileIn(secretsPath),
    passphrase,
    randomBytes: systemRandomBytes,
    development: config.rootKeyPassphrase === null,
  });
}

async function openOutside(config: RootConfig): Promise<RootProvider> {
  const shared = { clock: systemClock, randomBytes: systemRandomBytes };
  switch (config.kind) {
    case 'pkcs11':
      return createPkcs11Provider({ ...shared, ...config });
    case 'aws-kms':
      return createAwsKmsProvider({ ...shared, ...config });
    case 'vault-transit':
      return createVaultTransitProvider({
        ...{ ...shared, ...config },
        certificateAuthority: config.caFile === null ? null : await readAuthority(config.caFile),
      });
    case 'local':
      throw serverError('ERR_CONFIG_INVALID', 'the local root key is not an outside provider');
  }
}

async function readAuthority(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw serverError(
      'ERR_CONFIG_INVALID',
      `GATEHOUSE_VAULT_CA_FILE "${file}" cannot be read; check the path`,
      cause,
    );
  }
}
