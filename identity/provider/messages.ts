/** Texts of the sign-in pages in one language. */
export type Messages = { readonly [Key in keyof typeof english]: string };

/** Languages of the sign-in pages. */
export type Language = 'en' | 'pl';

const english = {
  signIn: 'Sign in',
  signInTo: 'Sign in to {tenant}',
  email: 'E-mail address',
  password: 'Password',
  continue: 'Continue',
  secondTitle: 'Confirm it is you',
  secondHint: 'Enter the six digits from your authenticator app, or one of your recovery codes.',
  code: 'Code',
  confirm: 'Confirm',
  cancel: 'Cancel and go back',
  wrongPassword: 'That e-mail address and password do not match. Check both and try again.',
  wrongCode: 'That code is not valid, or it was used already. Wait for the next one and try again.',
  tooMany: 'Too many tries. Wait {minutes} minutes, then try again.',
  noFactor: 'This action needs a second factor, and your account has none. Ask your administrator.',
  errorTitle: 'Sign-in could not be completed',
  errorText: 'The sign-in has expired, was opened in another browser, or was already used. Start again.',
  unavailable: 'Your identity provider does not answer just now. Try again in a minute.',
  refused:
    'You are signed in at your identity provider, but you have no access here. Ask your administrator.',
  startAgain: 'Back to the start',
  footer: 'Protected by Gatehouse. Every sign-in is recorded in your organisation’s log.',
};

const polish: Messages = {
  signIn: 'Logowanie',
  signInTo: 'Zaloguj się do {tenant}',
  email: 'Adres e-mail',
  password: 'Hasło',
  continue: 'Dalej',
  secondTitle: 'Potwierdź, że to Ty',
  secondHint: 'Wpisz sześć cyfr z aplikacji uwierzytelniającej albo jeden z kodów odzyskiwania.',
  code: 'Kod',
  confirm: 'Potwierdź',
  cancel: 'Anuluj i wróć',
  wrongPassword: 'Adres e-mail i hasło nie pasują do siebie. Sprawdź oba pola i spróbuj ponownie.',
  wrongCode: 'Kod jest nieprawidłowy albo został już użyty. Poczekaj na następny i spróbuj ponownie.',
  tooMany: 'Zbyt wiele prób. Poczekaj {minutes} min i spróbuj ponownie.',
  noFactor: 'Ta czynność wymaga drugiego składnika, a Twoje konto go nie ma. Zwróć się do administratora.',
  errorTitle: 'Nie udało się dokończyć logowania',
  errorText:
    'Logowanie wygasło, zostało otwarte w innej przeglądarce albo już je wykorzystano. Zacznij od nowa.',
  unavailable: 'Twój dostawca tożsamości chwilowo nie odpowiada. Spróbuj za minutę.',
  refused:
    'Logowanie u dostawcy tożsamości się powiodło, ale nie masz tu dostępu. Zwróć się do administratora.',
  startAgain: 'Wróć na początek',
  footer: 'Chronione przez Gatehouse. Każde logowanie jest zapisywane w dzienniku Twojej organizacji.',
};

const languages: Readonly<Record<Language, Messages>> = Object.freeze({ en: english, pl: polish });

/** The texts of a language. */
export const messagesOf = (language: Language): Messages => languages[language];

/**
 * The first language that we speak, from `ui_locales` (space-separated) and then Accept-Language, else English.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
 */
export function chooseLanguage(uiLocales: string | undefined, acceptLanguage: string | undefined): Language {
  const wanted = [...(uiLocales ?? '').split(' '), ...byWeight((acceptLanguage ?? '').slice(0, 200))];
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split('-')[0];
    if (primary === 'pl' || primary === 'en') return primary;
  }
  return 'en';
}

function byWeight(header: string): readonly string[] {
  const parsed = header.split(',').map((part) => {
    const [tag = '', parameter = ''] = part.split(';').map((piece) => piece.trim());
    const weight = /^q=(.+)$/.exec(parameter)?.[1];
    return { tag, weight: weight === undefined ? 1 : Number(weight) };
  });
  return parsed
    .filter(({ weight }) => weight > 0)
    .sort((left, right) => right.weight - left.weight)
    .map(({ tag }) => tag);
}
