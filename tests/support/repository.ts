/** npm's lock file, as far as it is looked at. */
export type LockFile = {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly resolved?: string;
        readonly integrity?: string;
        readonly license?: string;
        readonly dev?: boolean;
        readonly link?: boolean;
        readonly inBundle?: boolean;
      }
    >
  >;
};

const compatibleLicences = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'PostgreSQL',
  'Python-2.0',
  'Unlicense',
]);

/** Packages of production whose licence cannot be combined with Apache-2.0; of alternatives, one is enough. */
export function badLicences(lock: LockFile): readonly string[] {
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path !== '' && entry.dev !== true && entry.link !== true)
    .filter(
      ([, { license = '' }]) =>
        !license
          .replace(/[()]/g, '')
          .split(' OR ')
          .some((name) => compatibleLicences.has(name)),
    )
    .map(([path, { license = 'none' }]) => `${path}: ${license}`);
}

const traces = [
  /(?:^|[^A-Za-z0-9_.}-])\/(?:home|Users|root|work)\/[A-Za-z0-9_]/,
  /(?:^|[^A-Za-z0-9_.}-])[A-Z]:\\Users\\/,
  /registry\.npmjs\.org|registry\.yarnpkg\.com|"resolved": *"https?:/,
];

/** Lines that tell of a machine or a registry, as `file:line: text`. */
export function machineTraces(file: string, text: string): readonly string[] {
  return text.split('\n').flatMap((line, index) => {
    const withoutAddresses = line.replace(/\bhttps?:\/\/(?!registry\.)[^\s"'`)]+/g, '');
    return traces.some((trace) => trace.test(withoutAddresses))
      ? [`${file}:${index + 1}: ${line.trim().slice(0, 120)}`]
      : [];
  });
}

const maxInvariantLines = 30;

/** What is wrong with a room's INVARIANTS.md. */
export function invariantProblems(
  file: string,
  text: string | null,
  exists: (file: string) => boolean,
): readonly string[] {
  if (text === null) return [`${file} is missing`];
  const problems: string[] = [];
  const room = file.slice(0, file.lastIndexOf('/'));
  const lines = text.trimEnd() === '' ? text.split('\n') : text.trimEnd().split('\n');
  if (lines.length > maxInvariantLines)
    problems.push(`${file} has ${lines.length} lines, more than ${maxInvariantLines}`);
  const tests = [...text.matchAll(/[\w./-]+\.test\.ts\b/g)].map(([name]) => name);
  if (tests.length === 0) problems.push(`${file} names no test`);
  for (const name of new Set(tests)) {
    if (!exists(name) && !exists(`${room}/${name}`))
      problems.push(`${file} names ${name}, which does not exist`);
  }
  return problems;
}

/** Lines of a changelog that are neither a heading nor `- scope: what changed`. */
export function badChangelogLines(text: string): readonly string[] {
  const [title, ...rest] = text.split('\n');
  const body = rest.slice(rest.findIndex((line) => line.startsWith('## ')));
  const wrong = body.filter(
    (line) =>
      line !== '' &&
      !/^## (Unreleased|\d+\.\d+\.\d+ \(\d{4}-\d{2}-\d{2}\))$/.test(line) &&
      !/^- [a-z][a-z, ]*: \S/.test(line),
  );
  return title === '# Changelog' ? wrong : [title ?? '', ...wrong];
}
