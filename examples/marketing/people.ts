import type { SeededRandom } from './random.ts';

/** Names, places and number ranges of one country. */
type Country = {
  readonly code: string;
  readonly region: 'emea' | 'amer' | 'apac';
  readonly weight: number;
  readonly first: readonly string[];
  readonly last: readonly string[];
  readonly cities: readonly string[];
  readonly streets: readonly string[];
  /** `#` is a digit. Ranges are set aside for fiction where a country has any, and unassigned elsewhere. */
  readonly phones: readonly string[];
};

const list = (text: string): readonly string[] =>
  Object.freeze(text.split(' ').map((word) => word.replaceAll('_', ' ')));

const countries: readonly Country[] = Object.freeze([
  {
    code: 'PL',
    region: 'emea',
    weight: 10,
    first: list(
      'Anna Jan Katarzyna Piotr Małgorzata Andrzej Agnieszka Krzysztof Zofia Tomasz Julia Paweł Hanna Łukasz Maja Stanisław',
    ),
    last: list(
      'Nowak Kowalski Wiśniewska Wójcik Kowalczyk Kamiński Lewandowska Zieliński Szymańska Woźniak Dąbrowska Kozłowski Jankowska Mazur',
    ),
    cities: list('Warszawa Kraków Łódź Wrocław Poznań Gdańsk Szczecin Lublin Białystok Katowice'),
    streets: list('Lipowa Polna Leśna Krótka Ogrodowa Słoneczna'),
    phones: ['+48000######'],
  },
  {
    code: 'DE',
    region: 'emea',
    weight: 10,
    first: list(
      'Lukas Emma Jonas Mia Leon Hannah Felix Lena Maximilian Sophie Jürgen Ursula Björn Käthe Stefan Claudia',
    ),
    last: list(
      'Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Größler',
    ),
    cities: list(
      'Berlin Hamburg München Köln Frankfurt_am_Main Stuttgart Düsseldorf Leipzig Dresden Nürnberg',
    ),
    streets: list('Hauptstraße Bahnhofstraße Gartenweg Lindenallee Schulstraße'),
    phones: ['+491713920###', '+4917604069###'],
  },
  {
    code: 'FR',
    region: 'emea',
    weight: 8,
    first: list('Camille Louis Chloé Gabriel Inès Raphaël Léa Arthur Manon Jules Zoé Hugo Élodie Benoît'),
    last: list('Martin Bernard Dubois Thomas Robert Petit Durand Leroy Moreau Simon Laurent Lefèvre Garçon'),
    cities: list('Paris Lyon Marseille Toulouse Nantes Bordeaux Lille Strasbourg Rennes'),
    streets: list('rue_de_la_Paix avenue_Victor_Hugo rue_du_Moulin place_de_la_Mairie'),
    phones: ['+3363998####'],
  },
  {
    code: 'ES',
    region: 'emea',
    weight: 6,
    first: list('Lucía Hugo María Martín Sofía Pablo Paula Daniel Carmen Álvaro Begoña Íñigo'),
    last: list('García Fernández González Rodríguez López Martínez Sánchez Pérez Núñez Ibáñez'),
    cities: list('Madrid Barcelona Valencia Sevilla Zaragoza Málaga Bilbao'),
    streets: list('Calle_Mayor Calle_Real Avenida_del_Sol Plaza_Nueva'),
    phones: ['+34000######'],
  },
  {
    code: 'GB',
    region: 'emea',
    weight: 10,
    first: list('Olivia George Amelia Noah Isla Arthur Ava Harry Freya Alfie Siân Callum Priya Mohammed'),
    last: list("Smith Jones Taylor Brown Williams Wilson Davies Evans Patel Walker O'Connor Khan MacLeod"),
    cities: list('London Manchester Birmingham Leeds Glasgow Bristol Liverpool Cardiff Edinburgh'),
    streets: list('High_Street Station_Road Church_Lane Victoria_Road'),
    phones: ['+447700900###'],
  },
  {
    code: 'US',
    region: 'amer',
    weight: 22,
    first: list(
      'Liam Olivia Noah Emma James Ava William Sophia Mason Isabella Ethan Mia Jayden Aaliyah Carlos Guadalupe',
    ),
    last: list(
      'Smith Johnson Williams Brown Jones Garcia Miller Davis Martinez Anderson Nguyen Jackson Washington',
    ),
    cities: list(
      'New_York Los_Angeles Chicago Houston Phoenix Philadelphia San_Antonio Seattle Denver Boston',
    ),
    streets: list('Main_Street Oak_Avenue Maple_Drive Cedar_Lane Park_Road'),
    phones: ['+121255501##', '+131055501##', '+131255501##', '+120655501##', '+161755501##', '+171355501##'],
  },
  {
    code: 'CA',
    region: 'amer',
    weight: 6,
    first: list('Liam Charlotte Noah Olivia Félix Rosalie Lucas Émilie Nathan Florence'),
    last: list('Tremblay Gagnon Roy Smith Singh MacDonald Bouchard Côté Wilson Chen'),
    cities: list('Toronto Montréal Vancouver Calgary Ottawa Québec'),
    streets: list('King_Street Queen_Street rue_Sainte-Catherine'),
    phones: ['+141655501##', '+151455501##', '+160455501##'],
  },
  {
    code: 'BR',
    region: 'amer',
    weight: 8,
    first: list('Miguel Helena Arthur Alice João Laura Davi Valentina Luiz Beatriz Antônio Conceição'),
    last: list('Silva Santos Oliveira Souza Rodrigues Ferreira Alves Pereira Lima Araújo Gonçalves'),
    cities: list('São_Paulo Rio_de_Janeiro Brasília Salvador Fortaleza Curitiba Belo_Horizonte'),
    streets: list('Rua_das_Flores Avenida_Brasil Rua_XV_de_Novembro'),
    phones: ['+55000########'],
  },
  {
    code: 'JP',
    region: 'apac',
    weight: 8,
    first: list('陽翔 結菜 蓮 凛 湊 葵 大翔 陽菜 Haruto Yui Ren Sakura'),
    last: list('佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 Nakamura Kobayashi Kato'),
    cities: list('東京 大阪 横浜 名古屋 札幌 福岡'),
    streets: list('中央 本町 桜ヶ丘'),
    phones: ['+81000#######'],
  },
  {
    code: 'IN',
    region: 'apac',
    weight: 8,
    first: list('Aarav Ananya Vihaan Diya Arjun Saanvi Reyansh Priya Ishaan Kavya'),
    last: list('Sharma Verma Patel Singh Reddy Iyer Nair Gupta Mehta Banerjee'),
    cities: list('Mumbai Delhi Bengaluru Hyderabad Chennai Kolkata Pune'),
    streets: list('MG_Road Station_Road Temple_Street'),
    phones: ['+91000#######'],
  },
  {
    code: 'AU',
    region: 'apac',
    weight: 4,
    first: list('Oliver Charlotte Jack Isla William Mia Henry Grace Lachlan Matilda'),
    last: list('Smith Jones Williams Brown Wilson Nguyen Taylor Kelly Ryan'),
    cities: list('Sydney Melbourne Brisbane Perth Adelaide Hobart'),
    streets: list('George_Street Beach_Road Station_Street'),
    phones: ['+61491570###', '+61491571###'],
  },
]);

