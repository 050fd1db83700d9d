import { knownSession } from './session-state.ts';

/** Opens the dialog; resolves true when the session was raised, false when the person declined. */
export type StepUpAsker = () => Promise<boolean>;

let asker: StepUpAsker | null = null;
let pending: Promise<boolean> | null = null;

/** Installs the dialog that asks for the code. */
export function installStepUpAsker(next: StepUpAsker | null): void {
  asker = next;
}

/** Where to prove oneself again when the tenant's provider does it. */
export function stepUpUrl(tenantSlug: string, returnTo: string): string {
  const query = new URLSearchParams({
    tenant: tenantSlug,
    acr_values: 'aal2',
    max_age: '300',
    return_to: returnTo,
  });
  return `/auth/login?${query.toString()}`;
}

/** Asks once for all calls that wait; navigates away when the provider steps up. */
export function askForStepUp(): Promise<boolean> {
  const session = knownSession();
  if (session?.stepUp.method === 'redirect') {
    location.assign(stepUpUrl(session.tenant.slug, location.pathname + location.search));
    return new Promise(() => undefined);
  }
  if (asker === null) return Promise.resolve(false);
  pending ??= asker().finally(() => {
    pending = null;
  });
  return pending;
}
