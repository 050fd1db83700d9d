import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { generateTypes } from '../../console/generate-types.ts';

const consoleFolder = join(import.meta.dirname, '..', '..', 'console');
const read = (...path: readonly string[]): Promise<string> => readFile(join(consoleFolder, ...path), 'utf8');

/** Messages of a catalog: id and text. */
function messagesOf(catalog: string): readonly { readonly id: string; readonly text: string }[] {
  const quoted = (part: string): string =>
    [...part.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text]) => text).join('');
  return catalog.split('\n\n').flatMap((block) => {
    const [, id, text] = /^msgid ((?:"[^\n]*"\n)+)msgstr ((?:"[^\n]*"\n?)+)/m.exec(`${block}\n`) ?? [];
    return id === undefined || text === undefined || quoted(id) === ''
      ? []
      : [{ id: quoted(id), text: quoted(text) }];
  });
}

test('the types of the console are those of the OpenAPI file', async () => {
  const document = JSON.parse(await read('..', 'docs', 'openapi.json')) as Parameters<
    typeof generateTypes
  >[0];
  expect(await read('src', 'generated', 'api.ts')).toBe(generateTypes(document));
});

test('every text of the console is translated into Polish', async () => {
  const polish = messagesOf(await read('src', 'locales', 'pl.po'));
  expect(polish.length).toBeGreaterThan(400);
  expect(polish.filter(({ text }) => text === '')).toEqual([]);
});

test('a translation keeps the placeholders of its text', async () => {
  const placeholders = (text: string): readonly string[] =>
    [...new Set(text.match(/\{\w+/g) ?? [])].toSorted();
  const wrong = messagesOf(await read('src', 'locales', 'pl.po')).filter(
    ({ id, text }) => !id.includes('plural') && placeholders(id).join() !== placeholders(text).join(),
  );
  expect(wrong).toEqual([]);
});

test('the console imports nothing of the server', async () => {
  const files = await readdir(join(consoleFolder, 'src'), { recursive: true });
  const sources = files.filter((file) => /\.tsx?$/.test(file));
  for (const file of sources) {
    const imports = [...(await read('src', file)).matchAll(/from '(\.[^']*)'/g)].map(([, path = '']) =>
      join('src', file, '..', path),
    );
    expect(imports.filter((path) => path.startsWith('..'))).toEqual([]);
  }
});

test('the page carries the placeholder of the style nonce and no script or style of its own', async () => {
  const page = await read('index.html');
  expect(page).toContain('<meta name="csp-nonce" content="__CSP_NONCE__" />');
  expect(page).not.toMatch(/<style|style=|<script(?![^>]*src=)/);
});
