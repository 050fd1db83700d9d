import { GatehouseError } from '../kernel/index.ts';
import { readBootstrap } from './bootstrap-file.ts';
import { UsageError, type CommandInput } from './command.ts';

/**
 * Posts to the running house as whoever holds `GATEHOUSE_TOKEN`; the address is `--url`, `GATEHOUSE_URL` or that of the
 * house started here.
 *
 * @throws UsageError without an address or a token; a GatehouseError with the house's own code when it refuses
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

async function callHouse<Answer extends object>(
  { values, io }: CommandInput,
  method: string,
  path: string,
  body: object | null,
): Promise<Answer> {
  const { environment } = io;
  const url = values['url'] ?? environment['GATEHOUSE_URL'] ?? (await readBootstrap(environment))?.url;
  const token = environment['GATEHOUSE_TOKEN'] ?? '';
  if (typeof url !== 'string') throw new UsageError('no address: give --url, or start the house first');
  if (token === '') throw new UsageError('set GATEHOUSE_TOKEN to an access token of whoever may do this');
  const response = await fetch(new URL(path, url), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === null ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  });
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
