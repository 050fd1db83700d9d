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

const token = 'GATEHOUSE_SESSION: session cookie; sets the tenant';

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
  const { collection, field, index } = values;
  if (typeof index === 'string') {
    if (typeof collection !== 'string' || typeof field !== 'string')
      throw new UsageError('--index needs --collection SERVICE.COLLECTION and --field NAME');
    return { keys: 'index', collection, field, index };
  }
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
  usage: `gatehouse crypto rotate [--subject ID | --purpose NAME | --older-than DAYS | --collection SERVICE.COLLECTION --field NAME --index NAME] [--url URL] [--json]   (${token}, of a fresh step-up)`,
  options: {
    url: { type: 'string' },
    subject: { type: 'string' },
    purpose: { type: 'string' },
    'older-than': { type: 'string' },
    collection: { type: 'string' },
    field: { type: 'string' },
    index: { type: 'string' },
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

/** As the house answers. */
type Advice = {
  readonly rows: number;
  readonly sampled: number;
  readonly forms: readonly {
    readonly form: string;
    readonly distinctEstimated: number;
    readonly entropyBits: number;
    readonly commonestShare: number;
    readonly verdict: string;
  }[];
  readonly falseMatches: readonly { readonly bits: number; readonly expected: number }[];
  readonly findings: readonly { readonly index: string; readonly form: string; readonly verdict: string }[];
};

const adviceLines = ({ rows, sampled, forms, falseMatches, findings }: Advice): readonly string[] => [
  `${sampled} of ${rows} rows`,
  'form       distinct  entropy  commonest  verdict',
  ...forms.map(({ form, distinctEstimated, entropyBits, commonestShare, verdict }) =>
    [
      form.padEnd(9),
      String(distinctEstimated).padStart(8),
      entropyBits.toFixed(1).padStart(7),
      `${(commonestShare * 100).toFixed(1)} %`.padStart(9),
      verdict,
    ].join('  '),
  ),
  `false matches of one search: ${falseMatches.map(({ bits, expected }) => `${bits} bits ${expected.toPrecision(2)}`).join(', ')}`,
  ...findings.map(
    ({ index, form, verdict }) => `the data map declares index "${index}" (${form}): ${verdict}`,
  ),
];

const adviseCommand: Command = {
  name: 'crypto advise',
  summary:
    'Judge from a sample which indexes of an encrypted field are safe; exit 1 when an exact one, or one of the data map, is not',
  usage: `gatehouse crypto advise --collection SERVICE.COLLECTION --field NAME [--sample 50..5000] [--force] [--url URL] [--json]   (${token})`,
  options: {
    url: { type: 'string' },
    collection: { type: 'string' },
    field: { type: 'string' },
    sample: { type: 'string' },
    force: { type: 'boolean' },
  },
  run: async (input) => {
    const { collection, field, sample, force } = input.values;
    if (typeof collection !== 'string' || typeof field !== 'string')
      throw new UsageError('name the field: --collection SERVICE.COLLECTION --field NAME');
    if (sample !== undefined && (typeof sample !== 'string' || !/^\d{2,4}$/.test(sample)))
      throw new UsageError('--sample is a number from 50 to 5000');
    const body = { collection, field, ...(sample === undefined ? {} : { sample: Number(sample) }) };
    const advice = await postToHouse<Advice>(input, '/v1/crypto/advise', body);
    if (input.json) input.io.out(JSON.stringify(advice));
    else for (const line of adviceLines(advice)) input.io.out(line);
    const isSafe = advice.forms[0]?.verdict === 'safe' && advice.findings.length === 0;
    return isSafe || force === true ? 0 : 1;
  },
};

/** `gatehouse crypto rotate|rewrap|jobs|advise`. */
export const cryptoRotationCommands: readonly Command[] = Object.freeze([
  rotateCommand,
  rewrapCommand,
  jobsCommand,
  adviseCommand,
]);
