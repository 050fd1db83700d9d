const columns = 40;
const rows = 6;
const step = 14.5;

/** A field of at most 240 marks, each one key or a stated number of keys; the destroyed ones are hollow and crossed. */
export function KeyField(props: { x: number; y: number; active: number; shredded: number }) {
  const { active, shredded } = props;
  const total = active + shredded;
  const perMark = Math.max(1, Math.ceil(total / (columns * rows)));
  // A destroyed key is never rounded away.
  const hollow = shredded === 0 ? 0 : Math.max(1, Math.round(shredded / perMark));
  const filled = Math.ceil(active / perMark);
  return (
    <g>
      {Array.from({ length: Math.min(columns * rows, filled + hollow) }, (_, index) => {
        const x = props.x + (index % columns) * step;
        const y = props.y + Math.floor(index / columns) * step;
        return index < filled ? (
          <rect key={index} className="gh-key-live" x={x} y={y} width="10" height="10" rx="2" />
        ) : (
          <g key={index}>
            <rect className="gh-key-cut" x={x + 0.5} y={y + 0.5} width="9" height="9" rx="2" />
            <path className="gh-key-cut" d={`M${x + 2.5} ${y + 2.5}l5 5m0 -5l-5 5`} />
          </g>
        );
      })}
      {perMark > 1 ? (
        <text x={props.x} y={props.y + rows * step + 12} className="gh-svg-muted">
          1 ▪ = {perMark}
        </text>
      ) : null}
    </g>
  );
}
