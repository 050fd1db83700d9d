import { systemClock, type AddressRules, type RandomBytes } from '../../kernel/index.ts';
import type { RootProvider } from '../root-provider.ts';
import { createAwsKmsProvider } from './aws-kms.ts';
import { regionOf } from './aws-kms-schema.ts';
import type { StoredConfiguration } from './configuration.ts';
import { createHyokProvider } from './hyok-provider.ts';

/** What providers of tenants are built with. */
export type BuildDeps = {
  /** See {@link AddressRules}: what a tenant configures is called under these. */
  readonly rules: AddressRules;
  readonly randomBytes: RandomBytes;
  /** The house's provider, for kinds that need a secret of the house for each epoch. */
  readonly epochs: RootProvider;
};

/** Makes the provider that a stored configuration describes, without the guard. One case for each kind. */
export function buildProvider(
  name: string,
  configuration: StoredConfiguration,
  deps: BuildDeps,
): RootProvider {
  switch (configuration.kind) {
    case 'hyok':
      return createHyokProvider({ name, configuration, ...deps });
    case 'aws-kms':
      return createAwsKmsProvider({
        ...{ name, region: regionOf(configuration.keyArn), keyArn: configuration.keyArn },
        ...{ endpoint: null, credentials: null, aliasPrefix: '', deletionDays: 7, clock: systemClock },
      });
  }
}
