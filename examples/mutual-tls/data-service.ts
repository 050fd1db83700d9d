import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  createMutualTlsServer,
  type MutualTlsMaterial,
  type MutualTlsRefusal,
  type MutualTlsServer,
} from '../../crypto/index.ts';

/** How the example is started. */
export type DataServiceOptions = {
  /** Holds `server.pem`, `server.key`, `authorities.pem` and `lists.pem`, as docs/crypto/pki.md makes them. */
  readonly folder: string;
  readonly port: number;
  /** The one client that may come, by the URI in its certificate. */
  readonly client: string;
  /** Addresses of revocation lists, fetched again and again; without any, `lists.pem` is read again. */
  readonly listUrls: readonly string[];
  /** Milliseconds between looks at certificates and lists. */
  readonly everyMilliseconds: number;
  readonly report: (line: string) => void;
};

/** The running example. */
export type DataService = { readonly port: number; readonly stop: () => Promise<void> };

/** A data service that answers the gateway alone, and takes new certificates and lists without a restart. */
export async function startDataService(options: DataServiceOptions): Promise<DataService> {
  const tls = createMutualTlsServer({
    material: await readMaterial(options),
    allow: (names) => names.some(({ kind, value }) => kind === 'uri' && value === options.client),
    onRefused: ({ cause, serial }: MutualTlsRefusal) =>
      options.report(`refused: ${cause}, certificate ${serial ?? 'none'}`),
    handler: (_request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ items: [{ id: 1, city: 'Oslo' }] }));
    },
  });
  const timer = setInterval(() => void takeNew(tls, options), options.everyMilliseconds);
  tls.server.listen(options.port, '127.0.0.1');
  await once(tls.server, 'listening');
  return {
    port: (tls.server.address() as AddressInfo).port, // listening on TCP
    stop: async () => {
      clearInterval(timer);
      await tls.close();
    },
  };
}

/** What cannot be fetched or read leaves the old material in use, until its lists are over. */
async function takeNew(tls: MutualTlsServer, options: DataServiceOptions): Promise<void> {
  try {
    tls.reload(await readMaterial(options));
  } catch (error) {
    options.report(`nothing new was taken: ${String(error)}`);
  }
}

async function readMaterial({ folder, listUrls }: DataServiceOptions): Promise<MutualTlsMaterial> {
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const revocationLists =
    listUrls.length === 0
      ? blocksOf(await read('lists.pem'))
      : await Promise.all(listUrls.map((url) => fetchList(url)));
  return {
    certificate: await read('server.pem'),
    privateKey: createPrivateKey(await read('server.key')),
    authorities: blocksOf(await read('authorities.pem')),
    revocationLists,
  };
}

/** Each PEM block of a file that holds several. */
const blocksOf = (text: string): readonly string[] =>
  [...text.matchAll(/-----BEGIN [A-Z0-9 ]+-----[^-]+-----END [A-Z0-9 ]+-----/g)].map(
    ([block]) => `${block}\n`,
  );

async function fetchList(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const text = Buffer.from(await response.arrayBuffer()).toString('base64');
  return `-----BEGIN X509 CRL-----\n${(text.match(/.{1,64}/g) ?? []).join('\n')}\n-----END X509 CRL-----\n`;
}

const environment = process.env;
if (import.meta.main) {
  const { port } = await startDataService({
    folder: environment['DATA_SERVICE_FOLDER'] ?? '.',
    port: Number(environment['DATA_SERVICE_PORT'] ?? 8443),
    client: environment['DATA_SERVICE_CLIENT'] ?? 'spiffe://acme/gateway',
    listUrls: (environment['DATA_SERVICE_LISTS'] ?? '').split(',').filter((url) => url !== ''),
    everyMilliseconds: 60_000,
    report: (line) => void process.stderr.write(`${line}\n`),
  });
  process.stderr.write(`listening on https://127.0.0.1:${port}\n`);
}
