import { i18n } from '@lingui/core';

/** Languages of the console and the portal. */
export const languages = { en: 'English', pl: 'Polski' } as const;
export type Language = keyof typeof languages;

const storageKey = 'gatehouse.language';

/** The language chosen here before, else the browser's, else English. */
export function preferredLanguage(): Language {
  const stored = localStorage.getItem(storageKey);
  const wanted = stored ?? navigator.language.slice(0, 2);
  return wanted === 'pl' ? 'pl' : 'en';
}

/** Loads and activates a catalog. */
export async function activateLanguage(language: Language): Promise<void> {
  const catalog = language === 'pl' ? await import('./locales/pl.po') : await import('./locales/en.po');
  i18n.loadAndActivate({ locale: language, messages: catalog.messages });
  document.documentElement.lang = language;
}

/** Changes the language and remembers it on this device. */
export async function chooseLanguage(language: Language): Promise<void> {
  localStorage.setItem(storageKey, language);
  await activateLanguage(language);
}
