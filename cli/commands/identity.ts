import { createDatabase, deriveConnectionUrls, type Database } from '../../db/index.ts';
import {
  identityStatements,
  totpCodeAt,
  totpPeriodSeconds,
  type SessionRow,
  type UserRow,
} from '../../identity/index.ts';
import { isGatehouseError, parseTenantId, silentLogger, type TenantId } from '../../kernel/index.ts';
import { readBootstrap } from '../bootstrap-file.ts';
import type { Command, CommandInput, ExitCode } from '../command.ts';

const first = '00000000-0000-0000-0000-000000000000';
const maxRows = 1_000;
const options = { tenant: { type: 'string' } } as const;

const usersCommand: Command = {
  name: 'identity users',
  summary: 'Users of a tenant: state, second factor, last sign-in',
  usage: 'gatehouse identity users --tenant SLUG [--json]',
  options,
  run: (input) =>
    withTenantOf(input, async (database, tenantId) => {
      const values = [tenantId, first, maxRows];
      const { rows } = await database.withTenant(
        tenantId,
        (tx) => tx.query<UserRow>(identityStatements.listUsers, values),
        { readOnly: true },
      );
      const users = rows.map((row) => ({
        id: row.id,
        email: row.email,
        displayName: row.display_name,
        state: row.state,
        totp: row.totp,
        lastSignInAt: row.last_sign_in_at?.toISOString() ?? null,
      }));
      print(input, users, (user) => [
        user.id,
        user.state.padEnd(8),
        user.totp ? 'totp' : '-   ',
        user.lastSignInAt ?? 'never',
        user.email ?? user.displayName,
      ]);
    }),
};

const sessionsCommand: Command = {
  name: 'identity sessions',
  summary: 'Living sessions of a tenant',
  usage: 'gatehouse identity sessions --tenant SLUG [--json]',
  options,
  run: (input) =>
    withTenantOf(input, async (database, tenantId) => {
      const values = [tenantId, new Date(), first, maxRows, null];
      const { rows } = await database.withTenant(
        tenantId,
        (tx) => tx.query<SessionRow>(identityStatements.listSessions, values),
        { readOnly: true },
      );
      const sessions = rows.map((row) => ({
        id: row.id,
        userId: row.user_id,
        displayName: row.display_name,
        level: row.level,
        ip: row.ip,
        lastSeenAt: row.last_seen_at.toISOString(),
        expiresAt: row.expires_at.toISOString(),
      }));
      print(input, sessions, (session) => [
        session.id,
        `level ${session.level}`,
        session.lastSeenAt,
        session.ip ?? '-',
        session.displayName,
      ]);
    }),
};

const codeCommand: Command = {
  name: 'identity code',
  summary: 'What the authenticator of a demo person shows now (development only)',
  usage: 'gatehouse identity code EMAIL [--json]',
  options: {},
  run: async ({ positionals, io, json }) => {
    const [email] = positionals;
    if (email === undefined) return refuse(io.error, 2, 'name the person: gatehouse identity code EMAIL');
    const users = (await readBootstrap(io.environment))?.tenants.flatMap((tenant) => tenant.users) ?? [];
    const user = users.find((one) => one.email === email);
    if (user === undefined)
      return refuse(io.error, 1, `bootstrap.json names nobody with the e-mail "${email}"`);
    const epochSeconds = Date.now() / 1_000;
    const code = totpCodeAt(user.totpSecret, epochSeconds);
    const secondsLeft = Math.ceil(totpPeriodSeconds - (epochSeconds % totpPeriodSeconds));
    const { password } = user;
    io.out(
      json
        ? JSON.stringify({ email, password, code, secondsLeft })
        : `password ${password}\ncode     ${code}   (${secondsLeft} s left)`,
    );
    return 0;
  },
};

/** Commands about users and sessions; they change nothing. */
export const identityCommands: readonly Command[] = Object.freeze([
  usersCommand,
  sessionsCommand,
  codeCommand,
]);

async function withTenantOf(
  input: CommandInput,
  work: (database: Database, tenantId: TenantId) => Promise<void>,
): Promise<ExitCode> {
  const { environment, error } = input.io;
  const slug = input.values['tenant'];
  if (typeof slug !== 'string') return refuse(error, 2, 'name the tenant: --tenant SLUG');
  const url = environment['GATEHOUSE_DATABASE_URL'] ?? (await readBootstrap(environment))?.databaseUrl;
  if (url === undefined)
    return refuse(error, 2, 'no database: set GATEHOUSE_DATABASE_URL, or start the house first');
  const database = createDatabase({ urls: deriveConnectionUrls(url), logger: silentLogger, poolSize: 1 });
  try {
    const { rows } = await database.withSystem(
      (tx) => tx.query<{ id: string }>(identityStatements.findTenantBySlug, [slug]),
      { readOnly: true },
    );
    const row = rows[0];
    if (row === undefined) return refuse(error, 1, `there is no active tenant "${slug}"`);
    await work(database, parseTenantId(row.id));
    return 0;
  } catch (caught) {
    if (!isGatehouseError(caught)) throw caught;
    return refuse(error, 1, caught.message);
  } finally {
    await database.close();
  }
}

function refuse(error: (line: string) => void, code: 1 | 2, message: string): ExitCode {
  error(message);
  return code;
}

function print<Item>(
  input: CommandInput,
  items: readonly Item[],
  toCells: (item: Item) => readonly string[],
): void {
  if (input.json) input.io.out(JSON.stringify({ items }));
  else if (items.length === 0) input.io.out('none');
  else for (const item of items) input.io.out(toCells(item).join('  '));
}
