import type { RequestType } from './law-packs.ts';

/** Every state of a request. */
export const requestStates = [
  'received',
  'verifying',
  'verified',
  'planned',
  'approved',
  'executing',
  'verifying_absence',
  'completed',
  'partially_completed',
  'refused',
  'withdrawn',
  'expired',
] as const;

/** Where a request stands. */
export type RequestState = (typeof requestStates)[number];

/** One allowed step. The same table stands in the database (`dsr.allowed_transition`), whose trigger refuses all others. */
export type Transition = {
  readonly from: RequestState;
  readonly to: RequestState;
  readonly types: readonly RequestType[];
};

const both: readonly RequestType[] = ['access', 'erasure'];
const erasure: readonly RequestType[] = ['erasure'];
const access: readonly RequestType[] = ['access'];

/** The whole machine. */
export const transitions: readonly Transition[] = Object.freeze([
  { from: 'received', to: 'verifying', types: both },
  { from: 'received', to: 'verified', types: both },
  { from: 'verifying', to: 'verified', types: both },
  { from: 'verified', to: 'planned', types: both },
  { from: 'planned', to: 'planned', types: both },
  { from: 'planned', to: 'approved', types: erasure },
  { from: 'planned', to: 'executing', types: access },
  { from: 'approved', to: 'executing', types: erasure },
  // The data drifted from what was approved: plan again.
  { from: 'approved', to: 'verified', types: erasure },
  { from: 'executing', to: 'verifying_absence', types: erasure },
  { from: 'executing', to: 'completed', types: access },
  { from: 'executing', to: 'partially_completed', types: both },
  { from: 'verifying_absence', to: 'executing', types: erasure },
  { from: 'verifying_absence', to: 'completed', types: erasure },
  { from: 'verifying_absence', to: 'partially_completed', types: erasure },
  // A person tries again after mending what stood in the way, or the deferred scan found something.
  { from: 'partially_completed', to: 'executing', types: both },
  { from: 'completed', to: 'executing', types: erasure },
  ...(['received', 'verifying', 'verified', 'planned', 'approved'] as const).flatMap((from): Transition[] => [
    { from, to: 'refused', types: both },
    { from, to: 'withdrawn', types: both },
  ]),
  { from: 'received', to: 'expired', types: both },
  { from: 'verifying', to: 'expired', types: both },
]);

/** Whether the machine has this step for this type. */
export function isAllowed(type: RequestType, from: RequestState, to: RequestState): boolean {
  return transitions.some((one) => one.from === from && one.to === to && one.types.includes(type));
}

/** Whether nothing more is owed to the person. */
export function isClosed(state: RequestState): boolean {
  return state === 'completed' || state === 'refused' || state === 'withdrawn' || state === 'expired';
}
