import { getFromHouse, postToHouse } from '../call-house.ts';
import { UsageError, type Command, type CommandInput } from '../command.ts';

type Approval = {
  readonly id: string;
  readonly action: string;
  readonly payload: unknown;
  readonly reason: string;
  readonly digest: string;
  readonly state: string;
  readonly proposedBy: string;
  readonly expiresAt: string;
};
type Page = { readonly items: readonly Approval[]; readonly nextCursor: string | null };

const token = '(GATEHOUSE_SESSION: session cookie after a fresh step-up; sets the tenant)';

function idOf({ positionals }: CommandInput): string {
  const [id] = positionals;
  if (id === undefined)
    throw new UsageError('name the proposal: its id stands in "gatehouse crypto approvals"');
  return encodeURIComponent(id);
}

function textOf({ values }: CommandInput, name: string, what: string): string {
  const value = values[name];
  if (typeof value !== 'string' || value === '') throw new UsageError(`${what}: --${name} …`);
  return value;
}

const approvalsCommand: Command = {
  name: 'crypto approvals',
  summary: 'Proposals that wait for a second person, with what is proposed and its digest',
  usage: 'gatehouse crypto approvals [--state STATE] [--cursor CURSOR] [--url URL] [--json]',
  options: { state: { type: 'string' }, cursor: { type: 'string' }, url: { type: 'string' } },
  run: async (input) => {
    const query = new URLSearchParams();
    for (const name of ['state', 'cursor']) {
      const value = input.values[name];
      if (typeof value === 'string') query.set(name, value);
    }
    const page = await getFromHouse<Page>(input, `/v1/crypto/approvals?${query.toString()}`);
    if (input.json) input.io.out(JSON.stringify(page));
    else for (const line of page.items.flatMap(approvalLines)) input.io.out(line);
    if (!input.json && page.nextCursor !== null) input.io.out(`more: --cursor ${page.nextCursor}`);
    return 0;
  },
};

function approvalLines(approval: Approval): readonly string[] {
  return [
    `${approval.id}  ${approval.state}  ${approval.action}  ${JSON.stringify(approval.payload)}`,
    `  because: ${approval.reason}`,
    `  proposed by ${approval.proposedBy}, open until ${approval.expiresAt}`,
    `  digest: ${approval.digest}`,
  ];
}

const approveCommand: Command = {
  name: 'crypto approve',
  summary: 'Approve, as a second person, exactly the proposal with this digest; it is carried out once',
  usage: `gatehouse crypto approve ID --digest DIGEST [--url URL] [--json]   ${token}`,
  options: { digest: { type: 'string' }, url: { type: 'string' } },
  run: async (input) => {
    const digest = textOf(input, 'digest', 'give the digest of what you were shown');
    const path = `/v1/crypto/approvals/${idOf(input)}/approve`;
    const answer = await postToHouse<{ readonly state: string; readonly result: unknown }>(input, path, {
      digest,
    });
    input.io.out(input.json ? JSON.stringify(answer) : `${answer.state}: ${JSON.stringify(answer.result)}`);
    return 0;
  },
};

const refuseCommand: Command = {
  name: 'crypto refuse',
  summary: 'Refuse a proposal, or withdraw an own one',
  usage: `gatehouse crypto refuse ID --reason TEXT [--url URL]   ${token}`,
  options: { reason: { type: 'string' }, url: { type: 'string' } },
  run: async (input) => {
    const reason = textOf(input, 'reason', 'say why');
    await postToHouse(input, `/v1/crypto/approvals/${idOf(input)}/refuse`, { reason });
    if (!input.json) input.io.out('refused');
    return 0;
  },
};

/** `gatehouse crypto approvals|approve|refuse`. */
export const controlCommands: readonly Command[] = Object.freeze([
  approvalsCommand,
  approveCommand,
  refuseCommand,
]);
