import { availableParallelism } from 'node:os';

/**
 * Lanes: the default one runs everything that needs only npm, `unit` the part of it that stands beside the code; `*.e2e.test.ts`, `*.keycloak.test.ts` and
 * `*.peers.test.ts` run when `GATEHOUSE_TEST_LANE` names them. `selftest` holds tests that must fail: the runner's own proof.
 */
const lane = process.env.GATEHOUSE_TEST_LANE ?? 'default';
const isOnlyNpm = lane === 'default' || lane === 'unit';
const otherLanes = ['e2e', 'keycloak', 'peers', 'selftest'];

/** @type {import('jest').Config} */
export const config = {
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  coverageProvider: 'v8',
  testEnvironment: 'node',
  testMatch: [isOnlyNpm ? '**/*.test.ts' : `**/*.${lane}.test.ts`],
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/console/',
    '/.gatehouse/',
    ...(isOnlyNpm ? otherLanes.map((name) => `\\.${name}\\.test\\.ts$`) : []),
    ...(lane === 'unit' ? ['<rootDir>/tests/'] : []),
  ],
  modulePathIgnorePatterns: ['/bin/node24/', '/.gatehouse/'],
  testTimeout: isOnlyNpm ? 20_000 : 120_000,
  // Each worker holds connections; people of the browser tests sign in one after another, because a code is good once.
  maxWorkers: lane === 'e2e' ? 1 : Math.min(8, availableParallelism()),
  workerIdleMemoryLimit: '1500MB',
  ...(lane === 'selftest'
    ? {}
    : {
        globalSetup: './tests/support/global-setup.ts',
        globalTeardown: './tests/support/global-teardown.ts',
      }),
};
export default config;
