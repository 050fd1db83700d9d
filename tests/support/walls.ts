import type { ImportEdge } from './imports.ts';
import { floors, outside, packageOwners } from './package-owners.ts';

const floorOf = new Map(floors.flatMap((rooms, floor) => rooms.map((room) => [room, floor] as const)));
const vagueNames = new Set(['utils', 'util', 'common', 'helpers', 'services', 'shared', 'misc', 'lib']);

/** What an import breaks, one sentence each. */
export function breaches(edges: readonly ImportEdge[]): readonly string[] {
  return edges.flatMap((edge) => {
    const reason = edge.to === null ? packageBreach(edge) : roomBreach(edge.from, edge.to);
    return reason === null ? [] : [`${edge.from} imports ${edge.specifier}: ${reason}`];
  });
}

function roomBreach(from: string, to: string): string | null {
  const [source, target] = [roomOf(from), roomOf(to)];
  if (isFree(from)) return null;
  if (/(\.test|-fixture)\.tsx?$/.test(to)) return 'only tests import what belongs to tests';
  if (source === target) return null;
  if (source === 'console') return 'the console imports nothing of the server';
  const [own, other] = [floorOf.get(source), floorOf.get(target)];
  if (other === undefined) return isSettled(source, to) ? null : `"${target}" is no room below`;
  if (own !== undefined && other >= own)
    return other === own ? 'rooms of one floor do not know each other' : 'it stands on a higher floor';
  return to === `${target}/index.ts` ? null : 'rooms are entered through index.ts only';
}

/** The composition root and the command may seed the examples; the command starts by the root's package file. */
function isSettled(source: string, to: string): boolean {
  return (source === 'server' || source === 'cli') && (to.startsWith('examples/') || to === 'package.json');
}

function packageBreach({ from, specifier }: ImportEdge): string | null {
  if (specifier.startsWith('node:') || isFree(from)) return null;
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const owners = packageOwners[name];
  if (
    owners === undefined ||
    owners.some((owner) => from === owner || (owner.endsWith('/') && from.startsWith(owner)))
  )
    return null;
  return `only ${owners.join(', ')} may import it`;
}

/** Tests, what they share beside the code (`*-fixture.ts`) and benches may look anywhere. */
function isFree(file: string): boolean {
  return (
    outside.some((folder) => file.startsWith(`${folder}/`)) || /(\.(test|bench)|-fixture)\.tsx?$/.test(file)
  );
}

function roomOf(file: string): string {
  const at = file.indexOf('/');
  return at === -1 ? '' : file.slice(0, at);
}

/** Each circle of what is left at run time once, as `a -> b -> a`, beginning with its first file by name. */
export function findCycles(edges: readonly ImportEdge[]): readonly string[] {
  const next = new Map<string, string[]>();
  for (const { from, to, typeOnly } of edges) {
    if (to !== null && !typeOnly) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const state = new Map<string, 'open' | 'done'>();
  const path: string[] = [];
  const cycles = new Set<string>();
  const visit = (file: string): void => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      cycles.add(describeCycle(path.slice(path.indexOf(file))));
      return;
    }
    state.set(file, 'open');
    path.push(file);
    for (const target of next.get(file) ?? []) visit(target);
    path.pop();
    state.set(file, 'done');
  };
  for (const file of [...next.keys()].toSorted()) visit(file);
  return [...cycles];
}

function describeCycle(files: readonly string[]): string {
  const first = files.toSorted()[0] ?? '';
  const at = files.indexOf(first);
  return [...files.slice(at), ...files.slice(0, at), first].join(' -> ');
}

/** Files in folders whose name says nothing. */
export function forbiddenFolders(files: readonly string[]): readonly string[] {
  const isVague = (file: string): boolean =>
    file
      .split('/')
      .slice(0, -1)
      .some((part) => vagueNames.has(part));
  return files.filter((file) => !file.startsWith('console/') && isVague(file));
}
