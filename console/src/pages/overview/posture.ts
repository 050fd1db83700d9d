import type { Posture } from '../../api/types.ts';
import type { Tone } from '../../ui/state-tag.tsx';

/** Tone of a control's state. */
export const postureTones: Readonly<Record<Posture['state'], Tone>> = {
  ok: 'good',
  attention: 'warn',
  failing: 'bad',
};
