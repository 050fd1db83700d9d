import { readFile } from 'node:fs/promises';
import { deleteFromHouse, getFromHouse, postToHouse } from '../call-house.ts';
import { UsageError, type Command, type CommandInput, type ExitCode } from '../command.ts';

type Sink = {
  readonly id: string;
  readonly name: string;
  readonly configuration: { readonly kind: string };
  readonly state: string;
  readonly cursor: number;
  readonly lag: number;
  readonly deadLetters: number;
  readonly lastError: string | null;
};
type Work = (input: CommandInput, name: string) => Promise<ExitCode>;

const usage =
  'gatehouse audit sinks [list | create --file SINK.json | test SINK | pause SINK | resume SINK | replay SINK --from SEQ | dead-letters SINK | remove SINK] [--url URL] [--json]   (SINK: name or id; GATEHOUSE_SESSION or GATEHOUSE_TOKEN sets the tenant)';

const path = '/v1/audit/sinks';
const sinksOf = async (input: CommandInput): Promise<readonly Sink[]> =>
  (await getFromHouse<{ readonly items: readonly Sink[] }>(input, path)).items;

async function pathOf(input: CommandInput, name: string): Promise<string> {
  const found = (await sinksOf(input)).find((sink) => sink.id === name || sink.name === name);
  if (found === undefined)
    throw new UsageError(`there is no sink "${name}"; "gatehouse audit sinks" lists them`);
  return `${path}/${found.id}`;
}

function print({ io, json }: CommandInput, body: object, text: string): 0 {
  io.out(json ? JSON.stringify(body) : text);
  return 0;
}

const line = ({ name, configuration: { kind }, state, cursor, lag, deadLetters, lastError }: Sink): string =>
  `${name.padEnd(24)}  ${kind.padEnd(8)}  ${state.padEnd(8)}  next ${cursor}, ${lag} waiting, ${deadLetters} dead letters${lastError === null ? '' : `  ${lastError}`}`;

const list: Work = async (input) => {
  const items = await sinksOf(input);
  const text = items.length === 0 ? 'no sink yet' : items.map(line).join('\n');
  print(input, { items }, text);
  return items.some(({ state }) => state === 'failing') ? 1 : 0;
};

const create: Work = async (input) => {
  const { file } = input.values;
  if (typeof file !== 'string') throw new UsageError('name the file that describes the sink: --file FILE');
  type Created = { readonly sink: Sink; readonly signingSecret: string | null };
  const body = await postToHouse<Created>(input, path, parse(await readFile(file, 'utf8'), file));
  const secret =
    body.signingSecret === null ? '' : `\nsigning secret, shown this once: ${body.signingSecret}`;
  return print(input, body, `${body.sink.name} is ${body.sink.id}${secret}`);
};

function parse(text: string, file: string): object {
  try {
    return JSON.parse(text) as object; // the house checks what stands in it
  } catch {
    throw new UsageError(`"${file}" is not JSON`);
  }
}

const change =
  (kind: 'paused' | 'resumed'): Work =>
  async (input, name) => {
    const sink = await postToHouse<Sink>(input, `${await pathOf(input, name)}/change`, { kind });
    return print(input, sink, line(sink));
  };

const replay: Work = async (input, name) => {
  const from = Number(input.values['from'] ?? Number.NaN);
  if (!Number.isSafeInteger(from) || from < 0) throw new UsageError('name the first event: --from SEQ');
  const body = { kind: 'replayed', from };
  const sink = await postToHouse<Sink>(input, `${await pathOf(input, name)}/change`, body);
  return print(input, sink, line(sink));
};

const test: Work = async (input, name) => {
  type Trial = { readonly outcome: string; readonly detail: string | null; readonly milliseconds: number };
  const trial = await postToHouse<Trial>(input, `${await pathOf(input, name)}/test`, {});
  const detail = trial.detail === null ? '' : `: ${trial.detail}`;
  print(input, trial, `${trial.outcome} after ${trial.milliseconds} ms${detail}`);
  return trial.outcome === 'delivered' ? 0 : 1;
};

const deadLetters: Work = async (input, name) => {
  type Letter = { readonly seq: number; readonly reason: string; readonly refusedAt: string };
  type Page = { readonly items: readonly Letter[]; readonly nextCursor: string | null };
  const base = `${await pathOf(input, name)}/dead-letters?limit=200`;
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Page = await getFromHouse<Page>(input, cursor === '' ? base : `${base}&cursor=${cursor}`);
    for (const letter of page.items)
      print(input, letter, `${String(letter.seq).padStart(12)}  ${letter.refusedAt}  ${letter.reason}`);
    cursor = page.nextCursor;
  }
  return 0;
};

const remove: Work = async (input, name) => {
  await deleteFromHouse(input, await pathOf(input, name));
  return print(input, { removed: name }, `${name} is removed; the log keeps every event`);
};

const works: Readonly<Record<string, Work>> = {
  test,
  pause: change('paused'),
  resume: change('resumed'),
  replay,
  'dead-letters': deadLetters,
  remove,
};

/** `gatehouse audit sinks`. */
export const sinksCommand: Command = {
  name: 'audit sinks',
  summary: 'The receivers of the trail: list them, set one up from a file, try it, pause it, replay it',
  usage,
  options: { url: { type: 'string' }, file: { type: 'string' }, from: { type: 'string' } },
  run: async (input) => {
    const [verb = 'list', name] = input.positionals;
    if (verb === 'list') return list(input, '');
    if (verb === 'create') return create(input, '');
    const work = Object.hasOwn(works, verb) ? works[verb] : undefined;
    if (work === undefined || name === undefined) throw new UsageError(usage);
    return work(input, name);
  },
};
