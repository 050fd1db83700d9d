import { getFromHouse, postToHouse } from '../call-house.ts';
import { UsageError, type Command, type CommandInput } from '../command.ts';

type Hold = {
  readonly id: string;
  readonly scope: Readonly<Record<string, string>>;
  readonly reason: string;
  readonly until: string | null;
  readonly placedBy: string;
  readonly placedAt: string;
  readonly active: boolean;
};
type Awaiting = { readonly approvalId: string; readonly digest: string; readonly expiresAt: string };

const token = '(GATEHOUSE_TOKEN: access token of a fresh step-up; sets the tenant)';

function textOf({ values }: CommandInput, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function needed(input: CommandInput, name: string, what: string): string {
  const value = textOf(input, name);
  if (value === undefined) throw new UsageError(`${what}: --${name} …`);
  return value;
}

function printAwaiting({ io, json }: CommandInput, { approvalId, digest, expiresAt }: Awaiting): void {
  if (json) return io.out(JSON.stringify({ approvalId, digest, expiresAt }));
  io.out(`waits for a second person until ${expiresAt}:`);
  io.out(`  gatehouse crypto approve ${approvalId} --digest ${digest}`);
}

const holdsCommand: Command = {
  name: 'audit holds',
  summary: 'Legal holds, newest first',
  usage: 'gatehouse audit holds [--active] [--cursor CURSOR] [--url URL] [--json]',
  options: { active: { type: 'boolean' }, cursor: { type: 'string' }, url: { type: 'string' } },
  run: async (input) => {
    const query = new URLSearchParams({ active: String(input.values['active'] === true) });
    const cursor = textOf(input, 'cursor');
    if (cursor !== undefined) query.set('cursor', cursor);
    const page = await getFromHouse<{ readonly items: readonly Hold[]; readonly nextCursor: string | null }>(
      input,
      `/v1/audit/holds?${query.toString()}`,
    );
    if (input.json) input.io.out(JSON.stringify(page));
    else for (const hold of page.items) input.io.out(holdLine(hold));
    if (!input.json && page.nextCursor !== null) input.io.out(`more: --cursor ${page.nextCursor}`);
    return 0;
  },
};

function holdLine({ id, scope, reason, until, placedBy, placedAt, active }: Hold): string {
  const words = Object.values(scope).join(' ');
  return `${id}  ${active ? 'active' : 'over'}  ${words}  until ${until ?? 'released'}  by ${placedBy} at ${placedAt}  because: ${reason}`;
}

const holdCommand: Command = {
  name: 'audit hold',
  summary: 'Place a legal hold: nothing it names is pruned or made unreadable',
  usage: `gatehouse audit hold --log | --subject ID | --actor ID | --from TIME --to TIME   --reason TEXT [--until TIME] [--url URL] [--json]   ${token}`,
  options: {
    log: { type: 'boolean' },
    subject: { type: 'string' },
    actor: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    reason: { type: 'string' },
    until: { type: 'string' },
    url: { type: 'string' },
  },
  run: async (input) => {
    const until = textOf(input, 'until');
    const hold = await postToHouse<Hold>(input, '/v1/audit/holds', {
      scope: scopeOf(input),
      reason: needed(input, 'reason', 'say why'),
      ...(until === undefined ? {} : { until }),
    });
    input.io.out(input.json ? JSON.stringify(hold) : holdLine(hold));
    return 0;
  },
};

function scopeOf(input: CommandInput): object {
  const [subjectId, actorId, from, to] = ['subject', 'actor', 'from', 'to'].map((name) =>
    textOf(input, name),
  );
  const scopes = [
    ...(input.values['log'] === true ? [{ kind: 'log' }] : []),
    ...(subjectId === undefined ? [] : [{ kind: 'subject', subjectId }]),
    ...(actorId === undefined ? [] : [{ kind: 'actor', actorId }]),
    ...(from === undefined || to === undefined ? [] : [{ kind: 'time', from, to }]),
  ];
  const [scope] = scopes;
  if (scope === undefined || scopes.length > 1)
    throw new UsageError('choose one of --log, --subject, --actor, and --from with --to');
  return scope;
}

const releaseCommand: Command = {
  name: 'audit release',
  summary: 'Propose to release a legal hold; a second person approves it',
  usage: `gatehouse audit release ID --reason TEXT [--url URL] [--json]   ${token}`,
  options: { reason: { type: 'string' }, url: { type: 'string' } },
  run: async (input) => {
    const [id] = input.positionals;
    if (id === undefined) throw new UsageError('name the hold: its id stands in "gatehouse audit holds"');
    const path = `/v1/audit/holds/${encodeURIComponent(id)}/release`;
    printAwaiting(
      input,
      await postToHouse<Awaiting>(input, path, { reason: needed(input, 'reason', 'say why') }),
    );
    return 0;
  },
};

const retentionCommand: Command = {
  name: 'audit retention',
  summary: 'How long entries are kept; with --text, propose another policy to a second person',
  usage: `gatehouse audit retention [--preset hipaa|pci] [--days CATEGORY=DAYS,…] [--text TEXT --reason TEXT] [--url URL] [--json]   ${token}`,
  options: {
    preset: { type: 'string' },
    days: { type: 'string' },
    text: { type: 'string' },
    reason: { type: 'string' },
    url: { type: 'string' },
  },
  run: async (input) => {
    const [preset, days, text] = ['preset', 'days', 'text'].map((name) => textOf(input, name));
    if (preset === undefined && days === undefined && text === undefined) {
      const answer = await getFromHouse<Record<string, unknown>>(input, '/v1/audit/retention');
      input.io.out(JSON.stringify(answer, null, input.json ? undefined : 2));
      return 0;
    }
    const awaiting = await postToHouse<Awaiting>(input, '/v1/audit/retention', {
      ...(preset === undefined ? {} : { preset }),
      ...(days === undefined ? {} : { days: parseDays(days) }),
      text: needed(input, 'text', 'say what outsiders are told'),
      reason: needed(input, 'reason', 'say why'),
    });
    printAwaiting(input, awaiting);
    return 0;
  },
};

function parseDays(text: string): Record<string, number> {
  const pairs = text.split(',').map((part) => /^([a-z]+)=([1-9]\d{0,4})$/.exec(part.trim()));
  if (pairs.includes(null)) throw new UsageError('--days looks like access=366,data=2192');
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', Number(pair?.[2])]));
}

const pruneCommand: Command = {
  name: 'audit prune',
  summary: 'Prune what the retention policy lets go; the first run under a policy waits for a second person',
  usage: `gatehouse audit prune --reason TEXT [--url URL] [--json]   ${token}`,
  options: { reason: { type: 'string' }, url: { type: 'string' } },
  run: async (input) => {
    type Begun = { readonly runId: string | null; readonly floor: number };
    const body = { reason: needed(input, 'reason', 'say why') };
    const answer = await postToHouse<Begun | Awaiting>(input, '/v1/audit/prune', body);
    if ('approvalId' in answer) printAwaiting(input, answer);
    else if (input.json) input.io.out(JSON.stringify(answer));
    else if (answer.runId === null) input.io.out(`nothing to prune; the minimum index is ${answer.floor}`);
    else input.io.out(`run ${answer.runId} prunes below ${answer.floor}`);
    return 0;
  },
};

/** `gatehouse audit holds|hold|release|retention|prune`. */
export const keepingCommands: readonly Command[] = Object.freeze([
  holdsCommand,
  holdCommand,
  releaseCommand,
  retentionCommand,
  pruneCommand,
]);
