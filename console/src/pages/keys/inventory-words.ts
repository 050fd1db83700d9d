import { useLingui } from '@lingui/react/macro';
import type { InventoryKey } from '../../api/types.ts';

/** Kinds of keys in the inventory's order. */
export const inventoryKinds: readonly InventoryKey['kind'][] = [
  'tenant_key',
  'purpose_key',
  'person_key',
  'signing_key',
  'certificate_key',
];

/** States that a key may have. */
export const inventoryStates = ['active', 'rewrapping', 'superseded', 'scheduled', 'destroyed'] as const;

/** Words of the inventory. */
export function useInventoryWords() {
  const { t } = useLingui();
  const kinds: Record<InventoryKey['kind'], string> = {
    tenant_key: t`tenant key (epoch)`,
    purpose_key: t`key of a purpose`,
    person_key: t`key of a person`,
    signing_key: t`signing key`,
    certificate_key: t`key of a certificate`,
  };
  const states: Record<string, string> = {
    active: t`active`,
    rewrapping: t`keys move to the next`,
    superseded: t`superseded`,
    scheduled: t`destruction scheduled`,
    destroyed: t`destroyed`,
  };
  return {
    kind: (kind: string) => kinds[kind as InventoryKey['kind']] ?? kind, // an unknown one is shown as it is
    state: (state: string) => states[state] ?? state,
  };
}
