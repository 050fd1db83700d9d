import { messagesOf, type Language, type Messages } from './messages.ts';

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
/** Makes text safe inside HTML text and quoted attributes. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => escapes[character] ?? '');

/** What a page says besides its form. */
export type PageProblem =
  | { readonly kind: 'wrong_password' | 'wrong_code' | 'no_factor' }
  | { readonly kind: 'too_many'; readonly minutes: number };

/** What every sign-in page knows. */
export type PageInput = {
  readonly language: Language;
  readonly tenantName: string;
  readonly action: string;
  readonly problem: PageProblem | null;
};

function problemText(text: Messages, problem: PageProblem): string {
  switch (problem.kind) {
    case 'wrong_password':
      return text.wrongPassword;
    case 'wrong_code':
      return text.wrongCode;
    case 'no_factor':
      return text.noFactor;
    case 'too_many':
      return text.tooMany.replace('{minutes}', String(problem.minutes));
  }
}

function layout(language: Language, title: string, body: string): string {
  const text = messagesOf(language);
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)} · Gatehouse</title>
<link rel="stylesheet" href="/oidc/assets/sign-in.css">
</head>
<body>
<main>
<p class="mark"><svg aria-hidden="true" viewBox="0 0 24 24" width="28" height="28"><path d="M3 21V9l9-6 9 6v12h-6v-6a3 3 0 0 0-6 0v6z" fill="currentColor"/></svg>Gatehouse</p>
${body}
</main>
<footer>${escapeHtml(text.footer)}</footer>
</body>
</html>
`;
}

function alert(text: Messages, problem: PageProblem | null): string {
  return problem === null
    ? ''
    : `<p class="problem" id="problem" role="alert">${escapeHtml(problemText(text, problem))}</p>`;
}

const describedBy = (problem: PageProblem | null, other = ''): string => {
  const ids = [other, problem === null ? '' : 'problem'].filter((id) => id !== '').join(' ');
  return `${ids === '' ? '' : ` aria-describedby="${ids}"`}${problem === null ? '' : ' aria-invalid="true"'}`;
};

const cancelForm = (action: string, text: Messages): string =>
  `<form method="post" action="${escapeHtml(action)}"><button class="quiet" name="step" value="cancel">${escapeHtml(text.cancel)}</button></form>`;

/** E-mail and password. The e-mail that was typed stays, the password never does. */
export function passwordPage(input: PageInput & { readonly email: string }): string {
  const text = messagesOf(input.language);
  const title = text.signInTo.replace('{tenant}', input.tenantName);
  return layout(
    input.language,
    title,
    `<h1>${escapeHtml(title)}</h1>
${alert(text, input.problem)}
<form method="post" action="${escapeHtml(input.action)}">
<label for="email">${escapeHtml(text.email)}</label>
<input id="email" name="email" type="email" autocomplete="username" inputmode="email" maxlength="254" required value="${escapeHtml(input.email)}"${describedBy(input.problem)}${input.email === '' ? ' autofocus' : ''}>
<label for="password">${escapeHtml(text.password)}</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required${describedBy(input.problem)}${input.email === '' ? '' : ' autofocus'}>
<button name="step" value="password">${escapeHtml(text.continue)}</button>
</form>
${cancelForm(input.action, text)}`,
  );
}

/** Authenticator or recovery code. */
export function codePage(input: PageInput): string {
  const text = messagesOf(input.language);
  return layout(
    input.language,
    text.secondTitle,
    `<h1>${escapeHtml(text.secondTitle)}</h1>
<p id="hint">${escapeHtml(text.secondHint)}</p>
${alert(text, input.problem)}
<form method="post" action="${escapeHtml(input.action)}">
<label for="code">${escapeHtml(text.code)}</label>
<input id="code" name="code" type="text" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" maxlength="40" required autofocus${describedBy(input.problem, 'hint')}>
<button name="step" value="code">${escapeHtml(text.confirm)}</button>
</form>
${cancelForm(input.action, text)}`,
  );
}

/** Something ended the sign-in; nothing technical is said. */
export function errorPage(language: Language, kind: 'expired' | 'unavailable' | 'refused'): string {
  const text = messagesOf(language);
  const why = { expired: text.errorText, unavailable: text.unavailable, refused: text.refused }[kind];
  return layout(
    language,
    text.errorTitle,
    `<h1>${escapeHtml(text.errorTitle)}</h1>
<p role="alert">${escapeHtml(why)}</p>
<p><a href="/">${escapeHtml(text.startAgain)}</a></p>`,
  );
}

/** Sent with every page: no script at all, nothing from elsewhere, no frame, no cache. */
export const pageHeaders: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
});
