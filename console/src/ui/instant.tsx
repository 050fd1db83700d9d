import { useLingui } from '@lingui/react/macro';

const steps: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
];

/** "3 days ago" or "in 2 hours". */
export function relativeTime(at: Date, locale: string, now: Date = new Date()): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  const [unit, size] = steps.find(([, length]) => Math.abs(seconds) >= length) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.round(seconds / size), unit);
}

/** The exact instant in UTC, to the second. */
export function exactUtc(at: Date): string {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** A time: relative by default, the exact UTC instant on hover; `exact` shows both. */
export function Instant(props: { at: string | null | undefined; exact?: boolean }) {
  const { i18n } = useLingui();
  if (props.at === null || props.at === undefined) return <span className="gh-muted">—</span>;
  const at = new Date(props.at);
  if (Number.isNaN(at.getTime())) return <span>{props.at}</span>;
  const relative = relativeTime(at, i18n.locale);
  return (
    <time dateTime={at.toISOString()} title={exactUtc(at)} className="gh-instant">
      {props.exact === true ? `${exactUtc(at)} · ${relative}` : relative}
    </time>
  );
}

/** A date in words, for people who are not at work. */
export function LongDate(props: { at: string | null }) {
  const { i18n } = useLingui();
  if (props.at === null) return <span>—</span>;
  const at = new Date(props.at);
  return (
    <time dateTime={at.toISOString()} title={exactUtc(at)}>
      {new Intl.DateTimeFormat(i18n.locale, { dateStyle: 'long' }).format(at)}
    </time>
  );
}
