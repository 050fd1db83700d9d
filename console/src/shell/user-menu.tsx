import { Trans, useLingui } from '@lingui/react/macro';
import { Menu, useMantineColorScheme } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { call } from '../api/client.ts';
import { rememberSession } from '../api/session-state.ts';
import type { Session } from '../api/types.ts';
import { chooseLanguage, languages, type Language } from '../i18n.ts';

/** Who is signed in, with language, light or dark, and the way out. */
export function UserMenu(props: { session: Session }) {
  const { t, i18n } = useLingui();
  const scheme = useMantineColorScheme();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { principal } = props.session;
  const signOut = async (): Promise<void> => {
    await call('/auth/logout', { method: 'POST' }).catch(() => undefined);
    rememberSession(null);
    queries.clear();
    await navigate({ to: '/sign-in', search: { return_to: '/' } });
  };
  return (
    <Menu position="top-start" width={230} shadow="sm">
      <Menu.Target>
        <button type="button" className="gh-side-button" data-testid="user-menu">
          <span>
            {principal.displayName}
            <span className="gh-small gh-muted"> · {t`level ${principal.assurance.level}`}</span>
          </span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{principal.email ?? principal.id}</Menu.Label>
        {(Object.keys(languages) as Language[]).map((language) => (
          <Menu.Item
            key={language}
            lang={language}
            disabled={i18n.locale === language}
            onClick={() => void chooseLanguage(language)}
          >
            {languages[language]}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => scheme.setColorScheme('light')}>
          <Trans>Light</Trans>
        </Menu.Item>
        <Menu.Item onClick={() => scheme.setColorScheme('dark')}>
          <Trans>Dark</Trans>
        </Menu.Item>
        <Menu.Item onClick={() => scheme.setColorScheme('auto')}>
          <Trans>As the system</Trans>
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => void signOut()}>
          <Trans>Sign out</Trans>
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
