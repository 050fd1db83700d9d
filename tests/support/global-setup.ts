import { mkdtemp, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, roleSecrets, deriveConnectionUrls, startEmbeddedPostgres } from '../../db/index.ts';
import { silentLogger } from '../../kernel/index.ts';
import { migrationSources } from '../../server/migration-sources.ts';
import type { EmbeddedPostgres } from '../../db/index.ts';

declare global {
  // oxlint-disable-next-line no-var -- the only way to a typed global
  var gatehouseTestServer: { readonly server: EmbeddedPostgres; readonly folder: string } | undefined;
}

/** One PostgreSQL for the whole run, with a migrated template that every test file copies. */
export default async function globalSetup(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-test-'));
  await chmod(folder, 0o711);
  const server = await startEmbeddedPostgres({
    dataFolder: join(folder, 'postgres'),
    secretsFolder: join(folder, 'secrets'),
    logger: silentLogger,
    settings: ['fsync=off', 'max_connections=300', 'shared_buffers=256MB'],
  });
  const url = await server.createDatabase('gatehouse_template');
  await migrate(url, migrationSources, roleSecrets(deriveConnectionUrls(url)));
  process.env['GATEHOUSE_TEST_ADMIN_URL'] = server.adminUrl;
  globalThis.gatehouseTestServer = { server, folder };
}
