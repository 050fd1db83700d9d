import { getFromHouse, postToHouse } from '../call-house.ts';
import { UsageError, type Command, type CommandInput, type ExitCode } from '../command.ts';

/** As the house answers. */
type Job = {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly phase: string;
  readonly total: number;
  readonly done: number;
  readonly rate: number;
  readonly error: string | null;
};

const token = 'GATEHOUSE_TOKEN: access token; sets the tenant';

const jobLine = ({ id, kind, state, phase, total, done, rate, error }: Job): string =>
  `${id}  ${kind.padEnd(11)}  ${state.padEnd(7)}  ${phase.padEnd(8)}  ${done}/${total}  ${rate}/s${error === null ? '' : `  ${error}`}`;

function show({ json, io }: CommandInput, job: Job): ExitCode {
  io.out(json ? JSON.stringify(job) : jobLine(job));
  return job.state === 'failed' ? 1 : 0;
}

const selectors = {
  subject: 'person',
  purpose: 'purpose',
  'older-than': 'overdue',
} as const;

function rotateBody(values: CommandInput['values']): object {
  const given = Object.keys(selectors).filter((name) => typeof values[name] === 'string');
  if (given.length > 1) throw new UsageError(`--${given.join(' and --')} exclude each other; give one`);
  const { subject, purpose } = values;
  if (typeof subject === 'string') return { keys: 'person', subjectId: subject };
  if (typeof purpose === 'string') return { keys: 'purpose', purpose };
  const days = values['older-than'];
  if (days === undefined) return { keys: 'tenant' };
  if (typeof days !== 'string' || !/^\d{1,5}$/.test(days))
    throw new UsageError('--older-than is a number of days');
  return { keys: 'overdue', olderThanDays: Number(days) };
}

const rotateCommand: Command = {
  name: 'crypto rotate',
  summary:
    'Replace keys: the tenant key with all data keys wrapped again, or data keys with their values sealed again',
  usage: `gatehouse crypto rotate [--subject ID | --purpose NAME | --older-than DAYS] [--url URL] [--json]   (${token}, of a fresh step-up)`,
  options: {
    url: { type: 'string' },
    subject: { type: 'string' },
    purpose: { type: 'string' },
    'older-than': { type: 'string' },
  },
  run: async (input) =>
    show(input, await postToHouse<Job>(input, '/v1/crypto/rotate', rotateBody(input.values))),
};

const rewrapCommand: Command = {
  name: 'crypto rewrap',
  summary: 'Wrap every data key under the active epoch, or carry that on',
  usage: `gatehouse crypto rewrap [--url URL] [--json]   (${token}, of a fresh step-up)`,
  options: { url: { type: 'string' } },
  run: async (input) => show(input, await postToHouse<Job>(input, '/v1/crypto/rewrap', {})),
};

const jobsCommand: Command = {
  name: 'crypto jobs',
  summary: 'Long works on keys with progress and rate; exit 1 while one has failed',
  usage: `gatehouse crypto jobs [--id ID] [--url URL] [--json]   (${token})`,
  options: { url: { type: 'string' }, id: { type: 'string' } },
  run: async (input) => {
    const { id } = input.values;
    if (typeof id === 'string')
      return show(input, await getFromHouse<Job>(input, `/v1/crypto/jobs/${encodeURIComponent(id)}`));
    const { items } = await getFromHouse<{ readonly items: readonly Job[] }>(input, '/v1/crypto/jobs');
    if (input.json) input.io.out(JSON.stringify(items));
    else for (const job of items) input.io.out(jobLine(job));
    return items.some(({ state }) => state === 'failed') ? 1 : 0;
  },
};

/** `gatehouse crypto rotate|rewrap|jobs`. */
export const cryptoRotationCommands: readonly Command[] = Object.freeze([
  rotateCommand,
  rewrapCommand,
  jobsCommand,
]);
