import { mkdtemp, chmod, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, roleSecrets, deriveConnectionUrls, startEmbeddedPostgres } from '../../db/index.ts';
import { silentLogger } from '../../kernel/index.ts';
import { migrationSources } from '../../server/migration-sources.ts';
import type { EmbeddedPostgres } from '../../db/index.ts';
import globalTeardown from './global-teardown.ts';
import { ownerFile, removeLeftovers, testFolderPrefix } from './leftovers.ts';

declare global {
  // oxlint-disable-next-line no-var -- the only way to a typed global
  var gatehouseTestServer: { readonly server: EmbeddedPostgres; readonly folder: string } | undefined;
}

/** One PostgreSQL for the whole run, with a migrated template that every test file copies. */
// oxlint-disable-next-line import/no-default-export -- jest asks for one
export default async function globalSetup(): Promise<void> {
  await removeLeftovers();
  const folder = await mkdtemp(join(tmpdir(), testFolderPrefix));
  await chmod(folder, 0o711);
  await writeFile(join(folder, ownerFile), String(process.pid));
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
    settings: ['fsync=off', 'max_connections=300', 'shared_buffers=256MB'],
  });
  globalThis.gatehouseTestServer = { server, folder };
  stopOnSignals();
  try {
    const url = await server.createDatabase('gatehouse_template');
    await migrate(url, migrationSources, roleSecrets(deriveConnectionUrls(url)));
  } catch (error) {
    await globalTeardown(); // jest does not call it after a failed set-up
    throw error;
  }
  process.env['GATEHOUSE_TEST_ADMIN_URL'] = server.adminUrl;
}

/** The server is a process group of its own: it would outlive an interrupted run. */
function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void globalTeardown().finally(() => process.kill(process.pid, signal)));
  }
}
