import { useLingui } from '@lingui/react/macro';
import { chooseLanguage, languages, type Language } from '../i18n.ts';

/** English or Polish, each named in itself. */
export function LanguageSwitch() {
  const { t, i18n } = useLingui();
  return (
    <div className="gh-language" role="group" aria-label={t`Language`}>
      {(Object.keys(languages) as Language[]).map((language) => (
        <button
          key={language}
          type="button"
          lang={language}
          aria-pressed={i18n.locale === language}
          onClick={() => void chooseLanguage(language)}
        >
          {languages[language]}
        </button>
      ))}
    </div>
  );
}
