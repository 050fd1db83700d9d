/** How far something is, as a bar; the numbers stand beside it. */
export function ProgressBar(props: { done: number; total: number; label: string; running?: boolean }) {
  const { done, total } = props;
  const share = total === 0 ? 100 : Math.min(100, Math.floor((done / total) * 100));
  return (
    <svg
      className={props.running === true ? 'gh-progress gh-ink-busy' : 'gh-progress gh-ink-idle'}
      role="progressbar"
      aria-label={props.label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share}
      preserveAspectRatio="none"
      viewBox="0 0 100 6"
    >
      <rect width={share} height="6" fill="currentColor" />
    </svg>
  );
}
