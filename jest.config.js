/** @type {import('jest').Config} */
export const config = {
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  coverageProvider: 'v8',
  testEnvironment: 'node',
  testPathIgnorePatterns: ['/node_modules/', '/console/', '/.gatehouse/'],
  modulePathIgnorePatterns: ['/bin/node24/', '/.gatehouse/'],
  globalSetup: './tests/support/global-setup.ts',
  globalTeardown: './tests/support/global-teardown.ts',
  workerIdleMemoryLimit: '1500MB',
};
export default config;
