import { compileFilter } from './match-filter.ts';
import type { Finding, Judge } from './finding.ts';
import type { Place, Places } from './places.ts';
import { remember, type Remembered } from './rule-state.ts';
import { windowMilliseconds, type RuleOf } from './rule.ts';

/** Sign-ins of one person that are compared. */
const signInsPerPerson = 8;
const earthKilometres = 6_371;

/**
 * Two sign-ins of a person from places too far apart for the time between them; where a place is not known: a network
 * that is new for the person, soon after another one. What is remembered is the commitment of the origin, not the
 * address, so that an erased person is forgotten here as well.
 */
export function judgeTravel(rule: RuleOf<'impossible_travel'>, places: Places): Judge {
  const keeping = { windowMilliseconds: windowMilliseconds(rule), perKey: signInsPerPerson };
  const matches = compileFilter(rule.filter);
  return {
    wants: (event) => event.body.commitments?.origin !== undefined && matches(event),
    placesNeeded: (state, { body }) => [
      body.commitments?.origin ?? '',
      ...(state.keys.get(body.actor.id) ?? []).map(([, , commitment]) => String(commitment)),
    ],
    judge: (state, { at, seq, body }) => {
      const mine: Remembered = [at, seq, body.commitments?.origin ?? ''];
      const { forgotten } = state.counts;
      const list = remember(state, body.actor.id, mine, keeping);
      state.counts.forgotten = forgotten; // eight are meant to be all
      const own = list.indexOf(mine);
      for (const other of [list[own - 1], list[own + 1]]) {
        const finding = other === undefined ? null : compare(rule, places, mine, other, list);
        if (finding !== null) return [{ key: body.actor.id, ...finding }];
      }
      return [];
    },
  };
}

function compare(
  rule: RuleOf<'impossible_travel'>,
  places: Places,
  mine: Remembered,
  other: Remembered,
  all: readonly Remembered[],
): Omit<Finding, 'key'> | null {
  const [here, there] = [places.known(String(mine[2])), places.known(String(other[2]))];
  if (here === null || there === null || here.network === there.network) return null;
  const milliseconds = Math.abs(mine[0] - other[0]);
  const [earlier, later] = mine[0] < other[0] ? [mine, other] : [other, mine];
  const base = { at: later[0], seqs: [earlier[1], later[1]] };
  if (here.point !== null && there.point !== null) {
    const kilometres = distanceKilometres(here.point, there.point);
    const reachable = rule.kilometresPerHour * (milliseconds / 3_600_000);
    if (kilometres < rule.leastKilometres || kilometres <= reachable) return null;
    return { ...base, note: `${Math.round(kilometres)} km in ${Math.round(milliseconds / 1_000)} s` };
  }
  if (milliseconds > rule.newNetworkSeconds * 1_000) return null;
  const seenBefore = all.some(
    (one) => one !== mine && places.known(String(one[2]))?.network === here.network,
  );
  return seenBefore
    ? null
    : { ...base, note: `a new network after ${Math.round(milliseconds / 1_000)} s, place unknown` };
}

/** Great circle, haversine; good to half a percent. */
export function distanceKilometres(
  from: NonNullable<Place['point']>,
  to: NonNullable<Place['point']>,
): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const [a, b] = [radians(from.latitude), radians(to.latitude)];
  const half = (angle: number): number => Math.sin(angle / 2) ** 2;
  const h = half(b - a) + Math.cos(a) * Math.cos(b) * half(radians(to.longitude - from.longitude));
  return 2 * earthKilometres * Math.asin(Math.min(1, Math.sqrt(h)));
}