const byWeight: readonly Country[] = Object.freeze(
  countries.flatMap((country) => Array<Country>(country.weight).fill(country)),
);

// RFC 2606 and RFC 6761: nobody's mail ever goes there.
const mailDomains = list(
  'example.com example.org example.net mail.example post.example nordwind.example alpina.example contoso.example bluebird.example lighthouse.example riverside.example oakfield.example kite.example harbour.example',
);

/** A made-up person. */
export type MadeUpPerson = {
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly phone: string | null;
  readonly city: string;
  readonly country: string;
  readonly region: 'emea' | 'amer' | 'apac';
  readonly address: string;
};

/** @param number - of the person in the tenant; keeps addresses apart */
export function makePerson(random: SeededRandom, number: number): MadeUpPerson {
  const country = random.pick(byWeight);
  const firstName = random.pick(country.first);
  const lastName = random.pick(country.last);
  const city = random.pick(country.cities);
  const digits = (pattern: string): string => pattern.replaceAll('#', () => String(random.below(10)));
  return {
    firstName,
    lastName,
    email: `${mailbox(firstName, lastName)}${number}@${random.pick(mailDomains)}`,
    phone: random.chance(0.8) ? digits(random.pick(country.phones)) : null,
    city,
    country: country.code,
    region: country.region,
    address: `${random.pick(country.streets)} ${1 + random.below(180)}, ${city}, ${country.code}`,
  };
}

function mailbox(first: string, last: string): string {
  const plain = (name: string): string =>
    name
      .replaceAll('ł', 'l')
      .replaceAll('Ł', 'L')
      .replaceAll('ß', 'ss')
      .replaceAll('ø', 'o')
      .normalize('NFD')
      .replaceAll(/[^A-Za-z]/g, '')
      .toLowerCase();
  const parts = [plain(first), plain(last)].filter((part) => part !== '');
  return parts.length === 0 ? 'contact' : parts.join('.');
}
