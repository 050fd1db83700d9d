import { useLingui } from '@lingui/react/macro';
import type { ColumnMigration } from '../../api/types.ts';
import { ToneShape, type Tone } from '../../ui/state-tag.tsx';

const order: readonly ColumnMigration['state'][] = ['dual_write', 'backfilled', 'verified', 'cut_over'];

/** The steps of a migration as a rail: done, now, still to come. */
export function ColumnRail(props: { migration: ColumnMigration }) {
  const { t } = useLingui();
  const { state, dropApprovedAt } = props.migration;
  const names = [
    t`both columns are written`,
    t`older rows sealed`,
    t`compared, every row`,
    t`read from ciphertext`,
    t`drop approved`,
    t`plaintext dropped`,
  ];
  const reached = state === 'reverted' ? -1 : order.indexOf(state) + (dropApprovedAt === null ? 0 : 1);
  const tone = (index: number): Tone => (index <= reached ? 'good' : index === reached + 1 ? 'busy' : 'idle');
  const said = { good: t`done`, busy: t`next`, idle: t`later`, warn: '', bad: '' };
  return (
    <ol className="gh-rail" aria-label={t`Steps of the migration`}>
      {names.map((name, index) => (
        <li key={name} data-tone={tone(index)} aria-current={index === reached + 1 ? 'step' : undefined}>
          <ToneShape tone={tone(index)} />
          <span>
            {name}
            <span className="gh-hidden"> ({said[tone(index)]})</span>
          </span>
        </li>
      ))}
    </ol>
  );
}
