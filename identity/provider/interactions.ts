import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import type { Database } from '../../db/index.ts';
import { isGatehouseError, parseTenantId, type Clock, type TenantId } from '../../kernel/index.ts';
import { embeddedSubject } from '../accounts/users.ts';
import { findTenantBySlug } from '../accounts/store-accounts.ts';
import { identityError } from '../errors.ts';
import { chooseLanguage, type Language } from './messages.ts';
import { codePage, errorPage, pageHeaders, passwordPage, type PageProblem } from './pages.ts';
import type { PasswordStage } from './password-stage.ts';
import { readForm } from './read-form.ts';
import type { SecondStage } from './second-stage.ts';

/** What the pages are built from. */
export type InteractionDeps = {
  readonly database: Database;
  readonly clock: Clock;
  readonly provider: Provider;
  readonly passwordStage: PasswordStage;
  readonly secondStage: SecondStage;
};

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>;
type Tenant = { readonly id: TenantId; readonly name: string };
type Page = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly interaction: Interaction;
  readonly tenant: Tenant;
  readonly language: Language;
  readonly action: string;
};

/** Seconds between the password and the second factor. */
const stageSeconds = 300;

/** The sign-in pages: password, then code; the provider decides what comes after. */
export function createInteractions(
  deps: InteractionDeps,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const language = chooseLanguage(undefined, request.headers['accept-language']);
    let interaction: Interaction;
    try {
      interaction = await deps.provider.interactionDetails(request, response);
    } catch {
      // No such interaction, or another browser's: its cookie is missing.
      return send(response, 400, errorPage(language, 'expired'));
    }
    const action = `/oidc/interaction/${interaction.uid}`;
    const tenant = await findTenant(deps.database, interaction.params['tenant']);
    if (tenant === null || request.url?.split('?')[0] !== action.slice('/oidc'.length))
      return send(response, 400, errorPage(language, 'expired'));
    const chosen = chooseLanguage(
      asText(interaction.params['ui_locales']),
      request.headers['accept-language'],
    );
    const page: Page = { request, response, interaction, tenant, language: chosen, action };
    if (request.method !== 'POST') return show(page, 200, null, '', passwordVerified(page, deps.clock));
    return submit(deps, page);
  };
}

async function submit(deps: InteractionDeps, page: Page): Promise<void> {
  const form = await readForm(page.request);
  if (form === null) return send(page.response, 400, errorPage(page.language, 'expired'));
  switch (form.get('step')) {
    case 'cancel':
      return deps.provider.interactionFinished(page.request, page.response, { error: 'access_denied' });
    case 'code':
      return submitCode(deps, page, form);
    default:
      return submitPassword(deps, page, form);
  }
}

async function submitPassword(deps: InteractionDeps, page: Page, form: URLSearchParams): Promise<void> {
  const email = (form.get('email') ?? '').slice(0, 254);
  try {
    const user = await deps.passwordStage(
      page.tenant.id,
      email,
      form.get('password') ?? '',
      page.request.socket.remoteAddress ?? null,
    );
    if (user === null) return show(page, 422, { kind: 'wrong_password' }, email, null);
    if (user.totp) {
      page.interaction.result = {
        stage: { userId: user.id, tenantId: page.tenant.id, at: deps.clock.now().getTime() },
      };
      await page.interaction.save(600);
      return redirect(page.response, page.action);
    }
    if (wantsLevelTwo(page)) return show(page, 422, { kind: 'no_factor' }, email, null);
    return finish(deps, page, user.id, 'aal1', ['pwd']);
  } catch (error) {
    return show(page, 429, tooMany(error), email, null);
  }
}

async function submitCode(deps: InteractionDeps, page: Page, form: URLSearchParams): Promise<void> {
  const userId = passwordVerified(page, deps.clock);
  if (userId === null) return show(page, 400, null, '', null);
  try {
    const proof = await deps.secondStage(page.tenant.id, userId, (form.get('code') ?? '').trim());
    if (proof === null) return show(page, 422, { kind: 'wrong_code' }, '', userId);
    return finish(deps, page, userId, 'aal2', ['pwd', proof.method === 'otp' ? 'otp' : 'kba', 'mfa']);
  } catch (error) {
    return show(page, 429, tooMany(error), '', userId);
  }
}

/** Who passed the password stage in this very interaction; kept on the server, so the code cannot be for anybody else. */
function passwordVerified(page: Page, clock: Clock): string | null {
  const stage = (
    page.interaction.result as { stage?: { userId: string; tenantId: string; at: number } } | undefined
  )?.stage; // we wrote it
  if (stage === undefined || stage.tenantId !== page.tenant.id) return null;
  return clock.now().getTime() - stage.at > stageSeconds * 1000 ? null : stage.userId;
}

async function finish(
  deps: InteractionDeps,
  page: Page,
  userId: string,
  acr: string,
  amr: string[],
): Promise<void> {
  const login = {
    accountId: embeddedSubject(page.tenant.id, userId),
    acr,
    amr,
    remember: false,
    ts: Math.floor(Date.now() / 1000),
  };
  await deps.provider.interactionFinished(
    page.request,
    page.response,
    { login },
    { mergeWithLastSubmission: false },
  );
}

const wantsLevelTwo = (page: Page): boolean =>
  asText(page.interaction.params['acr_values'])?.split(' ').includes('aal2') ?? false;
const asText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

function tooMany(error: unknown): PageProblem {
  if (!isGatehouseError(error) || error.code !== 'ERR_TOO_MANY_TRIES') throw error;
  const seconds = Number(error.details['retryAfterSeconds'] ?? 900);
  return { kind: 'too_many', minutes: Math.ceil(seconds / 60) };
}

function show(
  page: Page,
  status: number,
  problem: PageProblem | null,
  email: string,
  userId: string | null,
): void {
  const { language, tenant, action } = page;
  const input = { language, tenantName: tenant.name, action, problem };
  send(page.response, status, userId === null ? passwordPage({ ...input, email }) : codePage(input));
}

/** Sends a page with the pages' headers. */
export function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, pageHeaders).end(html);
}

function redirect(response: ServerResponse, location: string): void {
  // RFC 9700 section 4.12: 303 after credentials were posted.
  response.writeHead(303, { ...pageHeaders, location }).end();
}

async function findTenant(database: Database, slug: unknown): Promise<Tenant | null> {
  if (typeof slug !== 'string' || slug.length > 63) return null;
  const { rows } = await database.withSystem(
    (tx) => tx.query<{ id: string; name: string }>(findTenantBySlug, [slug]),
    { readOnly: true },
  );
  const row = rows[0];
  if (row === undefined) return null;
  if (row.name === '') throw identityError('ERR_NOT_FOUND', 404, 'the tenant has no name');
  return { id: parseTenantId(row.id), name: row.name };
}
