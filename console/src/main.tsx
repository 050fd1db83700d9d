import './nonce.ts';
import './styles.ts';
import { MantineProvider } from '@mantine/core';
import { i18n } from '@lingui/core';
import { I18nProvider } from '@lingui/react';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { shouldRetry } from './api/problem.ts';
import { activateLanguage, preferredLanguage } from './i18n.ts';
import { readNonce } from './nonce.ts';
import { createConsoleRouter } from './router.tsx';
import { StepUpDialog } from './shell/step-up-dialog.tsx';
import { theme } from './theme.ts';

const queryClient = new QueryClient({
  defaultOptions: { queries: { staleTime: 10_000, retry: shouldRetry, refetchOnWindowFocus: false } },
});
const router = createConsoleRouter(queryClient);

await activateLanguage(preferredLanguage());
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <I18nProvider i18n={i18n}>
      <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={readNonce}>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
          <StepUpDialog />
        </QueryClientProvider>
      </MantineProvider>
    </I18nProvider>
  </StrictMode>,
);
