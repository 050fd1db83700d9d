import { parseTenantId, type TenantId } from '../../kernel/index.ts';

/** Names and flags of the cookies at this origin. */
export type CookieJar = {
  readonly sessionName: string;
  readonly flowName: string;
  readonly set: (name: string, value: string, maxAgeSeconds: number) => string;
  readonly clear: (name: string) => string;
};

/** `__Host-` over https; a plain name on loopback http, where browsers refuse the prefix. */
export function createCookieJar(publicUrl: string): CookieJar {
  const secure = new URL(publicUrl).protocol === 'https:';
  const name = (suffix: string): string => `${secure ? '__Host-' : ''}gatehouse${suffix}`;
  const flags = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  return Object.freeze({
    sessionName: name(''),
    flowName: name('-flow'),
    set: (cookie: string, value: string, maxAgeSeconds: number) =>
      `${cookie}=${value}; Max-Age=${maxAgeSeconds}; ${flags}`,
    clear: (cookie: string) => `${cookie}=; Max-Age=0; ${flags}`,
  });
}

/** The value of one cookie; null when it is absent, or there twice (then somebody planted one). */
export function readCookie(header: string | readonly string[] | undefined, name: string): string | null {
  const text = typeof header === 'string' ? header : (header ?? []).join('; ');
  const values = text
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  return values.length === 1 ? (values[0] ?? null) : null;
}

/** `tenant.id.secret`: the tenant finds the row under row-level security, the secret proves it. */
export type Ticket = { readonly tenantId: TenantId; readonly id: string; readonly secret: string };

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';
const ticketPattern = new RegExp(`^(${uuid})\\.(${uuid})\\.([A-Za-z0-9_-]{43})$`);

/** Writes a ticket as a cookie value. */
export function formatTicket(ticket: Ticket): string {
  return `${ticket.tenantId}.${ticket.id}.${ticket.secret}`;
}

/** Reads a cookie value; null when it is not a ticket. */
export function parseTicket(value: string | null): Ticket | null {
  const match = ticketPattern.exec(value ?? '');
  if (match === null) return null;
  const [, tenant = '', id = '', secret = ''] = match;
  return { tenantId: parseTenantId(tenant), id, secret };
}
