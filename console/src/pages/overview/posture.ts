import type { Tone } from '../../ui/state-tag.tsx';

/** One control as `GET /v1/overview` gives it. */
export type Posture = {
  readonly id: string;
  readonly guard: string;
  readonly title: string;
  readonly state: 'ok' | 'attention' | 'failing';
  readonly value: string;
  readonly detail: string;
};

/** The answer of `GET /v1/overview`. */
export type Overview = { readonly posture: readonly Posture[] };

/** Tone of a control's state. */
export const postureTones: Readonly<Record<Posture['state'], Tone>> = {
  ok: 'good',
  attention: 'warn',
  failing: 'bad',
};
