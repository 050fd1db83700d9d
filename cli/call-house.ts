import { GatehouseError } from '../kernel/index.ts';
import { readBootstrap } from './bootstrap-file.ts';
import { UsageError, type CommandInput } from './command.ts';

/**
 * Posts to the running house as the person whose session `GATEHOUSE_SESSION` is, or as the machine that holds
 * `GATEHOUSE_TOKEN`; the address is `--url`, `GATEHOUSE_URL` or that of the house started here.
 *
 * @throws UsageError without an address, or without exactly one of the two; a GatehouseError with the house's own code when it refuses
 */
export function postToHouse<Answer extends object>(
  input: CommandInput,
  path: string,
  body: object,
): Promise<Answer> {
  return callHouse(input, 'POST', path, body);
}

/** As {@link postToHouse} for reading. */
export function getFromHouse<Answer extends object>(input: CommandInput, path: string): Promise<Answer> {
  return callHouse(input, 'GET', path, null);
}

/** As {@link postToHouse} for removing. */
export async function deleteFromHouse(input: CommandInput, path: string): Promise<void> {
  await callHouse(input, 'DELETE', path, null);
}

/** As {@link postToHouse}, where the answer is lines of JSON that come one after another. */
export async function* linesFromHouse<Line extends object>(
  input: CommandInput,
  path: string,
  body: object,
): AsyncGenerator<Line> {
  const response = await send(input, 'POST', path, body);
  if (!response.ok || response.body === null) return void (await answerOf(response));
  let rest = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Line; // our own routes
  }
}

async function callHouse<Answer extends object>(
  input: CommandInput,
  method: string,
  path: string,
  body: object | null,
): Promise<Answer> {
  return answerOf(await send(input, method, path, body));
}

async function send(
  { values, io }: CommandInput,
  method: string,
  path: string,
  body: object | null,
): Promise<Response> {
  const { environment } = io;
  const url = values['url'] ?? environment['GATEHOUSE_URL'] ?? (await readBootstrap(environment))?.url;
  if (typeof url !== 'string') throw new UsageError('no address: give --url, or start the house first');
  return fetch(new URL(path, url), {
    method,
    headers: {
      ...(await credentialsOf(environment, url, method !== 'GET')),
      ...(body === null ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  });
}

async function answerOf<Answer extends object>(response: Response): Promise<Answer> {
  const answer = (await response.json().catch(() => ({}))) as Answer & {
    readonly code?: string;
    readonly detail?: string;
  }; // our own routes
  if (response.ok) return answer;
  throw new GatehouseError(
    answer.code ?? 'ERR_INTERNAL',
    answer.detail ?? `refused with ${response.status}`,
    {
      status: response.status,
    },
  );
}

/** People have sessions, machines have tokens: what takes a fresh second factor goes by a session only. */
async function credentialsOf(
  environment: CommandInput['io']['environment'],
  url: string,
  changes: boolean,
): Promise<Record<string, string>> {
  const { GATEHOUSE_TOKEN: token = '', GATEHOUSE_SESSION: session = '' } = environment;
  if ((token === '') === (session === ''))
    throw new UsageError(
      'set one of GATEHOUSE_SESSION, the session cookie of a person, and GATEHOUSE_TOKEN, the access token of a service account',
    );
  if (session === '') return { authorization: `Bearer ${token}` };
  const name = new URL(url).protocol === 'https:' ? '__Host-gatehouse' : 'gatehouse';
  const cookie = `${name}=${session}`;
  if (!changes) return { cookie };
  const response = await fetch(new URL('/v1/identity/session', url), { headers: { cookie } });
  const { csrfToken } = await answerOf<{ readonly csrfToken: string }>(response);
  return { cookie, 'x-csrf-token': csrfToken };
}
