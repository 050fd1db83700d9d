import { useLingui } from '@lingui/react/macro';
import { TextInput } from '@mantine/core';

/** Why somebody does this; it stands in the trail. */
export function ReasonField(props: { value: string; onChange: (value: string) => void }) {
  const { t } = useLingui();
  return (
    <TextInput
      label={t`Reason`}
      description={t`Stands in the trail.`}
      required
      maxLength={500}
      value={props.value}
      onChange={(event) => props.onChange(event.currentTarget.value)}
      data-testid="reason"
    />
  );
}
