import { readFile } from 'node:fs/promises';
import { getFromHouse, linesFromHouse, postToHouse } from '../call-house.ts';
import { UsageError, type Command, type CommandInput } from '../command.ts';

type Rule = {
  readonly id: string;
  readonly name: string;
  readonly severity: string;
  readonly definition: { readonly kind: string };
  readonly enabled: boolean;
  readonly testedAt: string | null;
  readonly counts: { readonly raised: number };
};
type Template = Pick<Rule, 'name' | 'severity' | 'definition'> & {
  readonly key: string;
  readonly summary: string;
};
type Line = {
  readonly kind: string;
  readonly at?: string;
  readonly key?: string;
  readonly note?: string | null;
  readonly seqs?: readonly number[];
  readonly events?: number;
  readonly alerts?: number;
  readonly milliseconds?: number;
};

const options = { url: { type: 'string' } } as const;
const path = '/v1/audit/rules';
const token = '[--url URL] [--json]   (GATEHOUSE_TOKEN sets the tenant)';

const listCommand: Command = {
  name: 'audit rules list',
  summary: 'Alert rules of a tenant; with --templates those to begin with',
  usage: `gatehouse audit rules list [--templates] ${token}`,
  options: { ...options, templates: { type: 'boolean' } },
  run: async (input) => {
    const templates = input.values['templates'] === true;
    const page = await getFromHouse<{ readonly items: readonly (Rule & Template)[] }>(
      input,
      templates ? `${path}/templates` : path,
    );
    if (input.json) input.io.out(JSON.stringify(page));
    else for (const item of page.items) input.io.out(templates ? templateLine(item) : ruleLine(item));
    return 0;
  },
};

const templateLine = ({ key, severity, summary }: Template): string =>
  `${key.padEnd(18)}  ${severity.padEnd(8)}  ${summary}`;
const ruleLine = ({ id, name, severity, definition, enabled, testedAt, counts }: Rule): string =>
  `${id}  ${(enabled ? 'on' : 'off').padEnd(3)}  ${severity.padEnd(8)}  ${definition.kind.padEnd(17)}  raised ${counts.raised}  ${testedAt === null ? 'not tested' : `tested ${testedAt}`}  ${name}`;

const addCommand: Command = {
  name: 'audit rules add',
  summary: 'Make an alert rule from a template or a JSON file; it is switched off',
  usage: `gatehouse audit rules add (--template KEY | --file RULE.json) [--name NAME] ${token}`,
  options: {
    ...options,
    template: { type: 'string' },
    file: { type: 'string' },
    name: { type: 'string' },
  },
  run: async (input) => {
    const rule = await postToHouse<Rule>(input, path, await ruleToAdd(input));
    input.io.out(input.json ? JSON.stringify(rule) : ruleLine(rule));
    return 0;
  },
};

async function ruleToAdd(input: CommandInput): Promise<object> {
  const { template, file, name } = input.values;
  const renamed = typeof name === 'string' ? { name } : {};
  if (typeof file === 'string')
    return { ...(JSON.parse(await readFile(file, 'utf8')) as object), ...renamed }; // the house checks it
  if (typeof template !== 'string') throw new UsageError('give --template KEY or --file RULE.json');
  const { items } = await getFromHouse<{ readonly items: readonly Template[] }>(input, `${path}/templates`);
  const found = items.find(({ key }) => key === template);
  if (found === undefined)
    throw new UsageError(`no such template; there are: ${items.map(({ key }) => key).join(', ')}`);
  return { name: found.name, severity: found.severity, definition: found.definition, ...renamed };
}

