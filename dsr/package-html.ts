import type { ExportedCollection } from './connectors/connector.ts';
import { cellText } from './csv.ts';
import type { Language } from './messages.ts';
import type { ArticleFifteen } from './package-information.ts';

type Words = Readonly<
  Record<
    | 'title'
    | 'intro'
    | 'purposes'
    | 'categories'
    | 'recipients'
    | 'retention'
    | 'rights'
    | 'complaint'
    | 'data'
    | 'rows'
    | 'nothing',
    string
  >
>;

const words: Readonly<Record<Language, Words>> = {
  en: {
    title: 'Your data',
    intro: 'This is a copy of the data that {tenant} holds about you, made on {date}.',
    purposes: 'What it is used for',
    categories: 'Kinds of data',
    recipients: 'Who receives it',
    retention: 'How long it is kept',
    rights: 'Your rights',
    complaint: 'Where to complain',
    data: 'The data',
    rows: 'rows',
    nothing: 'Nothing is held here.',
  },
  pl: {
    title: 'Twoje dane',
    intro: 'To jest kopia danych, które {tenant} ma o Tobie, sporządzona {date}.',
    purposes: 'Do czego służą',
    categories: 'Rodzaje danych',
    recipients: 'Kto je otrzymuje',
    retention: 'Jak długo są przechowywane',
    rights: 'Twoje prawa',
    complaint: 'Gdzie złożyć skargę',
    data: 'Dane',
    rows: 'wierszy',
    nothing: 'Nic tu nie ma.',
  },
};

const maxRowsShown = 1_000;

/** One page without script or outside parts, in the person's language. */
export function packageHtml(input: {
  readonly language: Language;
  readonly tenant: string;
  readonly date: string;
  readonly information: ArticleFifteen;
  readonly data: readonly ExportedCollection[];
}): string {
  const w = words[input.language];
  const { information } = input;
  const intro = w.intro.replace('{tenant}', input.tenant).replace('{date}', input.date);
  return `<!doctype html>
<html lang="${input.language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><title>${escape(w.title)}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f}table{border-collapse:collapse;display:block;overflow-x:auto}th,td{border:1px solid #767680;padding:.25rem .5rem;text-align:start;vertical-align:top}caption{text-align:start;color:#46464f}</style></head>
<body><main><h1>${escape(w.title)}</h1><p>${escape(intro)}</p>
${list(
  w.purposes,
  information.purposes.map((one) => `${one.purpose} (${one.legalBasis})`),
)}
${list(w.categories, information.categories)}
${list(
  w.recipients,
  information.recipients.map(
    (one) => `${one.name}, ${one.country}${one.safeguard === null ? '' : ` (${one.safeguard})`}`,
  ),
)}
${list(
  w.retention,
  information.retention.map((one) => `${one.collection}: ${one.period}`),
)}
${list(w.rights, information.rights)}
${list(w.complaint, [information.complaint])}
<h2>${escape(w.data)}</h2>
${input.data.map((one) => table(one, w)).join('\n')}
</main></body></html>
`;
}

function list(title: string, items: readonly string[]): string {
  return `<h2>${escape(title)}</h2><ul>${[...new Set(items)].map((item) => `<li>${escape(item)}</li>`).join('')}</ul>`;
}

function table(collection: ExportedCollection, w: Words): string {
  const head = `<h3>${escape(collection.collection)}</h3><p>${escape(collection.description)}</p>`;
  if (collection.rows.length === 0) return `${head}<p>${escape(w.nothing)}</p>`;
  const names = collection.fields.map((field) => field.name);
  const cells = (row: Readonly<Record<string, unknown>>): string =>
    names.map((name) => `<td>${escape(cellText(row[name]))}</td>`).join('');
  const rows = collection.rows
    .slice(0, maxRowsShown)
    .map((row) => `<tr>${cells(row)}</tr>`)
    .join('');
  return `${head}<table><caption>${collection.rows.length} ${escape(w.rows)}</caption><thead><tr>${names.map((name) => `<th scope="col">${escape(name)}</th>`).join('')}</tr></thead><tbody>${rows}</tbody></table>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
