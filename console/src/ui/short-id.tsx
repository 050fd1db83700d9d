import { useLingui } from '@lingui/react/macro';
import { useState } from 'react';

/** Shortens an id or hash in the middle. */
export function shorten(value: string, keep = 6): string {
  return value.length <= Math.max(20, keep * 2 + 1) ? value : `${value.slice(0, keep)}…${value.slice(-keep)}`;
}

/** A monospaced id, shortened in the middle, whole on hover, copied by one click. */
export function ShortId(props: { value: string; keep?: number }) {
  const { t } = useLingui();
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(props.value).catch(() => undefined);
    setCopied(true);
    setTimeout(() => setCopied(false), 1200);
  };
  return (
    <button
      type="button"
      className="gh-id"
      title={props.value}
      onClick={(event) => {
        event.preventDefault();
        event.stopPropagation();
        void copy();
      }}
    >
      {copied ? t`copied` : shorten(props.value, props.keep)}
      <span className="gh-hidden"> {t`(copy)`}</span>
    </button>
  );
}
