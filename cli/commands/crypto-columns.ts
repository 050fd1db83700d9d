import {
  createColumnAdministration,
  type ColumnAdministration,
  type StoredMigration,
} from '../../crypto/index.ts';
import { exactlyOne, statement } from '../../db/index.ts';
import { notFound, parseTenantId, type TenantId } from '../../kernel/index.ts';
import { createColumnTargets, type House } from '../../server/index.ts';
import { UsageError, type Command, type CommandInput, type ExitCode } from '../command.ts';
import { withHouse } from '../open-house.ts';

const findTenant = statement('cli.crypto_columns_find_tenant', 'select id from db.tenant where slug = $1');
const actor = { kind: 'system', id: 'cli', displayName: 'Administrator at the command line' } as const;

const steps = ['plan', 'start', 'backfill', 'verify', 'cut-over', 'drop', 'revert', 'status'] as const;
type Step = (typeof steps)[number];

const migrateColumn: Command = {
  name: 'crypto migrate-column',
  summary:
    'Encrypt an existing column of a live table: plan, start, backfill, verify, cut-over, drop; revert until then',
  usage:
    'gatehouse crypto migrate-column plan|start|revert|drop SERVICE.COLLECTION.FIELD   (the table, for all tenants)\n' +
    '  gatehouse crypto migrate-column backfill|verify|cut-over SERVICE.COLLECTION.FIELD --tenant SLUG [--batch-size N] [--pause MS]\n' +
    '  gatehouse crypto migrate-column status [--tenant SLUG]   (GATEHOUSE_DATABASE_URL: the administrator) [--json]',
  options: {
    tenant: { type: 'string' },
    'batch-size': { type: 'string' },
    pause: { type: 'string' },
  },
  run: async (input) => {
    const [name, field] = input.positionals;
    const step = steps.find((one) => one === name);
    if (step === undefined) throw new UsageError(`name the step: ${steps.join(', ')}`);
    if (step !== 'status' && field === undefined)
      throw new UsageError('name the field: SERVICE.COLLECTION.FIELD');
    return withHouse(input.io, async ({ house, adminUrl }) => {
      if (step === 'status') return status(input, house);
      if (step === 'backfill' || step === 'verify' || step === 'cut-over')
        return stepOfTenant(input, house, step, field ?? '');
      return stepOfTable(input, administrationOf(house, adminUrl), step, field ?? '');
    });
  },
};

function administrationOf(house: House, adminUrl: string): ColumnAdministration {
  return createColumnAdministration({
    adminUrl,
    database: house.database,
    columns: house.columns,
    targets: createColumnTargets(house.dataMap),
    audit: house.audit,
    announce: house.dataMap.announce,
    newId: house.newId,
    actor,
  });
}

async function stepOfTable(
  { io, json }: CommandInput,
  administration: ColumnAdministration,
  step: Exclude<Step, 'status' | 'backfill' | 'verify' | 'cut-over'>,
  field: string,
): Promise<ExitCode> {
  if (step === 'plan') {
    const report = await administration.plan(field);
    if (json) io.out(JSON.stringify(report));
    else {
      io.out(
        `${field}: ${report.columnType}${report.notNull ? ' not null' : ''}, about ${report.rows} rows, ${report.bytes} bytes with indexes`,
      );
      for (const { blocks, message } of report.remarks)
        io.out(`${blocks === 'nothing' ? 'note       ' : `blocks ${blocks}`.padEnd(11)}  ${message}`);
      if (report.remarks.every(({ blocks }) => blocks !== 'start'))
        io.out('nothing stands in the way of start');
    }
    return report.remarks.some(({ blocks }) => blocks === 'start') ? 1 : 0;
  }
  const progress = await administration[step](field);
  const taking = progress.filter(({ migration }) => migration !== null);
  if (json) io.out(JSON.stringify({ tenants: taking }));
  else {
    for (const { slug, migration } of taking)
      io.out(`${slug.padEnd(20)}  ${step === 'drop' ? 'dropped' : (migration?.state ?? '')}`);
    if (step === 'drop') for (const line of afterDrop) io.out(line);
  }
  return 0;
}

const afterDrop: readonly string[] = [
  'The plaintext column is gone from the schema. Its values are still:',
  '- in row versions on disk, until each row is written again: run VACUUM (FULL) at a quiet hour, or pg_repack;',
  '- in the write-ahead log and on replicas, until they have moved on;',
  '- in every backup made before now, until it expires: note today as the horizon of this column.',
];

