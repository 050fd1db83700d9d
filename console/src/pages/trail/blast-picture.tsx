import { Trans, useLingui } from '@lingui/react/macro';
import type { BlastRadius } from '../../api/types.ts';
import { shorten } from '../../ui/short-id.tsx';

const width = 960;
const height = 300;
const mostDrawn = 60;

/** The credential in the middle, people on the inner ring, records on the outer one; the tables below name them all. */
export function BlastPicture(props: {
  radius: BlastRadius;
  subjects: BlastRadius['subjects'];
  records: BlastRadius['records'];
  label: string;
}) {
  const { t } = useLingui();
  const people = props.subjects.slice(0, mostDrawn);
  const records = props.records.slice(0, mostDrawn);
  return (
    <figure className="gh-figure">
      <svg
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={t`${props.radius.subjectCount} people and ${props.radius.recordCount} records around the credential; the tables below name them`}
      >
        <ellipse className="gh-wire" cx={width / 2} cy={height / 2} rx="210" ry="72" />
        <ellipse className="gh-wire" cx={width / 2} cy={height / 2} rx="400" ry="132" />
        <Ring items={people} rx={210} ry={72} name="person" />
        <Ring items={records} rx={400} ry={132} name="record" />
        <rect
          className="gh-box gh-box-live"
          x={width / 2 - 74}
          y={height / 2 - 17}
          width="148"
          height="34"
          rx="6"
        />
        <text className="gh-svg-mono" textAnchor="middle" x={width / 2} y={height / 2 + 4}>
          {shorten(props.label, 7)}
        </text>
      </svg>
      <figcaption className="gh-small gh-muted">
        <Trans>
          Inner ring: people (circles). Outer ring: records (squares). The larger, the more events; at most{' '}
          {mostDrawn} of each are drawn.
        </Trans>
      </figcaption>
    </figure>
  );
}

function Ring(props: { items: BlastRadius['subjects']; rx: number; ry: number; name: 'person' | 'record' }) {
  const most = Math.max(1, ...props.items.map(({ events }) => events));
  return (
    <g>
      {props.items.map((item, index) => {
        const angle = (index / props.items.length) * 2 * Math.PI - Math.PI / 2;
        const x = width / 2 + props.rx * Math.cos(angle);
        const y = height / 2 + props.ry * Math.sin(angle);
        const size = 4 + 7 * Math.sqrt(item.events / most);
        const title = <title>{`${item.id}: ${item.events}`}</title>;
        return props.name === 'person' ? (
          <circle key={item.id} className="gh-blast-person" cx={x} cy={y} r={size}>
            {title}
          </circle>
        ) : (
          <rect
            key={item.id}
            className="gh-blast-record"
            x={x - size}
            y={y - size}
            width={size * 2}
            height={size * 2}
            rx="2"
          >
            {title}
          </rect>
        );
      })}
    </g>
  );
}
