import type { Session } from './types.ts';

let current: Session | null = null;

/** Remembers the session that the server last described: its CSRF token and way of stepping up. */
export function rememberSession(session: Session | null): void {
  current = session;
}

/** The token for unsafe methods; null when nobody is signed in. */
export function csrfToken(): string | null {
  return current?.csrfToken ?? null;
}

/** The session last described. */
export function knownSession(): Session | null {
  return current;
}
