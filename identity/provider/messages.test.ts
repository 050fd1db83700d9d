import { expect, test } from '@jest/globals';
import { chooseLanguage, messagesOf } from './messages.ts';
import { codePage, errorPage, pageHeaders, passwordPage } from './pages.ts';

test.each([
  [undefined, undefined, 'en'],
  [undefined, 'pl-PL,pl;q=0.9,en;q=0.8', 'pl'],
  [undefined, 'en;q=0.5, pl;q=0.9', 'pl'],
  [undefined, 'de, fr;q=0.9', 'en'],
  [undefined, 'pl;q=0, en', 'en'],
  ['pl', 'en', 'pl'],
  ['de en', 'pl', 'en'],
] as const)('ui_locales %j and Accept-Language %j give %s', (uiLocales, accept, expected) => {
  expect(chooseLanguage(uiLocales, accept)).toBe(expected);
});

test('every text exists in both languages and differs', () => {
  const [english, polish] = [messagesOf('en'), messagesOf('pl')];
  expect(Object.keys(polish)).toEqual(Object.keys(english));
  for (const [key, text] of Object.entries(polish))
    expect([key, text]).not.toEqual([key, english[key as keyof typeof english]]);
});

test('what a person typed cannot become markup', () => {
  const hostile = '"><script>alert(1)</script>';
  const html = passwordPage({
    language: 'pl',
    tenantName: hostile,
    action: hostile,
    problem: { kind: 'wrong_password' },
    email: hostile,
  });
  expect(html).not.toContain('<script');
  expect(html).toContain('lang="pl"');
});

test('the pages have no inline script or style, and label what they ask for', () => {
  const input = {
    language: 'en',
    tenantName: 'Acme',
    action: '/oidc/interaction/x',
    problem: { kind: 'wrong_code' },
  } as const;
  for (const html of [passwordPage({ ...input, email: '' }), codePage(input), errorPage('en', 'expired')]) {
    expect(html).not.toMatch(/<script|<style|style=|\son[a-z]+=/);
    for (const [, id] of html.matchAll(/<input id="(\w+)"/g)) expect(html).toContain(`<label for="${id}">`);
  }
  expect(pageHeaders['content-security-policy']).not.toMatch(/unsafe|script-src/);
});
