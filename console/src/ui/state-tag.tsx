import type { ReactNode } from 'react';

/** What a state means; each has its own shape, so that colour is never the only sign. */
export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'idle';

const shapes: Record<Tone, ReactNode> = {
  good: <path d="M2.5 6.5 5 9l4.5-5.5" fill="none" stroke="currentColor" strokeWidth="1.8" />,
  warn: <path d="M6 1.5 11 10.5H1z" fill="currentColor" />,
  bad: <path d="M6 .8 11.2 6 6 11.2.8 6z" fill="currentColor" />,
  busy: (
    <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="1.8" strokeDasharray="8 4" />
  ),
  idle: <circle cx="6" cy="6" r="4" fill="none" stroke="currentColor" strokeWidth="1.5" />,
};

/** The shape alone, for drawings. */
export function ToneShape(props: { tone: Tone }) {
  return (
    <svg className="gh-shape" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      {shapes[props.tone]}
    </svg>
  );
}

/** A state: shape, word and colour together. */
export function StateTag(props: { tone: Tone; children: ReactNode; testId?: string }) {
  return (
    <span className={`gh-tag gh-tag-${props.tone}`} data-testid={props.testId}>
      <ToneShape tone={props.tone} />
      {props.children}
    </span>
  );
}
