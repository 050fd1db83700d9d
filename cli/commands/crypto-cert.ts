import { readFile, writeFile } from 'node:fs/promises';
import { getFromHouse, postToHouse } from '../call-house.ts';
import { UsageError, type Command, type CommandInput } from '../command.ts';

const token = '(GATEHOUSE_SESSION: session cookie after a fresh step-up; sets the tenant)';
const url = { url: { type: 'string' } } as const;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const alarmMilliseconds = 72 * 3_600_000;

type Certificate = {
  readonly id: string;
  readonly serial: string;
  readonly profile: string;
  readonly commonName: string;
  readonly state: string;
  readonly notAfter: string;
  readonly certificate: string;
};
type Inspection = {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  readonly names: string;
  readonly key: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly findings: readonly string[];
};
type Authority = {
  readonly id: string;
  readonly algorithm: string;
  readonly certificate: string;
  readonly crl: string;
  readonly crlNumber: number;
  readonly crlEntries: number;
  readonly crlNextUpdate: string;
};

const textOf = ({ values }: CommandInput, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

function requireText(input: CommandInput, name: string, what: string): string {
  const value = textOf(input, name);
  if (value === undefined) throw new UsageError(`${what}: --${name} …`);
  return value;
}

function idOf({ positionals }: CommandInput): string {
  const [id] = positionals;
  if (id === undefined || !uuid.test(id))
    throw new UsageError('name the certificate: its id stands in "gatehouse crypto cert list"');
  return id;
}

/** `a,b` of an option as names of one kind. */
const namesOf = (
  input: CommandInput,
  kind: string,
): readonly { readonly kind: string; readonly value: string }[] =>
  (textOf(input, kind) ?? '')
    .split(',')
    .filter((value) => value !== '')
    .map((value) => ({ kind, value }));

const line = (one: Certificate): string =>
  [one.id, one.state.padEnd(7), one.profile.padEnd(12), one.notAfter.slice(0, 10), one.commonName].join('  ');

function printCertificate({ io, json }: CommandInput, made: Certificate): 0 {
  if (json) io.out(JSON.stringify(made));
  else io.out(`${line(made)}\nserial ${made.serial}\n${made.certificate.trimEnd()}`);
  return 0;
}

const listCommand: Command = {
  name: 'crypto cert list',
  summary: 'Certificates of the tenant, newest first; 1 when one is due and has no successor',
  usage: 'gatehouse crypto cert list [--profile PROFILE] [--cursor CURSOR] [--url URL] [--json]',
  options: { profile: { type: 'string' }, cursor: { type: 'string' }, ...url },
  run: async (input) => {
    const query = new URLSearchParams();
    for (const name of ['profile', 'cursor']) {
      const value = textOf(input, name);
      if (value !== undefined) query.set(name, value);
    }
    type Page = { readonly items: readonly Certificate[]; readonly nextCursor: string | null };
    const page = await getFromHouse<Page>(input, `/v1/crypto/certificates?${query.toString()}`);
    if (input.json) input.io.out(JSON.stringify(page));
    else for (const one of page.items) input.io.out(line(one));
    if (!input.json && page.nextCursor !== null) input.io.out(`more: --cursor ${page.nextCursor}`);
    return page.items.some(({ state }) => state === 'due') ? 1 : 0;
  },
};

const issueCommand: Command = {
  name: 'crypto cert issue',
  summary: 'Issue a certificate, with a key that stays in the house or from a certificate request',
  usage: `gatehouse crypto cert issue --profile mtls-client|mtls-server|saml-signing --name NAME [--dns A,B] [--ip A,B] [--uri A,B] [--csr FILE | --algorithm rsa-2048|rsa-3072|ec-p256 --exportable] [--days N] [--by-authority] [--url URL] [--json]   ${token}`,
  options: {
    ...{
      profile: { type: 'string' },
      name: { type: 'string' },
      csr: { type: 'string' },
      days: { type: 'string' },
    },
    ...{
      dns: { type: 'string' },
      ip: { type: 'string' },
      uri: { type: 'string' },
      algorithm: { type: 'string' },
    },
    ...{ exportable: { type: 'boolean' }, 'by-authority': { type: 'boolean' } },
    ...url,
  },
  run: async (input) => {
    const [csr, days, algorithm] = ['csr', 'days', 'algorithm'].map((name) => textOf(input, name));
    const names = ['dns', 'ip', 'uri'].flatMap((kind) => namesOf(input, kind));
    const body = {
      profile: requireText(input, 'profile', 'name the profile'),
      commonName: requireText(input, 'name', 'give the common name'),
      ...(names.length === 0 ? {} : { names }),
      ...(csr === undefined ? {} : { csr: await readFile(csr, 'utf8') }),
      ...(days === undefined ? {} : { days: Number(days) }),
      ...(algorithm === undefined ? {} : { algorithm }),
      ...(input.values['exportable'] === true ? { exportable: true } : {}),
      ...(input.values['by-authority'] === true ? { selfSigned: false } : {}),
    };
    return printCertificate(input, await postToHouse<Certificate>(input, '/v1/crypto/certificates', body));
  },
};

const renewCommand: Command = {
  name: 'crypto cert renew',
  summary: 'Issue the successor of a certificate; asked again it gives the same one',
  usage: `gatehouse crypto cert renew ID [--csr FILE] [--url URL] [--json]   ${token}`,
  options: { csr: { type: 'string' }, ...url },
  run: async (input) => {
    const csr = textOf(input, 'csr');
    const body = csr === undefined ? {} : { csr: await readFile(csr, 'utf8') };
    const path = `/v1/crypto/certificates/${idOf(input)}/renew`;
    return printCertificate(input, await postToHouse<Certificate>(input, path, body));
  },
};

const revokeCommand: Command = {
  name: 'crypto cert revoke',
  summary: 'Revoke a certificate; the list that names it is signed at once and open connections end',
  usage: `gatehouse crypto cert revoke ID --reason key_compromise|superseded|cessation_of_operation|affiliation_changed|privilege_withdrawn|unspecified [--url URL] [--json]   ${token}`,
  options: { reason: { type: 'string' }, ...url },
  run: async (input) => {
    const reason = requireText(input, 'reason', 'say why');
    const path = `/v1/crypto/certificates/${idOf(input)}/revoke`;
    return printCertificate(input, await postToHouse<Certificate>(input, path, { reason }));
  },
};

const crlCommand: Command = {
  name: 'crypto cert crl',
  summary: 'Revocation lists of the tenant; 1 when one ends within three days',
  usage:
    'gatehouse crypto cert crl [--publish] [--pem lists|authorities] [--url URL] [--json]   (--publish signs new lists first)',
  options: { publish: { type: 'boolean' }, pem: { type: 'string' }, ...url },
  run: async (input) => {
    type Page = { readonly items: readonly Authority[] };
    const read = (): Promise<Page> => getFromHouse<Page>(input, '/v1/crypto/authorities');
    if (input.values['publish'] === true)
      for (const { id } of (await read()).items)
        await postToHouse(input, `/v1/crypto/authorities/${id}/crl`, {});
    const { items } = await read();
    const pem = textOf(input, 'pem');
    for (const one of items) if (!input.json) input.io.out(crlText(one, pem));
    if (input.json) input.io.out(JSON.stringify({ items }));
    const soon = Date.now() + alarmMilliseconds;
    return items.some(({ crlNextUpdate }) => Date.parse(crlNextUpdate) < soon) ? 1 : 0;
  },
};

function crlText(one: Authority, pem: string | undefined): string {
  if (pem === 'lists') return one.crl.trimEnd();
  if (pem === 'authorities') return one.certificate.trimEnd();
  if (pem !== undefined) throw new UsageError('--pem prints "lists" or "authorities"');
  return `${one.id}  ${one.algorithm}  list ${one.crlNumber} with ${one.crlEntries} entries, good until ${one.crlNextUpdate}`;
}

const inspectCommand: Command = {
  name: 'crypto cert inspect',
  summary: 'What a certificate says and what is wrong with it; 1 when something is',
  usage: 'gatehouse crypto cert inspect ID | FILE.pem [--url URL] [--json]',
  options: url,
  run: async (input) => {
    const [which] = input.positionals;
    if (which === undefined) throw new UsageError('name a certificate by its id or a PEM file');
    const found = uuid.test(which)
      ? (await getFromHouse<{ inspection: Inspection }>(input, `/v1/crypto/certificates/${which}`)).inspection
      : await postToHouse<Inspection>(input, '/v1/crypto/certificates/inspect', {
          certificate: await readFile(which, 'utf8'),
        });
    if (input.json) input.io.out(JSON.stringify(found));
    else for (const text of inspectionLines(found)) input.io.out(text);
    return found.findings.length === 0 ? 0 : 1;
  },
};

function inspectionLines(found: Inspection): readonly string[] {
  return [
    `subject  ${found.subject}`,
    `issuer   ${found.issuer}`,
    `serial   ${found.serial}`,
    `names    ${found.names}`,
    `key      ${found.key}`,
    `valid    ${found.notBefore} to ${found.notAfter}`,
    ...found.findings.map((finding) => `! ${finding}`),
  ];
}

const bundleCommand: Command = {
  name: 'crypto cert bundle',
  summary: 'Write a certificate with its chain and private key to a file (0600)',
  usage: `gatehouse crypto cert bundle ID --out FILE [--format pkcs12|pem] [--url URL]   ${token}; GATEHOUSE_BUNDLE_PASSWORD sets the password, else one is made and printed`,
  options: { out: { type: 'string' }, format: { type: 'string' }, ...url },
  run: async (input) => {
    const out = requireText(input, 'out', 'name the file to be written');
    const password = input.io.environment['GATEHOUSE_BUNDLE_PASSWORD'];
    const body = {
      format: textOf(input, 'format') ?? 'pkcs12',
      ...(password === undefined ? {} : { password }),
    };
    type Bundle = { readonly content: string; readonly password: string | null };
    const made = await postToHouse<Bundle>(input, `/v1/crypto/certificates/${idOf(input)}/bundle`, body);
    await writeFile(out, Buffer.from(made.content, 'base64'), { flag: 'wx', mode: 0o600 });
    const { password: told } = made;
    if (input.json) input.io.out(JSON.stringify({ file: out, password: told }));
    else
      input.io.out(
        told === null ? `written to ${out}` : `written to ${out}; its password, told once: ${told}`,
      );
    return 0;
  },
};

/** `gatehouse crypto cert …`. */
export const certCommands: readonly Command[] = Object.freeze([
  listCommand,
  issueCommand,
  renewCommand,
  revokeCommand,
  crlCommand,
  inspectCommand,
  bundleCommand,
]);