const testCommand: Command = {
  name: 'audit rules test',
  summary: 'Try a rule on events of the past: what it would have raised',
  usage: `gatehouse audit rules test RULE-ID [--since TIME | --from SEQ] [--to SEQ] ${token}`,
  options: { ...options, since: { type: 'string' }, from: { type: 'string' }, to: { type: 'string' } },
  run: async (input) => {
    const { since, from, to } = input.values;
    const body = {
      ruleId: ruleId(input),
      ...(typeof since === 'string' ? { since } : {}),
      ...(typeof from === 'string' ? { from: Number(from) } : {}),
      ...(typeof to === 'string' ? { to: Number(to) } : {}),
    };
    let isFinished = false;
    for await (const line of linesFromHouse<Line>(input, `${path}/backtest`, body)) {
      isFinished ||= line.kind === 'finished';
      if (input.json) input.io.out(JSON.stringify(line));
      else if (line.kind === 'alert')
        input.io.out(`${line.at}  ${line.key === '' ? '-' : line.key}  ${line.note ?? ''}  #${(line.seqs ?? []).join(' #')}`); // prettier-ignore
      else if (line.kind === 'finished')
        input.io.out(`${line.events} events, ${line.alerts} alerts, ${line.milliseconds} ms`);
    }
    if (!isFinished) input.io.error('the back-test ended before it was finished; it does not count');
    return isFinished ? 0 : 1;
  },
};

const switchCommand = (verb: 'enable' | 'disable', summary: string): Command => ({
  name: `audit rules ${verb}`,
  summary,
  usage: `gatehouse audit rules ${verb} RULE-ID ${token}`,
  options,
  run: async (input) => {
    const rule = await postToHouse<Rule>(input, `${path}/${ruleId(input)}/${verb}`, {});
    input.io.out(input.json ? JSON.stringify(rule) : ruleLine(rule));
    return 0;
  },
});

function ruleId({ positionals }: CommandInput): string {
  const [id] = positionals;
  if (id === undefined || !/^[0-9a-f-]{36}$/i.test(id)) throw new UsageError('give the id of a rule');
  return id;
}

type Alert = {
  readonly id: string;
  readonly at: string;
  readonly severity: string;
  readonly state: string;
  readonly ruleName: string;
  readonly key: string;
  readonly note: string | null;
};

const alertsCommand: Command = {
  name: 'audit alerts',
  summary: 'What alert rules found, newest first; exit 1 when an alert is open',
  usage: `gatehouse audit alerts [--state open|acknowledged|closed] [--set STATE --id ALERT-ID] [--cursor CURSOR] ${token}`,
  options: {
    ...options,
    state: { type: 'string' },
    set: { type: 'string' },
    id: { type: 'string' },
    cursor: { type: 'string' },
  },
  run: async (input) => {
    const { state, set, id, cursor } = input.values;
    if (typeof set === 'string') {
      if (typeof id !== 'string') throw new UsageError('say which alert: --id ALERT-ID');
      const changed = await postToHouse<Alert>(input, `/v1/audit/alerts/${encodeURIComponent(id)}/change`, {
        state: set,
      });
      input.io.out(input.json ? JSON.stringify(changed) : alertLine(changed));
      return 0;
    }
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ state, cursor }))
      if (typeof value === 'string') query.set(name, value);
    type Page = {
      readonly items: readonly Alert[];
      readonly open: number;
      readonly nextCursor: string | null;
    };
    const page = await getFromHouse<Page>(input, `/v1/audit/alerts?${query.toString()}`);
    if (input.json) input.io.out(JSON.stringify(page));
    else {
      for (const alert of page.items) input.io.out(alertLine(alert));
      if (page.nextCursor !== null) input.io.out(`more: --cursor ${page.nextCursor}`);
    }
    return page.open > 0 ? 1 : 0;
  },
};

const alertLine = ({ id, at, severity, state, ruleName, key, note }: Alert): string =>
  `${id}  ${at}  ${severity.padEnd(8)}  ${state.padEnd(12)}  ${ruleName}  ${key === '' ? '-' : key}  ${note ?? ''}`;

/** `gatehouse audit rules …` and `gatehouse audit alerts`. */
export const ruleCommands: readonly Command[] = Object.freeze([
  listCommand,
  addCommand,
  testCommand,
  switchCommand('enable', 'Switch a back-tested rule on; events from now on count'),
  switchCommand('disable', 'Switch a rule off'),
  alertsCommand,
]);
