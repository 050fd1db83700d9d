import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toCef } from './cef.ts';
import { createTrailEvent, place } from './sink-fixture.ts';

/** A reader written from the format's text: header by unescaped bars, extension by unescaped equal signs. */
function readCef(text: string): {
  readonly header: readonly string[];
  readonly fields: Readonly<Record<string, string>>;
} {
  const parts = /^CEF:0\|((?:(?:\\.|[^\\|])*\|){6})(.*)$/s.exec(text);
  if (parts === null) throw new Error(`not CEF: ${text}`);
  const header = [...(parts[1] ?? '').matchAll(/((?:\\.|[^\\|])*)\|/gs)].map(([, field = '']) =>
    field.replaceAll(/\\(.)/gs, '$1'),
  );
  const pairs = [...(parts[2] ?? '').matchAll(/(?:^| )(\w+)=((?:\\.|[^\\=])*?)(?=$| \w+=)/gs)];
  const meaning: Readonly<Record<string, string>> = { n: '\n', r: '\r' };
  const fields = pairs.map(([, name = '', value = '']) => [
    name,
    value.replaceAll(/\\(.)/gs, (_, special: string) => meaning[special] ?? special),
  ]);
  return { header, fields: Object.fromEntries(fields) as Record<string, string> }; // pairs of texts
}

test('an event of a person looks as the format says', () => {
  expect(toCef(createTrailEvent({ subjects: [], requestId: null }), place)).toBe(
    'CEF:0|Gatehouse|Gatehouse|1.2.3|contacts.contact_read|A contact was read.|3|' +
      'rt=1795428000250 start=1795428000000 externalId=0190a0a0-0000-7000-8000-000000000002 ' +
      'act=contacts.contact_read cat=data outcome=success suid=u-1 suser=Ada src=192.0.2.7 ' +
      'requestClientApplication=Agent/1 cn1Label=seq cn1=41 cs1Label=log cs1=gatehouse.example/log/ab12 ' +
      'cs2Label=targets cs2=contacts.contact/c-1 cs3Label=subjects cs4Label=requestId ' +
      'cs5Label=leafHash cs5=q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA\\= cs6Label=detail cs6={"count":1}',
  );
});

const awkward = fc.string({
  unit: fc.constantFrom('a', ' ', '|', '\\', '=', '\n', '\r', '"', 'ż', '𝒳', ' cs1=', 'n'),
  maxLength: 20,
});

test('a reader gets back every text, whatever stands in it, and an event stays one line', () => {
  fc.assert(
    fc.property(awkward, awkward, awkward, (summary, displayName, userAgent) => {
      const event = createTrailEvent({
        summary,
        actor: { type: 'user', id: 'u-1', displayName, email: null },
        origin: { ip: null, userAgent, service: null },
      });
      const text = toCef(event, place);
      const { header, fields } = readCef(text);
      expect(text).not.toMatch(/[\r\n]/);
      expect(header[4]).toBe(summary.replaceAll(/[\r\n]+/g, ' '));
      expect(fields['suser'] ?? '').toBe(displayName);
      expect(fields['requestClientApplication'] ?? '').toBe(userAgent);
      expect(fields['cs6']).toBe('{"count":1}');
    }),
  );
});

test('an IPv6 address stands in its own custom field, because "src" takes IPv4 only', () => {
  const event = createTrailEvent({ origin: { ip: '2001:db8::7', userAgent: null, service: null } });
  const { fields } = readCef(toCef(event, place));
  expect(fields).toMatchObject({ c6a2: '2001:db8::7', c6a2Label: 'Source IPv6 Address' });
  expect(fields).not.toHaveProperty('src');
});

test.each([
  ['success', '3'],
  ['failure', '5'],
  ['denied', '7'],
] as const)('outcome %s has severity %s', (outcome, severity) => {
  expect(toCef(createTrailEvent({ outcome }), place)).toContain(`|${severity}|rt=`);
});

test('an action longer than the 63 characters of "act" is cut there and whole in the header', () => {
  const action = `contacts.${'a'.repeat(80)}`;
  const { header, fields } = readCef(toCef(createTrailEvent({ action }), place));
  expect(fields['act']).toHaveLength(63);
  expect(header[3]).toBe(action);
});

test('an erased person leaves neither name nor address', () => {
  const erased = createTrailEvent({
    actor: { type: 'user', id: 'u-1', displayName: null, erased: true, requestId: 'dsr-1' },
    origin: { erased: true, requestId: 'dsr-1' },
  });
  expect(toCef(erased, place)).not.toMatch(/suser=|src=|requestClientApplication=/);
});
