import { homedir } from 'node:os';
import { join } from 'node:path';

/** Keeps what lanes fetch or build once, for the user; `XDG_CACHE_HOME` moves it. */
export function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'gatehouse');
}