async function stepOfTenant(
  input: CommandInput,
  house: House,
  step: 'backfill' | 'verify' | 'cut-over',
  field: string,
): Promise<ExitCode> {
  const tenantId = await tenantOf(input, house);
  const migration = await findByField(house, tenantId, field);
  const { io, json } = input;
  if (step === 'cut-over') {
    const now = await house.database.withTenant(tenantId, (tx) =>
      house.columns.cutOver(tx, migration.id, actor),
    );
    io.out(json ? JSON.stringify(now) : `${field}: ${now.state}; reads come from the ciphertext`);
    return 0;
  }
  if (step === 'verify') {
    const report = await house.columns.verify(tenantId, migration.id, { actor });
    if (json) io.out(JSON.stringify(report));
    else {
      io.out(`${field}: ${report.state}, ${report.checked} rows compared, ${report.differing} differ`);
      for (const { rowId, what } of report.findings) io.out(`  row ${rowId}: ${what}`);
    }
    return report.differing === 0 ? 0 : 1;
  }
  const progress = await house.columns.backfill(tenantId, migration.id, {
    actor,
    ...numberOption(input, 'batch-size', 'batchSize'),
    ...numberOption(input, 'pause', 'pauseMilliseconds'),
    onProgress: throttled((done) => {
      if (!json)
        io.out(
          `${done.sealed} sealed, ${done.waiting} wait, ${done.rowsPerSecond} rows/s, about ${done.remainingSeconds ?? '?'} s left`,
        );
    }),
  });
  if (json) io.out(JSON.stringify(progress));
  else {
    io.out(`${field}: ${progress.state}, ${progress.sealed} rows sealed now, ${progress.waiting} wait`);
    for (const { rowId, what } of progress.refused) io.out(`  row ${rowId}: ${what}`);
  }
  return progress.refused.length === 0 && progress.state !== 'dual_write' ? 0 : 1;
}

/** At most one line a second. */
function throttled<T>(print: (value: T) => void): (value: T) => void {
  let last = performance.now();
  return (value) => {
    if (performance.now() - last < 1_000) return;
    last = performance.now();
    print(value);
  };
}

function numberOption<Name extends string>(
  { values }: CommandInput,
  option: string,
  name: Name,
): { readonly [key in Name]?: number } {
  const value = values[option];
  if (typeof value !== 'string') return {};
  if (!/^\d{1,6}$/.test(value)) throw new UsageError(`--${option} must be a whole number`);
  return { [name]: Number(value) } as { readonly [key in Name]?: number }; // the one key named
}

async function tenantOf({ values }: CommandInput, house: House): Promise<TenantId> {
  const slug = values['tenant'];
  if (typeof slug !== 'string') throw new UsageError('name the tenant: --tenant SLUG');
  const found = await house.database.withSystem((tx) => tx.query<{ id: string }>(findTenant, [slug]));
  if (found.rows.length === 0) throw notFound('tenant', slug);
  return parseTenantId(exactlyOne(found, 'tenant').id);
}

async function findByField(house: House, tenantId: TenantId, field: string): Promise<StoredMigration> {
  const list = await house.database.withTenant(tenantId, (tx) =>
    house.columns.list(tx, { after: null, limit: 200 }),
  );
  const found = list.find((one) => `${one.service}.${one.collection}.${one.field}` === field);
  if (found === undefined) throw notFound('column migration', field);
  return found;
}

async function status(input: CommandInput, house: House): Promise<ExitCode> {
  const { io, json, values } = input;
  const tenants =
    typeof values['tenant'] === 'string' ? [await tenantOf(input, house)] : await house.columns.tenants();
  const rows: object[] = [];
  for (const tenantId of tenants) {
    const list = await house.database.withTenant(tenantId, async (tx) => {
      const found = await house.columns.list(tx, { after: null, limit: 200 });
      return Promise.all(
        found.map(async (one) => ({ ...one, waiting: await house.columns.waiting(tx, one) })),
      );
    });
    for (const one of list) {
      rows.push({ tenantId, ...one });
      if (!json)
        io.out(
          `${tenantId}  ${one.service}.${one.collection}.${one.field}  ${one.state}  sealed ${one.sealed}, waiting ${one.waiting}, differing ${one.differing}`,
        );
    }
  }
  if (json) io.out(JSON.stringify({ migrations: rows }));
  else if (rows.length === 0) io.out('no column is being migrated');
  return 0;
}

/** `gatehouse crypto migrate-column …`. */
export const cryptoColumnCommands: readonly Command[] = Object.freeze([migrateColumn]);
