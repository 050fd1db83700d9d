import { Plural, Trans } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import { StateTag } from '../../ui/state-tag.tsx';
import { inventoryKinds, useInventoryWords } from './inventory-words.ts';

/** Which kinds have keys beyond their cryptoperiod, and what to do about it. */
export function InventoryFindings(props: { overdue: Readonly<Record<string, number>> }) {
  const words = useInventoryWords();
  const findings = inventoryKinds.filter((kind) => (props.overdue[kind] ?? 0) > 0);
  if (findings.length === 0) {
    return (
      <StateTag tone="good">
        <Trans>No key seals, wraps or signs beyond its cryptoperiod</Trans>
      </StateTag>
    );
  }
  return (
    <ul className="gh-findings">
      {findings.map((kind) => (
        <li key={kind} data-testid={`overdue-${kind}`}>
          <StateTag tone="bad">
            {words.kind(kind)}: <Plural value={props.overdue[kind] ?? 0} one="# overdue" other="# overdue" />
          </StateTag>
          <Link to="/keys/inventory" search={{ kind, overdue: 'true' }}>
            <Trans>show them</Trans>
          </Link>
          {kind === 'signing_key' || kind === 'certificate_key' ? null : (
            <Link to="/keys/rotation">
              <Trans>rotate</Trans>
            </Link>
          )}
        </li>
      ))}
    </ul>
  );
}
