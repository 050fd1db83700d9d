import { join } from 'node:path';
import type { MigrationSource } from '../db/index.ts';

const root = join(import.meta.dirname, '..');
const of = (room: string, ...path: string[]): MigrationSource => ({
  room,
  folder: join(root, ...path, 'migrations'),
});

/** Every folder of migrations, lower floors first. The examples are the marketing services of the embedded default. */
export const migrationSources: readonly MigrationSource[] = Object.freeze([
  of('db', 'db'),
  of('crypto', 'crypto'),
  of('datamap', 'datamap'),
  of('audit', 'audit'),
  of('identity', 'identity'),
  of('policy', 'policy'),
  of('dsr', 'dsr'),
  of('gateway', 'gateway'),
  of('examples', 'examples', 'marketing'),
  of('marketing_contacts', 'examples', 'marketing', 'contacts'),
  of('marketing_engagement', 'examples', 'marketing', 'engagement'),
  of('marketing_campaigns', 'examples', 'marketing', 'campaigns'),
]);
