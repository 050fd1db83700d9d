import type { RequestType } from './law-packs.ts';

/** Languages that messages and packages are written in. */
export const languages = ['en', 'pl'] as const;
/** A language of messages. */
export type Language = (typeof languages)[number];
/** What can be said to a person. */
export type TemplateName =
  | 'verify'
  | 'verified'
  | 'extended'
  | 'completed'
  | 'partially_completed'
  | 'refused'
  | 'withdrawn'
  | 'expired'
  | 'package_ready';

/** Values of a message. `type` is chosen by `{type, select, …}`; the rest is put in as it is. */
export type MessageValues = { readonly tenant: string; readonly type: RequestType } & Readonly<
  Record<string, string>
>;

type Template = { readonly subject: string; readonly text: string };

const typeEn = '{type, select, access {access to your data} other {erasure of your data}}';
const typePl = '{type, select, access {dostęp do danych} other {usunięcie danych}}';

const templates: Readonly<Record<Language, Readonly<Record<TemplateName, Template>>>> = {
  en: {
    verify: {
      subject: '{tenant}: your code {code}',
      text: `Somebody asked {tenant} for ${typeEn} with this e-mail address.\n\nIf it was you, enter this code within 10 minutes: {code}\n\n{link}\n\nIf it was not you, do nothing: without the code nothing happens.`,
    },
    verified: {
      subject: '{tenant}: we are working on your request',
      text: `Your request for ${typeEn} is confirmed. You will have our answer by {due} at the latest.\n\nThe law: {citation}\n\nFollow it here: {link}`,
    },
    extended: {
      subject: '{tenant}: we need more time',
      text: `We need more time for your request for ${typeEn}. You will have our answer by {due} at the latest.\n\nReason: {reason}\nThe law: {citation}\n\nYou can turn to others: {complaint}\n\nFollow it here: {link}`,
    },
    completed: {
      subject: '{tenant}: your data is erased',
      text: 'Your data was erased, and an independent scan found nothing of it outside what the law makes us keep.\n\nKept: {kept}\n\nYour signed certificate waits here: {link}\n\nThis is the last message: your address goes with it.',
    },
    package_ready: {
      subject: '{tenant}: your data is ready',
      text: 'The copy of your data waits here until {expires}. It can be downloaded once: {link}',
    },
    partially_completed: {
      subject: '{tenant}: your request needs more work',
      text: 'A part of your request could not be carried out yet. Somebody is looking at it. Follow it here: {link}',
    },
    refused: {
      subject: '{tenant}: your request was refused',
      text: 'We cannot do what you asked for.\n\nReason: {reason}\nGround: {ground}\n\nYou can turn to others: {complaint}',
    },
    withdrawn: {
      subject: '{tenant}: your request is withdrawn',
      text: 'You withdrew your request. Nothing was changed.',
    },
    expired: {
      subject: '{tenant}: your request has ended',
      text: 'Nobody confirmed this request with the code we sent, so it has ended. You can ask again at any time: {link}',
    },
  },
  pl: {
    verify: {
      subject: '{tenant}: Twój kod {code}',
      text: `Ktoś poprosił {tenant} o ${typePl}, podając ten adres e-mail.\n\nJeśli to Ty, wpisz ten kod w ciągu 10 minut: {code}\n\n{link}\n\nJeśli to nie Ty, nie rób nic: bez kodu nic się nie stanie.`,
    },
    verified: {
      subject: '{tenant}: zajmujemy się Twoim wnioskiem',
      text: `Twój wniosek o ${typePl} jest potwierdzony. Odpowiemy najpóźniej {due}.\n\nPodstawa: {citation}\n\nStan wniosku: {link}`,
    },
    extended: {
      subject: '{tenant}: potrzebujemy więcej czasu',
      text: `Potrzebujemy więcej czasu na Twój wniosek o ${typePl}. Odpowiemy najpóźniej {due}.\n\nPowód: {reason}\nPodstawa: {citation}\n\nMożesz zwrócić się dalej: {complaint}\n\nStan wniosku: {link}`,
    },
    completed: {
      subject: '{tenant}: Twoje dane są usunięte',
      text: 'Twoje dane zostały usunięte, a niezależne sprawdzenie nie znalazło niczego poza tym, co musimy zachować z mocy prawa.\n\nZachowano: {kept}\n\nPodpisane zaświadczenie czeka tutaj: {link}\n\nTo ostatnia wiadomość: Twój adres znika razem z nią.',
    },
    package_ready: {
      subject: '{tenant}: Twoje dane są gotowe',
      text: 'Kopia Twoich danych czeka tutaj do {expires}. Można ją pobrać raz: {link}',
    },
    partially_completed: {
      subject: '{tenant}: Twój wniosek wymaga dalszej pracy',
      text: 'Części wniosku nie udało się jeszcze wykonać. Ktoś się tym zajmuje. Stan wniosku: {link}',
    },
    refused: {
      subject: '{tenant}: odmowa',
      text: 'Nie możemy spełnić Twojego wniosku.\n\nPowód: {reason}\nPodstawa: {ground}\n\nMożesz zwrócić się dalej: {complaint}',
    },
    withdrawn: {
      subject: '{tenant}: wniosek wycofany',
      text: 'Wniosek został wycofany. Niczego nie zmieniono.',
    },
    expired: {
      subject: '{tenant}: wniosek wygasł',
      text: 'Nikt nie potwierdził wniosku wysłanym kodem, więc wygasł. Możesz złożyć nowy w każdej chwili: {link}',
    },
  },
};

/** Names of all templates, for tests. */
export const templateNames: readonly TemplateName[] = Object.freeze(
  Object.keys(templates.en) as TemplateName[],
); // keys of a total record

/**
 * Writes a message. The syntax is the part of ICU MessageFormat that is needed: `{name}` and `{name, select, a {…} other {…}}`.
 *
 * @throws RangeError when a value is missing
 */
export function renderMessage(
  name: TemplateName,
  language: Language,
  values: MessageValues,
): { readonly subject: string; readonly text: string } {
  const template = templates[language][name];
  return { subject: singleLine(format(template.subject, values)), text: format(template.text, values) };
}

function format(template: string, values: Readonly<Record<string, string>>): string {
  const chosen = template.replace(
    /\{(\w+), select,((?: \w+ \{[^{}]*\})+)\}/g,
    (_all, name: string, choices: string) => {
      const options = new Map(
        [...choices.matchAll(/ (\w+) \{([^{}]*)\}/g)].map((match) => [match[1] ?? '', match[2] ?? '']),
      );
      return options.get(values[name] ?? '') ?? options.get('other') ?? '';
    },
  );
  return chosen.replace(/\{(\w+)\}/g, (_all, name: string) => {
    const value = values[name];
    if (value === undefined) throw new RangeError(`message value "${name}" is missing`);
    return value;
  });
}

/** A header must not gain lines. */
function singleLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').slice(0, 200);
}
