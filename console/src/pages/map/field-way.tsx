import { useLingui } from '@lingui/react/macro';
import type { CollectionView } from '../../api/types.ts';
import { encryptionOf } from './field-table.tsx';

const lane = 24;
const top = 40;

/** Each field from intake to erasure: where it is encrypted, masked, and where its way ends. */
export function FieldWay(props: { collection: CollectionView }) {
  const { t } = useLingui();
  const fields = props.collection.fields.filter((field) => field.sensitivity !== 'none').slice(0, 16);
  const height = top + Math.max(1, fields.length) * lane + 8;
  const heads = [
    { x: 170, text: t`comes in` },
    { x: 340, text: t`encrypted` },
    { x: 560, text: t`at rest` },
    { x: 740, text: t`read through a mask` },
    { x: 960, text: t`on erasure` },
  ];
  if (fields.length === 0) return <p className="gh-muted">{t`No field of this collection is personal.`}</p>;
  return (
    <figure className="gh-figure">
      <svg
        viewBox={`0 0 1080 ${height}`}
        role="img"
        aria-label={t`The way of each personal field; the table below says the same in words`}
      >
        {heads.map((head) => (
          <g key={head.x}>
            <text x={head.x} y="16" textAnchor="middle" className="gh-svg-muted">
              {head.text}
            </text>
            <path className="gh-wire" d={`M${head.x} 24V${height}`} strokeDasharray="1 4" />
          </g>
        ))}
        {fields.map((field, index) => {
          const y = top + index * lane + 6;
          const rest = encryptionOf(field);
          const keep = field.erasure.action === 'keep' || props.collection.erasure.action === 'keep';
          return (
            <g key={field.name}>
              <text x="0" y={y + 4} className="gh-svg-mono">
                {field.name}
              </text>
              <path
                className={rest.kind === 'none' ? 'gh-wire' : 'gh-wire gh-wire-live'}
                d={`M170 ${y}H948`}
              />
              <circle cx="170" cy={y} r="4" fill="var(--gh-muted)" />
              {rest.kind === 'none' ? null : (
                <rect className="gh-key-live" x="333" y={y - 7} width="14" height="14" rx="3" />
              )}
              {rest.kind === 'none' ? null : (
                <text x="354" y={y - 4} className="gh-svg-muted">
                  {rest.kind === 'subject' ? t`person's key` : rest.purpose}
                </text>
              )}
              <rect
                className={rest.kind === 'none' ? 'gh-box' : 'gh-box gh-box-live'}
                x="550"
                y={y - 7}
                width="20"
                height="14"
                rx="2"
              />
              {field.mask === 'none' ? null : (
                <g>
                  <rect className="gh-box" x="726" y={y - 8} width="28" height="16" rx="3" />
                  <text x="740" y={y + 5} textAnchor="middle" className="gh-svg-mono">
                    •••
                  </text>
                </g>
              )}
              {keep ? (
                <path className="gh-wire" d={`M948 ${y}H972m-6 -4l6 4l-6 4`} />
              ) : (
                <path
                  d={`M955 ${y - 5}l10 10m0 -10l-10 10`}
                  stroke="var(--gh-bad)"
                  strokeWidth="1.7"
                  fill="none"
                />
              )}
              <text x="982" y={y + 4} className="gh-svg-muted">
                {keep ? t`kept` : field.erasure.action}
              </text>
            </g>
          );
        })}
      </svg>
    </figure>
  );
}
