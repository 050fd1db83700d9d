import { readFile } from 'node:fs/promises';
import { getFromHouse, postToHouse } from '../call-house.ts';
import { UsageError, type Command, type CommandInput } from '../command.ts';

type Provider = {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly epochs: number;
};
type Listed = {
  readonly house: { readonly name: string; readonly kind: string };
  readonly items: readonly Provider[];
};
type Trial = {
  readonly ok: boolean;
  readonly steps: readonly { readonly step: string; readonly ok: boolean; readonly detail: string }[];
};
type Work = (input: CommandInput, name: string) => Promise<0 | 1>;

const usage =
  'gatehouse crypto providers [add NAME --file CONFIGURATION.json | test NAME | use NAME --reason TEXT] [--url URL] [--json]   (GATEHOUSE_SESSION: session cookie; sets the tenant)';

const list: Work = async (input) => {
  const body = await getFromHouse<Listed>(input, '/v1/crypto/providers?limit=200');
  if (input.json) input.io.out(JSON.stringify(body));
  else {
    const active = body.items.some(({ state }) => state === 'active') ? '' : '  active';
    input.io.out(`${body.house.name.padEnd(24)}  ${body.house.kind.padEnd(14)}  house${active}`);
    for (const { name, kind, state, epochs } of body.items)
      input.io.out(`${name.padEnd(24)}  ${kind.padEnd(14)}  ${state}, ${epochs} epochs`);
  }
  return 0;
};

const add: Work = async (input, name) => {
  const file = input.values['file'];
  if (typeof file !== 'string') throw new UsageError('name the file with the configuration: --file FILE');
  const configuration = parse(await readFile(file, 'utf8'), file);
  const body = await postToHouse<{ readonly shown: object }>(input, '/v1/crypto/providers', {
    name,
    configuration,
  });
  if (input.json) input.io.out(JSON.stringify(body));
  else input.io.out(`${name} is laid down; encrypt to this key:\n${JSON.stringify(body.shown, null, 2)}`);
  return 0;
};

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`"${file}" is not JSON`);
  }
}

const test: Work = async (input, name) => {
  const trial = await postToHouse<Trial>(input, `/v1/crypto/providers/${encodeURIComponent(name)}/test`, {});
  if (input.json) input.io.out(JSON.stringify(trial));
  else
    for (const { step, ok, detail } of trial.steps) input.io.out(`${ok ? 'ok  ' : 'BAD '}${step}  ${detail}`);
  return trial.ok ? 0 : 1;
};

const use: Work = async (input, name) => {
  const { reason } = input.values;
  if (typeof reason !== 'string') throw new UsageError('say why: --reason TEXT');
  type Awaiting = { readonly approvalId: string; readonly digest: string; readonly expiresAt: string };
  const path = `/v1/crypto/providers/${encodeURIComponent(name)}/activate`;
  const body = await postToHouse<Awaiting>(input, path, { reason });
  if (input.json) input.io.out(JSON.stringify(body));
  else
    input.io.out(
      `a second person must approve ${body.approvalId} with digest ${body.digest} until ${body.expiresAt}`,
    );
  return 0;
};

const works: Readonly<Record<string, Work>> = { add, test, use };

/** `gatehouse crypto providers`. */
export const providersCommand: Command = {
  name: 'crypto providers',
  summary: 'The key services of a tenant: list them, lay one down, try it, propose to use it',
  usage,
  options: { url: { type: 'string' }, file: { type: 'string' }, reason: { type: 'string' } },
  run: async (input) => {
    const [verb, name] = input.positionals;
    if (verb === undefined) return list(input, '');
    const work = Object.hasOwn(works, verb) ? works[verb] : undefined;
    if (work === undefined || name === undefined) throw new UsageError(usage);
    return work(input, name);
  },
};
