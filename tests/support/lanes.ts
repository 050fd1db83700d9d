import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { provideKeycloak } from './keycloak-distribution.ts';
import { startHouse } from './house-process.ts';
import { configureSoftHsm } from './softhsm.ts';

/** What a lane needs beside jest. */
export type Lane = {
  readonly name: string;
  readonly timeoutMilliseconds: number;
  /** Gets the lane's parts; a reason when they are not to be had. */
  readonly prepare: (folder: string) => Promise<Prepared | { readonly missing: string }>;
};

/** Parts that are ready. */
export type Prepared = {
  readonly environment: Readonly<Record<string, string>>;
  readonly logFiles: readonly string[];
  /** @returns problems met while stopping */
  readonly stop: () => Promise<readonly string[]>;
};

const nothing: Prepared = { environment: {}, logFiles: [], stop: () => Promise.resolve([]) };
const minutes = (count: number): number => count * 60_000;

/** Every lane of `npm test [lane]`. */
export const lanes: readonly Lane[] = [
  { name: 'default', timeoutMilliseconds: minutes(20), prepare: () => Promise.resolve(nothing) },
  { name: 'unit', timeoutMilliseconds: minutes(10), prepare: () => Promise.resolve(nothing) },
  { name: 'e2e', timeoutMilliseconds: minutes(12), prepare: prepareBrowser },
  { name: 'keycloak', timeoutMilliseconds: minutes(10), prepare: prepareKeycloak },
  { name: 'peers', timeoutMilliseconds: minutes(12), prepare: preparePeers },
  { name: 'selftest', timeoutMilliseconds: minutes(2), prepare: () => Promise.resolve(nothing) },
];

async function prepareBrowser(folder: string): Promise<Prepared | { readonly missing: string }> {
  const chromium = await findChromium();
  if (chromium === null)
    return { missing: 'no Chromium; install the package "chromium" or set CHROMIUM_PATH' };
  const logFile = join(folder, 'house.jsonl');
  const house = await startHouse({
    logFile,
    environment: { GATEHOUSE_LOG_FORMAT: 'json', GATEHOUSE_LOG_LEVEL: 'debug' },
  });
  console.error(`the house is ready at ${house.url} after ${house.readyAfterMilliseconds} ms`);
  return {
    environment: { CHROMIUM_PATH: chromium, GATEHOUSE_E2E_BOOTSTRAP: house.bootstrapFile },
    logFiles: [logFile],
    stop: house.stop,
  };
}

async function findChromium(): Promise<string | null> {
  const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  for (const place of [process.env['CHROMIUM_PATH'], ...places]) {
    if (place === undefined || place === '') continue;
    try {
      await access(place);
      return place;
    } catch {
      // not here; the next place may have it
    }
  }
  return null;
}

/** Each file says itself which counterpart it lacks; the token's library reads its settings from the environment. */
async function preparePeers(folder: string): Promise<Prepared> {
  return { ...nothing, environment: await configureSoftHsm(folder) };
}

async function prepareKeycloak(): Promise<Prepared | { readonly missing: string }> {
  const distribution = await provideKeycloak();
  if ('missing' in distribution) return distribution;
  return { ...nothing, environment: { KEYCLOAK_HOME: distribution.home } };
}
