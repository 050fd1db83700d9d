import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { dataMapError } from './errors.ts';
import { dataMapFile, type DatasetDocument } from './schema.ts';

/** A file's text and the name that errors call it by. */
export type MapText = { readonly name: string; readonly yaml: string };

/** Datasets of one file, with a way to say where in it a path stands. */
export type ParsedFile = {
  readonly name: string;
  readonly datasets: readonly DatasetDocument[];
  readonly locate: (path: readonly PropertyKey[]) => string;
};

const maxTextLength = 2_000_000;

/**
 * Parses and validates one file.
 *
 * @throws ERR_DATAMAP_INVALID naming file, line, path and what was expected
 */
export function parseMapFile(text: MapText): ParsedFile {
  if (text.yaml.length > maxTextLength) {
    throw dataMapError(
      'ERR_DATAMAP_INVALID',
      `${text.name}: longer than ${maxTextLength} characters; split the file`,
    );
  }
  const lines = new LineCounter();
  const document = parseDocument(text.yaml, { lineCounter: lines, uniqueKeys: true, strict: true });
  const broken = document.errors[0];
  if (broken !== undefined) {
    throw dataMapError(
      'ERR_DATAMAP_INVALID',
      `${text.name}: not valid YAML: ${broken.message.slice(0, 500)}`,
    );
  }
  const locate = (path: readonly PropertyKey[]): string =>
    `${text.name}${lineOf(document, lines, path)} ${join(path)}`;
  const parsed = dataMapFile.safeParse(toPlain(document, text.name));
  if (!parsed.success) {
    const issues = parsed.error.issues
      .slice(0, 20)
      .map(({ path, message }) => ({ at: locate(path), message }));
    const list = issues.slice(0, 5).map(({ at, message }) => `${at}: ${message}`);
    throw dataMapError('ERR_DATAMAP_INVALID', `the data map is not valid: ${list.join('; ')}`, { issues });
  }
  return { name: text.name, datasets: parsed.data.dataset, locate };
}

function toPlain(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 20 });
  } catch {
    throw dataMapError('ERR_DATAMAP_INVALID', `${name}: too many YAML aliases; write the values out`);
  }
}

function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): string {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return `:${lines.linePos(node.range[0]).line}`;
  }
  return '';
}

function join(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
