import { memo, useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { Trans } from '@lingui/react/macro';
import type { Column } from './data-table.tsx';

/** A column of a table whose rows are drawn only where somebody looks; its width is fixed. */
export type WindowedColumn<Row> = Column<Row> & { readonly width: string };

const rowHeight = 36;
const overscan = 14;
const loadAhead = 120;

/**
 * A table for very many rows: only those in sight are in the page, and the next ones are fetched before the end is
 * reached. Arrow keys, Page Up and Down, Home and End move from row to row; each row has one link that Enter follows.
 */
export function WindowedTable<Row extends object>(props: {
  label: string;
  columns: readonly WindowedColumn<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  hasMore?: boolean;
  loading?: boolean;
  onEnd?: () => void;
  testId?: string;
}) {
  const { rows, columns, rowKey, onEnd, hasMore, loading } = props;
  const region = useRef<HTMLDivElement>(null);
  const { first, visible, follow } = useWindow(region, rows.length);
  const last = Math.min(rows.length, first + visible + overscan);
  const start = Math.max(0, first - overscan);
  const nearEnd = last + loadAhead >= rows.length;
  useEffect(() => {
    if (nearEnd && hasMore === true && loading !== true) onEnd?.();
  }, [nearEnd, hasMore, loading, onEnd]);
  return (
    <div
      className="gh-windowed"
      role="region"
      aria-label={props.label}
      tabIndex={0}
      ref={region}
      onKeyDown={follow}
      data-testid={props.testId === undefined ? undefined : `${props.testId}-region`}
    >
      <table
        className="gh-table"
        data-testid={props.testId}
        aria-rowcount={hasMore === true ? -1 : rows.length + 1}
      >
        <caption className="gh-hidden">{props.label}</caption>
        <colgroup>
          {columns.map((column) => (
            <col key={column.id} style={{ width: column.width }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <th key={column.id} scope="col" className={column.align === 'end' ? 'gh-end' : undefined}>
                {column.header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer rows={start} columns={columns.length} />
          {rows.slice(start, last).map((row, at) => (
            <WindowedRow key={rowKey(row)} row={row} columns={columns} index={start + at} />
          ))}
          <Spacer rows={rows.length - last} columns={columns.length} />
        </tbody>
      </table>
      {loading === true ? (
        <p className="gh-windowed-more" role="status">
          <Trans>Loading more</Trans>
        </p>
      ) : null}
    </div>
  );
}

function Spacer(props: { rows: number; columns: number }) {
  if (props.rows <= 0) return null;
  return (
    <tr aria-hidden="true" className="gh-windowed-space">
      <td colSpan={props.columns} style={{ height: props.rows * rowHeight }} />
    </tr>
  );
}

const WindowedRow = memo(function WindowedRow<Row>(props: {
  row: Row;
  columns: readonly WindowedColumn<Row>[];
  index: number;
}) {
  return (
    <tr aria-rowindex={props.index + 2} data-index={props.index}>
      {props.columns.map((column) => (
        <td key={column.id} className={column.align === 'end' ? 'gh-end' : undefined}>
          {column.cell(props.row)}
        </td>
      ))}
    </tr>
  );
}) as <Row>(props: { row: Row; columns: readonly WindowedColumn<Row>[]; index: number }) => ReactNode; // memo forgets the type parameter

/** Which rows are in sight, and moving between them by keys. */
function useWindow(region: React.RefObject<HTMLDivElement | null>, count: number) {
  const [first, setFirst] = useState(0);
  const [visible, setVisible] = useState(24);
  useEffect(() => {
    const element = region.current;
    if (element === null) return;
    const look = (): void => setFirst(Math.floor(element.scrollTop / rowHeight));
    const measure = new ResizeObserver(() => setVisible(Math.ceil(element.clientHeight / rowHeight)));
    measure.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      measure.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, [region]);
  const follow = (event: KeyboardEvent<HTMLDivElement>): void => {
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: visible - 2,
      PageUp: 2 - visible,
      Home: -count,
      End: count,
    };
    const step = steps[event.key];
    const element = region.current;
    if (step === undefined || element === null || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const row = (event.target as HTMLElement).closest<HTMLElement>('tr[data-index]'); // keys come from elements
    const from = row === null ? (step > 0 ? first - 1 : first) : Number(row.dataset['index']);
    focusRow(element, Math.min(count - 1, Math.max(0, from + step)));
  };
  return { first, visible, follow };
}

function focusRow(element: HTMLElement, index: number): void {
  const top = index * rowHeight;
  const head = rowHeight; // the head sticks to the top
  if (top < element.scrollTop) element.scrollTop = top;
  const over = top + rowHeight + head - (element.scrollTop + element.clientHeight);
  if (over > 0) element.scrollTop += over;
  let tries = 0;
  const focus = (): void => {
    const link = element.querySelector<HTMLElement>(`tr[data-index="${index}"] a`);
    if (link !== null) link.focus({ preventScroll: true });
    else if (tries++ < 10) requestAnimationFrame(focus);
  };
  requestAnimationFrame(focus);
}
