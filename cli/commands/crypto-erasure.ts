import type { Reconciliation } from '../../crypto/index.ts';
import { getFromHouse, postToHouse } from '../call-house.ts';
import { withHouse } from '../open-house.ts';
import { UsageError, type Command, type CommandInput } from '../command.ts';

const token = '(GATEHOUSE_SESSION: session cookie after a fresh step-up; sets the tenant)';

function textOf({ values }: CommandInput, name: string, what: string): string {
  const value = values[name];
  if (typeof value !== 'string' || value === '') throw new UsageError(`${what}: --${name} …`);
  return value;
}

type Epochs = {
  readonly schedule: { readonly rotateEveryDays: number | null; readonly retireAfterDays: number | null };
  readonly retirements: readonly { readonly throughEpoch: number; readonly error: string | null }[];
  readonly epochs: readonly {
    readonly epoch: number;
    readonly state: string;
    readonly keys: number;
    readonly provider: string;
    readonly until: string | null;
    readonly basis: string;
    readonly error: string | null;
  }[];
};

const epochsCommand: Command = {
  name: 'crypto epochs',
  summary: 'Key epochs of a tenant, until when backups open them, and its standing schedule',
  usage:
    'gatehouse crypto epochs [--url URL] [--json]   (GATEHOUSE_SESSION or GATEHOUSE_TOKEN sets the tenant)',
  options: { url: { type: 'string' } },
  run: async (input) => {
    const life = await getFromHouse<Epochs>(input, '/v1/crypto/epochs');
    if (input.json) input.io.out(JSON.stringify(life));
    else for (const line of epochLines(life)) input.io.out(line);
    return life.retirements.length > 0 ? 1 : 0;
  },
};

function epochLines({ schedule, retirements, epochs }: Epochs): readonly string[] {
  const days = (value: number | null): string => (value === null ? 'by hand only' : `${value} days`);
  return [
    `rotate every: ${days(schedule.rotateEveryDays)}; retire after: ${days(schedule.retireAfterDays)}`,
    ...retirements.map(
      (one) => `being retired through epoch ${one.throughEpoch}: ${one.error ?? 'under way'}`,
    ),
    'epoch  state         keys  backups open until (why)',
    ...epochs.map((one) =>
      [
        String(one.epoch).padEnd(5),
        one.state.padEnd(11),
        String(one.keys).padStart(6),
        `${one.until ?? 'no end laid down'} (${one.basis})${one.error === null ? '' : `: ${one.error}`}`,
      ].join('  '),
    ),
  ];
}

const retireCommand: Command = {
  name: 'crypto retire',
  summary:
    'Propose to rewrap what is live and destroy key epochs at their provider; a second person approves',
  usage: `gatehouse crypto retire --reason TEXT [--through EPOCH] [--url URL] [--json]   ${token}`,
  options: { reason: { type: 'string' }, through: { type: 'string' }, url: { type: 'string' } },
  run: async (input) => {
    const through = input.values['through'];
    if (through !== undefined && !/^[1-9]\d{0,9}$/.test(String(through)))
      throw new UsageError('--through takes the number of an epoch');
    const body = {
      reason: textOf(input, 'reason', 'say why'),
      ...(through === undefined ? {} : { throughEpoch: Number(through) }),
    };
    type Awaiting = { readonly approvalId: string; readonly digest: string; readonly expiresAt: string };
    const answer = await postToHouse<Awaiting>(input, '/v1/crypto/retire', body);
    if (input.json) input.io.out(JSON.stringify(answer));
    else {
      input.io.out(`proposed; until ${answer.expiresAt} a second person may run`);
      input.io.out(`  gatehouse crypto approve ${answer.approvalId} --digest ${answer.digest}`);
    }
    return 0;
  },
};

const shredCommand: Command = {
  name: 'crypto shred',
  summary: 'Destroy the keys of a person by hand, outside a request of theirs',
  usage: `gatehouse crypto shred SUBJECT-ID… --request ID --reason TEXT [--url URL] [--json]   ${token}`,
  options: { request: { type: 'string' }, reason: { type: 'string' }, url: { type: 'string' } },
  run: async (input) => {
    if (input.positionals.length === 0) throw new UsageError('name the people: their subject ids');
    const body = {
      subjectIds: input.positionals,
      requestId: textOf(input, 'request', 'name the request that asks for it'),
      reason: textOf(input, 'reason', 'say why'),
    };
    type Shredded = {
      readonly kids: readonly string[];
      readonly backups: { readonly until: string | null; readonly basis: string };
    };
    const answer = await postToHouse<Shredded>(input, '/v1/crypto/shred', body);
    if (input.json) input.io.out(JSON.stringify(answer));
    else {
      const { until, basis } = answer.backups;
      input.io.out(`destroyed: ${answer.kids.length} keys (${answer.kids.join(', ')})`);
      input.io.out(`backups open them until: ${until ?? 'no end laid down'} (${basis})`);
    }
    return 0;
  },
};

const reconcileCommand: Command = {
  name: 'crypto reconcile',
  summary: 'Compare the shred ledger outside the database with it: destroy again what a restore brought back',
  usage:
    'gatehouse crypto reconcile [--trust KEYID] [--set-aside] [--json]   (reads the configuration of the house)',
  options: { trust: { type: 'string' }, 'set-aside': { type: 'boolean' } },
  run: async (input) => {
    const { trust } = input.values;
    const options = {
      setAside: input.values['set-aside'] === true,
      ...(typeof trust === 'string' ? { trust: [trust] } : {}),
    };
    const { before, after } = await withHouse(input.io, async ({ house }) => ({
      before: house.crypto.shredLedger.last(),
      after: await house.crypto.shredLedger.reconcile(options),
    }));
    // Opening the house has compared once already: what it did belongs to the answer.
    const result = {
      ...after,
      replayed: after.replayed + (before?.replayed ?? 0),
      written: after.written + (before?.written ?? 0),
      requests: [...new Set([...(before?.requests ?? []), ...after.requests])],
    };
    if (input.json) input.io.out(JSON.stringify(result));
    else for (const line of reconcileLines(result)) input.io.out(line);
    return result.agrees ? 0 : 1;
  },
};

function reconcileLines(result: Reconciliation): readonly string[] {
  const { files, entries, replayed, requests, written, unknownTenants, findings, agrees } = result;
  return [
    `ledger: ${entries} destroyed keys in ${files} files`,
    ...(replayed === 0
      ? []
      : [
          `the database was older than the ledger: ${replayed} keys destroyed again`,
          ...requests.map((id) => `  delete the rows of this request again: ${id}`),
        ]),
    ...(written === 0 ? [] : [`written to the ledger from the database: ${written}`]),
    ...(unknownTenants === 0 ? [] : [`tenants that this database does not have: ${unknownTenants}`]),
    ...findings.map(({ file, fault }) => `DAMAGED ${file}: ${fault}`),
    agrees ? 'ledger and database agree' : 'ledger and database do not agree; the house is not ready',
  ];
}

/** `gatehouse crypto epochs|retire|shred|reconcile`. */
export const erasureCommands: readonly Command[] = Object.freeze([
  epochsCommand,
  retireCommand,
  shredCommand,
  reconcileCommand,
]);
