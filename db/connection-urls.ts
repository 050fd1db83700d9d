import { createHmac } from 'node:crypto';
import { deriveTenantSettingKey } from './tenant-setting.ts';
import type { RoleSecrets } from './migrate.ts';

/** Every way into one database: the administrator's (absent where another process migrates), the app's, the sequencer's. */
export type ConnectionUrls = {
  readonly admin: string | null;
  readonly app: string;
  readonly sequencer: string;
};

/**
 * Derives the two narrow logins from the administrator's URL, so that one setting is enough to start and several
 * replicas agree. Whoever knows the administrator's password could set the others anyway; the reverse is not computable.
 */
export function deriveConnectionUrls(adminUrl: string): ConnectionUrls {
  const as = (role: string): string => {
    const url = new URL(adminUrl);
    const password = createHmac('sha256', decodeURIComponent(url.password))
      .update(`gatehouse role ${role} v1`)
      .digest('base64url');
    url.username = role;
    url.password = password;
    return url.href;
  };
  return { admin: adminUrl, app: as('gatehouse_app'), sequencer: as('gatehouse_sequencer') };
}

/** The secrets that migration must set for these URLs to work. */
export function roleSecrets(urls: ConnectionUrls): RoleSecrets {
  const appPassword = decodeURIComponent(new URL(urls.app).password);
  return {
    appPassword,
    sequencerPassword: decodeURIComponent(new URL(urls.sequencer).password),
    tenantSettingKey: deriveTenantSettingKey(appPassword),
  };
}
