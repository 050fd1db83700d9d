import { ZipFile } from 'yazl';
import { sha256Hex } from './canonical-json.ts';
import type { ExportedCollection } from './connectors/connector.ts';
import { toCsv } from './csv.ts';
import type { LawPack } from './law-packs.ts';
import type { Language } from './messages.ts';
import { packageHtml } from './package-html.ts';
import { withheldFields, withhold, type ArticleFifteen } from './package-information.ts';

/** What a package is made of. */
export type PackageInput = {
  readonly requestId: string;
  readonly tenant: string;
  readonly language: Language;
  readonly createdAt: Date;
  readonly pack: LawPack;
  readonly information: ArticleFifteen;
  readonly data: readonly ExportedCollection[];
};

/** The zip: manifest with a hash of every file, data as JSON and CSV, one readable page. */
export async function zipPackage(input: PackageInput): Promise<Buffer> {
  const data = input.data.map((one) => withhold(input.pack, one));
  const files = new Map<string, Buffer>();
  for (const one of data) {
    const names = one.fields.map((field) => field.name);
    files.set(`data/${one.collection}.json`, Buffer.from(`${JSON.stringify(one.rows, null, 2)}\n`));
    files.set(`data/${one.collection}.csv`, Buffer.from(toCsv(names, one.rows)));
  }
  const html = packageHtml({
    language: input.language,
    tenant: input.tenant,
    date: input.createdAt.toISOString().slice(0, 10),
    information: input.information,
    data,
  });
  files.set('index.html', Buffer.from(html));
  files.set('manifest.json', Buffer.from(`${JSON.stringify(manifest(input, data, files), null, 2)}\n`));
  return writeZip(files, input.createdAt);
}

function manifest(
  input: PackageInput,
  data: readonly ExportedCollection[],
  files: ReadonlyMap<string, Buffer>,
): unknown {
  return {
    format: 'gatehouse-access-package/1',
    requestId: input.requestId,
    controller: input.tenant,
    createdAt: input.createdAt.toISOString(),
    law: { id: input.pack.id, version: input.pack.version, right: input.pack.rights.access },
    language: input.language,
    information: input.information,
    withheld: input.data.flatMap((one) =>
      withheldFields(input.pack, one).map((field) => ({
        collection: one.collection,
        field,
        citation: input.pack.neverDiscloseCitation,
      })),
    ),
    collections: data.map((one) => ({
      collection: one.collection,
      description: one.description,
      rows: one.rows.length,
      fields: one.fields,
    })),
    files: [...files].map(([name, content]) => ({ name, bytes: content.length, sha256: sha256Hex(content) })),
  };
}

async function writeZip(files: ReadonlyMap<string, Buffer>, mtime: Date): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, content] of files) zip.addBuffer(content, name, { mtime, mode: 0o100600 });
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(Buffer.from(chunk as Uint8Array)); // a binary stream
  return Buffer.concat(chunks);
}
