import { getFromHouse, postToHouse } from '../call-house.ts';
import { UsageError, type Command } from '../command.ts';

type Key = {
  readonly kind: string;
  readonly id: string;
  readonly scope: string;
  readonly state: string;
  readonly provider: string;
  readonly ageDays: number;
  readonly uses: number | null;
  readonly nextRotation: string | null;
  readonly overdue: boolean;
};
type Page = {
  readonly items: readonly Key[];
  readonly overdue: Readonly<Record<string, number>>;
  readonly nextCursor: string | null;
};

const inventoryCommand: Command = {
  name: 'crypto inventory',
  summary: 'Every key of a tenant with age, uses, provider and next rotation; exit 1 when one is overdue',
  usage:
    'gatehouse crypto inventory [--overdue] [--kind KIND] [--cursor CURSOR] [--url URL] [--json]   (GATEHOUSE_SESSION or GATEHOUSE_TOKEN sets the tenant)',
  options: {
    overdue: { type: 'boolean' },
    kind: { type: 'string' },
    cursor: { type: 'string' },
    url: { type: 'string' },
  },
  run: async (input) => {
    const query = new URLSearchParams(input.values['overdue'] === true ? { overdue: 'true' } : {});
    for (const name of ['kind', 'cursor']) {
      const value = input.values[name];
      if (typeof value === 'string') query.set(name, value);
    }
    const page = await getFromHouse<Page>(input, `/v1/crypto/inventory?${query.toString()}`);
    const overdue = Object.values(page.overdue).reduce((sum, count) => sum + count, 0);
    if (input.json) input.io.out(JSON.stringify(page));
    else {
      input.io.out(
        'kind         key               scope                     state       age   uses      next rotation',
      );
      for (const key of page.items) input.io.out(keyLine(key));
      input.io.out(`overdue: ${overdue}`);
      if (page.nextCursor !== null) input.io.out(`more: --cursor ${page.nextCursor}`);
    }
    return overdue > 0 ? 1 : 0;
  },
};

function keyLine(key: Key): string {
  return [
    key.kind.padEnd(11),
    key.id.padEnd(16),
    key.scope.slice(0, 24).padEnd(24),
    key.state.padEnd(10),
    `${key.ageDays}d`.padStart(5),
    String(key.uses ?? '-').padStart(8),
    `${key.nextRotation ?? '-'}${key.overdue ? '  OVERDUE' : ''}`,
  ].join('  ');
}

const plantCommand: Command = {
  name: 'crypto plant',
  summary: 'Lay out a canary: a ciphertext to put anywhere, or a whole row (--values) in a mapped table',
  usage:
    'gatehouse crypto plant COLLECTION --label TEXT (--field FIELD --row ROWID --value TEXT | --values JSON) [--url URL] [--json]   (GATEHOUSE_SESSION: session cookie after a fresh step-up)',
  options: {
    label: { type: 'string' },
    field: { type: 'string' },
    row: { type: 'string' },
    value: { type: 'string' },
    values: { type: 'string' },
    url: { type: 'string' },
  },
  run: async (input) => {
    const [collection] = input.positionals;
    const { label, field, row: rowId, value, values } = input.values;
    if (collection === undefined || typeof label !== 'string')
      throw new UsageError('name the collection and a label: --label TEXT');
    const planted =
      typeof values === 'string'
        ? { kind: 'row', values: JSON.parse(values) as unknown }
        : { kind: 'value', field, rowId, value };
    type Planted = { readonly id: string; readonly kid: string; readonly ciphertext: string | null };
    const answer = await postToHouse<Planted>(input, '/v1/crypto/canaries', { label, collection, planted });
    if (input.json) input.io.out(JSON.stringify(answer));
    else
      input.io.out(
        `canary ${answer.id} under key ${answer.kid}\n${answer.ciphertext ?? 'stands in its table'}`,
      );
    return 0;
  },
};

/** `gatehouse crypto inventory|plant`. */
export const inventoryCommands: readonly Command[] = Object.freeze([inventoryCommand, plantCommand]);
