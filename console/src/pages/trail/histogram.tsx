import { Trans, useLingui } from '@lingui/react/macro';
import { useState, type KeyboardEvent, type PointerEvent } from 'react';
import { DataTable, type Column } from '../../ui/data-table.tsx';
import { exactUtc, Instant } from '../../ui/instant.tsx';
import { Empty } from '../../ui/loaded.tsx';
import type { Bucket } from './read-buckets.ts';

const height = 92;
const width = 1000;

type Brush = readonly [start: number, end: number];

/**
 * Events over time. Dragging over bars narrows the search; so do the arrow keys (with Shift for a range) and Enter. The
 * same numbers stand in the table below.
 */
export function Histogram(props: {
  buckets: readonly Bucket[];
  onRange: (from: string, to: string) => void;
}) {
  const { t } = useLingui();
  const { buckets } = props;
  const [brush, setBrush] = useState<Brush | null>(null);
  const [dragging, setDragging] = useState(false);
  if (buckets.length === 0) return <Empty title={<Trans>Nothing to draw in this range</Trans>} />;
  const most = Math.max(1, ...buckets.map((bucket) => bucket.count));
  const step = width / buckets.length;
  const indexAt = (event: PointerEvent<SVGSVGElement>): number => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = (event.clientX - box.left) / Math.max(1, box.width);
    return clamp(Math.floor(share * buckets.length), buckets.length);
  };
  const apply = (): void => {
    setDragging(false);
    if (brush === null) return;
    const first = buckets[Math.min(...brush)];
    const last = buckets[Math.max(...brush)];
    setBrush(null);
    if (first !== undefined && last !== undefined) props.onRange(first.from, last.to);
  };
  const onKey = (event: KeyboardEvent): void => {
    const moved = movedBrush(event, brush, buckets.length);
    if (event.key === 'Enter') apply();
    else if (event.key === 'Escape') setBrush(null);
    else if (moved !== null) setBrush(moved);
    else return;
    event.preventDefault();
  };
  const first = buckets[0]?.from ?? '';
  const last = buckets.at(-1)?.to ?? '';
  return (
    <figure className="gh-figure">
      <svg
        className="gh-bars"
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        height={height}
        role="slider"
        tabIndex={0}
        aria-label={t`Range of time: arrows move, Shift and arrows widen, Enter narrows the search`}
        aria-valuemin={0}
        aria-valuemax={buckets.length - 1}
        aria-valuenow={brush?.[1] ?? buckets.length - 1}
        aria-valuetext={brush === null ? t`nothing chosen` : rangeText(buckets, brush)}
        onKeyDown={onKey}
        onBlur={() => setBrush(null)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDragging(true);
          setBrush([indexAt(event), indexAt(event)]);
        }}
        onPointerMove={(event) => dragging && brush !== null && setBrush([brush[0], indexAt(event)])}
        onPointerUp={apply}
        onPointerCancel={() => setDragging(false)}
        data-testid="brush"
      >
        {buckets.map((bucket, index) => (
          <Bar key={bucket.from} bucket={bucket} x={index * step} step={step} most={most} />
        ))}
        {brush === null ? null : (
          <rect
            className="gh-brush"
            x={Math.min(...brush) * step}
            width={(Math.abs(brush[1] - brush[0]) + 1) * step}
            height={height}
          />
        )}
      </svg>
      <figcaption className="gh-small gh-muted gh-row">
        <span>{exactUtc(new Date(first))}</span>
        <span data-testid="brush-text">
          {brush === null ? (
            <Trans>highest bar: {most}; refused or failed in red at the foot; drag to narrow</Trans>
          ) : (
            rangeText(buckets, brush)
          )}
        </span>
        <span>{exactUtc(new Date(last))}</span>
      </figcaption>
      <HistogramTable buckets={buckets} />
    </figure>
  );
}

const clamp = (index: number, length: number): number => Math.min(length - 1, Math.max(0, index));

function movedBrush(event: KeyboardEvent, brush: Brush | null, length: number): Brush | null {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowDown: -1,
    ArrowRight: 1,
    ArrowUp: 1,
    PageDown: -10,
    PageUp: 10,
    Home: -length,
    End: length,
  };
  const step = steps[event.key];
  if (step === undefined) return null;
  if (brush === null) return [length - 1, length - 1];
  const end = clamp(brush[1] + step, length);
  return event.shiftKey ? [brush[0], end] : [end, end];
}

function rangeText(buckets: readonly Bucket[], brush: Brush): string {
  const chosen = buckets.slice(Math.min(...brush), Math.max(...brush) + 1);
  const count = chosen.reduce((sum, bucket) => sum + bucket.count, 0);
  const [first] = chosen;
  const last = chosen.at(-1);
  if (first === undefined || last === undefined) return '';
  return `${exactUtc(new Date(first.from))} – ${exactUtc(new Date(last.to))}: ${count}`;
}

function Bar(props: { bucket: Bucket; x: number; step: number; most: number }) {
  const { bucket, x, step, most } = props;
  const scale = (count: number): number => (count === 0 ? 0 : Math.max(2, (count / most) * (height - 4)));
  const barWidth = Math.max(1, Math.min(48, step - Math.min(3, step * 0.18)));
  return (
    <g>
      <title>{`${exactUtc(new Date(bucket.from))}: ${bucket.count}`}</title>
      <rect x={x} width={step} height={height} fill="transparent" />
      <rect
        className="gh-bar"
        x={x}
        y={height - scale(bucket.count)}
        width={barWidth}
        height={scale(bucket.count)}
      />
      <rect
        className="gh-bar-bad"
        x={x}
        y={height - scale(bucket.refused)}
        width={barWidth}
        height={scale(bucket.refused)}
      />
    </g>
  );
}

function HistogramTable(props: { buckets: readonly Bucket[] }) {
  const { t } = useLingui();
  const columns: readonly Column<Bucket>[] = [
    { id: 'from', header: <Trans>From</Trans>, cell: (row) => <Instant at={row.from} exact /> },
    { id: 'count', header: <Trans>Events</Trans>, cell: (row) => row.count, align: 'end' },
    { id: 'refused', header: <Trans>Refused or failed</Trans>, cell: (row) => row.refused, align: 'end' },
  ];
  return (
    <details>
      <summary>
        <Trans>The same as a table</Trans>
      </summary>
      <DataTable
        label={t`Events over time`}
        columns={columns}
        rows={props.buckets.filter((bucket) => bucket.count > 0)}
        rowKey={(row) => row.from}
      />
    </details>
  );
}
