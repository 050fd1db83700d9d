import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toCsv } from './csv.ts';

/** A strict RFC 4180 reader. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  for (let at = 0; at < text.length;) {
    const row: string[] = [];
    for (;;) {
      let cell = '';
      if (text[at] === '"') {
        for (at += 1; text[at] !== '"' || text[at + 1] === '"'; at += 1) {
          if (text[at] === '"') at += 1;
          cell += text[at];
        }
        at += 1;
      } else {
        while (at < text.length && text[at] !== ',' && text[at] !== '\r') cell += text[at++];
      }
      row.push(cell);
      if (text[at] !== ',') break;
      at += 1;
    }
    at += 2;
    rows.push(row);
  }
  return rows;
}

describe('CSV of a package', () => {
  test('comes back as it went in, whatever the text, but for the quote before formulas', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ a: fc.string(), b: fc.string() }), { maxLength: 5 }), (rows) => {
        const back = parse(toCsv(['a', 'b'], rows)).slice(1);
        expect(back.map(([a, b]) => [a?.replace(/^'/, ''), b?.replace(/^'/, '')])).toEqual(
          rows.map(({ a, b }) => [a.replace(/^'/, ''), b.replace(/^'/, '')]),
        );
      }),
    );
  });

  test.each(['=HYPERLINK("http://evil")', '+SUM(A1)', '-2+3', '@cmd', '\t=1', '\r=1', '＝1'])(
    'makes %j text',
    (formula) => {
      expect(parse(toCsv(['a'], [{ a: formula }]))[1]?.[0]?.startsWith("'")).toBe(true);
    },
  );

  test('leaves negative numbers and phone numbers without letters alone', () => {
    expect(toCsv(['a', 'b'], [{ a: -12.5, b: '+48123456789' }])).toBe('a,b\r\n-12.5,+48123456789\r\n');
  });
});
