import { Trans, useLingui } from '@lingui/react/macro';
import type { KeyHierarchy, LedgerEntry } from '../../api/types.ts';
import { relativeTime } from '../../ui/instant.tsx';
import { KeyField } from './key-field.tsx';
import { useKeyWords } from './key-words.ts';

const row = 52;
const boxHeight = 38;
const epochX = 200;
const epochWidth = 190;
const leafX = 480;

/** A curve from the right of one box to the left of another. */
function wire(fromX: number, fromY: number, toX: number, toY: number): string {
  const middle = (fromX + toX) / 2;
  return `M${fromX} ${fromY}C${middle} ${fromY} ${middle} ${toY} ${toX} ${toY}`;
}

/** Class of a box and its wire by the state of its epoch: in use, left, or gone with its provider's key. */
function lookOf(state: string): 'live' | 'left' | 'gone' {
  return state === 'active' || state === 'rewrapping' ? 'live' : state === 'destroyed' ? 'gone' : 'left';
}

/** Root, epochs, keys of people and of the tenant; severed wires end where a shred cut them. */
export function HierarchyPicture(props: { keys: KeyHierarchy; ledger: readonly LedgerEntry[] }) {
  const { t, i18n } = useLingui();
  const words = useKeyWords();
  const { keys } = props;
  const epochs = keys.epochs.toSorted((left, right) => right.epoch - left.epoch).slice(0, 5);
  const cuts = groupByRequest(props.ledger).slice(0, 3);
  const live = epochs.find((epoch) => epoch.state === 'active') ?? epochs[0];
  const fieldHeight = 118;
  const cutsY = fieldHeight + 34;
  const tenantY = cutsY + cuts.length * 34 + 8;
  const height = Math.max(tenantY + 30 + keys.tenantKeys.length * 22, epochs.length * row + 60, 240);
  const epochY = (index: number): number => height / 2 + (index - (epochs.length - 1) / 2) * row;
  const liveY = epochY(
    Math.max(
      0,
      epochs.findIndex((epoch) => epoch === live),
    ),
  );
  const label = t`${keys.subjects.active} keys of people are in use and ${keys.subjects.shredded} are destroyed, under ${keys.epochs.length} epochs of one root`;
  return (
    <figure className="gh-figure">
      <svg viewBox={`0 0 1080 ${height}`} role="img" aria-label={label}>
        {epochs.map((epoch, index) => (
          <path
            key={epoch.epoch}
            className={`gh-wire gh-wire-${lookOf(epoch.state)}`}
            d={wire(140, height / 2, epochX, epochY(index))}
          />
        ))}
        <path className="gh-wire gh-wire-live" d={wire(epochX + epochWidth, liveY, leafX, 62)} />
        {cuts.map((cut, index) => (
          <Cut
            key={cut.requestId ?? index}
            fromY={epochY(
              Math.max(
                0,
                epochs.findIndex(({ epoch }) => epoch === cut.epoch),
              ),
            )}
            y={cutsY + index * 34}
            keys={cut.count}
            when={relativeTime(new Date(cut.at), i18n.locale)}
          />
        ))}
        <path className="gh-wire" d={wire(epochX + epochWidth, liveY, leafX, tenantY + 10)} />
        <rect className="gh-box gh-box-live" x="10" y={height / 2 - 26} width="130" height="52" rx="6" />
        <text x="24" y={height / 2 - 4} className="gh-svg-strong">{t`Root key`}</text>
        <text x="24" y={height / 2 + 13} className="gh-svg-muted">
          {keys.provider}
        </text>
        {epochs.map((epoch, index) => (
          <g key={epoch.epoch}>
            <rect
              className={`gh-box gh-box-${lookOf(epoch.state)}`}
              x={epochX}
              y={epochY(index) - boxHeight / 2}
              width={epochWidth}
              height={boxHeight}
              rx="6"
            />
            <text
              x={epochX + 12}
              y={epochY(index) - 2}
              className="gh-svg-strong"
            >{t`Epoch ${epoch.epoch}`}</text>
            <text x={epochX + 12} y={epochY(index) + 13} className="gh-svg-muted">
              {t`${epoch.keys} keys`} · {words.epoch(epoch.state)}
            </text>
            {lookOf(epoch.state) === 'gone' ? <Severed x={162} y={epochY(index)} /> : null}
          </g>
        ))}
        <text x={leafX} y="14" className="gh-svg-strong">{t`Keys of people`}</text>
        <text x={leafX + 110} y="14" className="gh-svg-muted">
          {t`${keys.subjects.active} in use, ${keys.subjects.shredded} destroyed`}
        </text>
        <KeyField x={leafX} y={24} active={keys.subjects.active} shredded={keys.subjects.shredded} />
        <text x={leafX + 8} y={tenantY + 14} className="gh-svg-strong">{t`Keys of the tenant`}</text>
        {keys.tenantKeys.map((key, index) => (
          <text key={key.kid} x={leafX + 8} y={tenantY + 36 + index * 22}>
            {key.purpose}{' '}
            <tspan className="gh-svg-muted">{key.state === 'active' ? t`active` : t`superseded`}</tspan>
          </text>
        ))}
      </svg>
      <figcaption className="gh-small gh-muted">
        <Trans>
          Filled: in use. Hollow, crossed: destroyed. A dashed wire ends where a shred or a retirement cut it
          off. The same numbers stand in the tables below and in the ledger.
        </Trans>
      </figcaption>
    </figure>
  );
}

function Cut(props: { fromY: number; y: number; keys: number; when: string }) {
  const { t } = useLingui();
  const { y } = props;
  return (
    <g>
      <path className="gh-wire gh-wire-cut" d={wire(epochX + epochWidth, props.fromY, leafX - 34, y)} />
      <Severed x={leafX - 26} y={y} />
      <text x={leafX + 8} y={y + 4}>
        {t`${props.keys} cut off`} <tspan className="gh-svg-muted">{props.when}</tspan>
      </text>
    </g>
  );
}

/** The place where a wire was cut. */
function Severed(props: { x: number; y: number }) {
  return <path className="gh-severed" d={`M${props.x} ${props.y - 7}l10 14m0 -14l-10 14`} />;
}

type CutGroup = {
  readonly epoch: number;
  readonly requestId: string | null;
  readonly at: string;
  readonly count: number;
};

/** Ledger lines of one request, together; the newest first. */
function groupByRequest(ledger: readonly LedgerEntry[]): readonly CutGroup[] {
  const groups = new Map<string, CutGroup>();
  for (const entry of ledger) {
    const name = entry.requestId ?? entry.id;
    const known = groups.get(name);
    groups.set(name, {
      epoch: entry.epoch,
      requestId: entry.requestId,
      at: entry.shreddedAt,
      count: (known?.count ?? 0) + 1,
    });
  }
  return [...groups.values()].toSorted((left, right) => Date.parse(right.at) - Date.parse(left.at));
}
