import { useLingui } from '@lingui/react/macro';

/** Plain words for the portal's codes. */
export function usePortalWords() {
  const { t } = useLingui();
  const wishes: Record<string, string> = {
    access: t`Show me my data`,
    erasure: t`Delete my data`,
  };
  const hints: Record<string, string> = {
    access: t`You get a copy of everything they hold about you, in files you can read.`,
    erasure: t`They delete what they hold. What a law obliges them to keep is named to you, with the reason.`,
  };
  const laws: Record<string, string> = {
    gdpr: t`European Union (GDPR)`,
    ccpa: t`California (CCPA)`,
  };
  const states: Record<string, string> = {
    received: t`We have your request`,
    verifying: t`Waiting for your code`,
    verified: t`We know it is you`,
    planned: t`We found what there is about you`,
    approved: t`A second person agreed`,
    executing: t`We are working on it`,
    verifying_absence: t`We are checking that nothing is left`,
    completed: t`Done`,
    partially_completed: t`Partly done; we go on`,
    refused: t`We could not do this`,
    withdrawn: t`You withdrew it`,
    expired: t`The request has lapsed`,
  };
  return {
    wish: (code: string) => wishes[code] ?? code,
    wishHint: (code: string) => hints[code] ?? '',
    law: (code: string) => laws[code] ?? code.toUpperCase(),
    state: (code: string) => states[code] ?? code.replaceAll('_', ' '),
  };
}
