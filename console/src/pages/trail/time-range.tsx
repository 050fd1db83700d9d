import { Trans, useLingui } from '@lingui/react/macro';
import { Button, NativeSelect, TextInput } from '@mantine/core';
import { instantOf, localOf, withField, type TrailFilter } from './trail-filter.ts';

const hours: Readonly<Record<string, number>> = { '1h': 1, '24h': 24, '7d': 168, '30d': 720, '90d': 2160 };

/** The range of time of the search; the address holds exact instants. */
export function TimeRange(props: { filter: TrailFilter; onApply: (next: TrailFilter) => void }) {
  const { t } = useLingui();
  const { filter, onApply } = props;
  const preset = (span: string): void => {
    const ago = hours[span];
    const { from: _from, to: _to, ...rest } = filter;
    onApply(
      ago === undefined ? rest : { ...rest, from: new Date(Date.now() - ago * 3_600_000).toISOString() },
    );
  };
  const field = (name: 'from' | 'to', label: string) => (
    <TextInput
      key={`${name}${filter[name] ?? ''}`}
      type="datetime-local"
      label={label}
      size="xs"
      defaultValue={localOf(filter[name])}
      onBlur={(event) => {
        const value = event.currentTarget.value;
        if (value !== localOf(filter[name])) onApply(withField(filter, name, instantOf(value)));
      }}
    />
  );
  const whole = filter.from === undefined && filter.to === undefined;
  return (
    <div className="gh-filters">
      <NativeSelect
        label={t`Time`}
        size="xs"
        value={whole ? '' : 'own'}
        onChange={(event) => preset(event.currentTarget.value)}
        data={[
          { value: '', label: t`any time` },
          { value: '1h', label: t`last hour` },
          { value: '24h', label: t`last 24 hours` },
          { value: '7d', label: t`last 7 days` },
          { value: '30d', label: t`last 30 days` },
          { value: '90d', label: t`last 90 days` },
          ...(whole ? [] : [{ value: 'own', label: t`as below` }]),
        ]}
      />
      {field('from', t`From`)}
      {field('to', t`Until`)}
      {whole ? null : (
        <Button size="xs" variant="default" onClick={() => preset('')} data-testid="any-time">
          <Trans>Any time</Trans>
        </Button>
      )}
    </div>
  );
}
