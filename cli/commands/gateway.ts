import { readBootstrap } from '../bootstrap-file.ts';
import type { Command, CommandInput, ExitCode } from '../command.ts';

const list: Command = {
  name: 'gateway list',
  summary: 'Records of a data service as your token may see them',
  usage:
    'gatehouse gateway list SERVICE COLLECTION --purpose PURPOSE [--filter field[op]=value] [--fields a,b] [--limit N] [--url URL] [--json]   (GATEHOUSE_TOKEN: access token)',
  options: {
    purpose: { type: 'string' },
    filter: { type: 'string' },
    fields: { type: 'string' },
    sort: { type: 'string' },
    limit: { type: 'string' },
    cursor: { type: 'string' },
    url: { type: 'string' },
  },
  run: async (input) => {
    const { environment } = input.io;
    const [service, collection] = input.positionals;
    if (service === undefined || collection === undefined)
      return misuse(input, 'name service and collection, e.g. contacts contact');
    const url =
      input.values['url'] ?? environment['GATEHOUSE_URL'] ?? (await readBootstrap(environment))?.url;
    const token = environment['GATEHOUSE_TOKEN'];
    if (typeof url !== 'string') return misuse(input, 'no address: give --url, or start the house first');
    if (token === undefined || token === '') return misuse(input, 'set GATEHOUSE_TOKEN to an access token');
    const address = new URL(`/v1/data/${encodeURIComponent(service)}/${encodeURIComponent(collection)}`, url);
    const problem = addQuery(address, input);
    if (problem !== null) return misuse(input, problem);
    const purpose = input.values['purpose'];
    const headers = {
      authorization: `Bearer ${token}`,
      ...(typeof purpose === 'string' ? { 'gatehouse-purpose': purpose } : {}),
    };
    return show(input, await fetch(address, { headers }));
  },
};

/** @returns what is wrong with the filter, or null */
function addQuery(address: URL, { values }: CommandInput): string | null {
  for (const name of ['fields', 'sort', 'limit', 'cursor']) {
    const value = values[name];
    if (typeof value === 'string') address.searchParams.set(name, value);
  }
  const filter = values['filter'];
  if (typeof filter !== 'string') return null;
  const match = /^([^[\]=]+)(\[[a-z]+\])?=(.*)$/s.exec(filter);
  if (match === null) return 'write the filter as field=value or field[op]=value';
  address.searchParams.set(`filter[${match[1] ?? ''}]${match[2] ?? ''}`, match[3] ?? '');
  return null;
}

async function show({ io, json }: CommandInput, response: Response): Promise<ExitCode> {
  const body = (await response.json().catch(() => ({}))) as Readonly<Record<string, unknown>>; // whatever it answers is shown
  if (!response.ok) {
    io.error(`refused with ${response.status} ${textOf(body['code'])}: ${textOf(body['detail'])}`);
    return 1;
  }
  if (json) io.out(JSON.stringify(body));
  else {
    for (const item of Array.isArray(body['items']) ? body['items'] : []) io.out(JSON.stringify(item));
    if (typeof body['nextCursor'] === 'string') io.out(`more: --cursor ${body['nextCursor']}`);
  }
  return 0;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function misuse({ io }: CommandInput, message: string): ExitCode {
  io.error(message);
  return 2;
}

/** `gatehouse gateway …`. */
export const gatewayCommands: readonly Command[] = Object.freeze([list]);
