import { execFileSync } from 'node:child_process';
import { posix } from 'node:path';
import { parseSync } from 'oxc-parser';

/** One import; `to` is a path in the repository, or null for a package or a built-in. */
export type ImportEdge = {
  readonly from: string;
  readonly to: string | null;
  readonly specifier: string;
  /** True when nothing of it is left at run time. */
  readonly typeOnly: boolean;
};

/** Every source file git knows or would add, with `/` between folders. */
export function sourceFiles(root: string): readonly string[] {
  const list = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    },
  );
  const gone = new Set(
    execFileSync('git', ['ls-files', '-z', '--deleted'], { cwd: root, encoding: 'utf8' }).split('\0'),
  );
  return list.split('\0').filter((file) => /\.(ts|tsx|mjs|js)$/.test(file) && !gone.has(file));
}

/** Static and dynamic imports, re-exports and import types of one file; text in comments and strings is none. */
export function readImports(file: string, code: string): readonly ImportEdge[] {
  const { module, program, errors } = parseSync(file, code);
  if (errors.length > 0) throw new Error(`${file} does not parse: ${errors[0]?.message ?? ''}`);
  const isType = (start: number): boolean => /^(import|export)\s+type\b/.test(code.slice(start, start + 40));
  const found: [specifier: string, typeOnly: boolean][] = [
    ...module.staticImports.map((item): [string, boolean] => [item.moduleRequest.value, isType(item.start)]),
    ...module.staticExports.flatMap((item) =>
      item.entries.flatMap((entry): [string, boolean][] =>
        entry.moduleRequest == null ? [] : [[entry.moduleRequest.value, isType(item.start)]],
      ),
    ),
    ...module.dynamicImports
      .flatMap((item) => literal(code.slice(item.moduleRequest.start, item.moduleRequest.end)))
      .map((specifier): [string, boolean] => [specifier, false]),
    ...importTypes(program).map((specifier): [string, boolean] => [specifier, true]),
  ];
  const typeOnly = new Map<string, boolean>();
  for (const [specifier, erased] of found)
    typeOnly.set(specifier, erased && typeOnly.get(specifier) !== false);
  return [...typeOnly].map(([specifier, erased]) => ({
    from: file,
    to: resolve(file, specifier),
    specifier,
    typeOnly: erased,
  }));
}

/** A computed name cannot be judged here; the linter's types and reviews see it. */
function literal(text: string): readonly string[] {
  const match = /^(['"`])([^'"`$]+)\1$/.exec(text.trim());
  return match?.[2] === undefined ? [] : [match[2]];
}

/** `import('…').X` in a type position: not among the module record, so the tree is walked. */
function importTypes(node: unknown): readonly string[] {
  if (typeof node !== 'object' || node === null) return [];
  if (Array.isArray(node)) return node.flatMap(importTypes);
  const record = node as { type?: string; source?: { value?: string } }; // every node of an ESTree is such a record
  const own =
    record.type === 'TSImportType' && record.source?.value !== undefined ? [record.source.value] : [];
  return [...own, ...Object.values(node).flatMap(importTypes)];
}

function resolve(from: string, specifier: string): string | null {
  return specifier.startsWith('.') ? posix.normalize(posix.join(posix.dirname(from), specifier)) : null;
}
