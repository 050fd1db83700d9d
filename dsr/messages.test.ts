import { describe, expect, test } from '@jest/globals';
import { languages, renderMessage, templateNames } from './messages.ts';

const values = {
  tenant: 'Acme',
  link: 'https://x/portal/acme#t',
  code: '12345678',
  due: '2026-12-02',
  citation: 'GDPR',
  kept: '-',
  expires: '2026-12-02',
  reason: 'r',
  ground: 'g',
  complaint: 'c',
};

describe('messages', () => {
  test.each(languages.flatMap((language) => templateNames.map((name) => [language, name] as const)))(
    '%s %s fills every place',
    (language, name) => {
      for (const type of ['access', 'erasure'] as const) {
        const { subject, text } = renderMessage(name, language, { ...values, type });
        expect(subject + text).not.toMatch(/[{}]/);
        expect(subject.length).toBeGreaterThan(5);
      }
    },
  );

  test('never gain a header line from a value', () => {
    expect(
      renderMessage('withdrawn', 'en', { tenant: 'Acme\r\nBcc: all@example.org', type: 'access' }).subject,
    ).not.toMatch(/[\r\n]/);
  });

  test('refuse to go out with a hole', () => {
    expect(() => renderMessage('verify', 'en', { tenant: 'Acme', type: 'access' })).toThrow(RangeError);
  });

  test('put values in as they are, never as templates', () => {
    expect(renderMessage('refused', 'en', { ...values, type: 'access', reason: '{code}' }).text).toContain(
      '{code}',
    );
  });
});
