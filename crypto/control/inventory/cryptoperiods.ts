import { cryptoError } from '../../errors.ts';

/** Kinds of keys in the inventory. */
export type InventoryKind = 'tenant_key' | 'purpose_key' | 'person_key' | 'signing_key' | 'certificate_key';

/** Every kind, in the order of the pages. */
export const inventoryKinds: readonly InventoryKind[] = Object.freeze([
  'tenant_key',
  'purpose_key',
  'person_key',
  'signing_key',
  'certificate_key',
]);

/** Days for which a key may seal, wrap or sign, by kind. */
export type Cryptoperiods = Readonly<Record<InventoryKind, number>>;

/**
 * Two years of originator usage for symmetric keys, three for private signature keys.
 *
 * @see https://doi.org/10.6028/NIST.SP.800-57pt1r5 table 1; PCI DSS 4.0.1 3.7.4
 */
export const defaultCryptoperiods: Cryptoperiods = Object.freeze({
  tenant_key: 730,
  purpose_key: 730,
  person_key: 730,
  signing_key: 1_095,
  certificate_key: 1_095,
});

const item = /^(tenant_key|purpose_key|person_key|signing_key|certificate_key)=([1-9]\d{0,4})$/;

/** Reads `tenant_key=365,person_key=730`; kinds that are not named keep their default. @throws ERR_CRYPTO_INPUT */
export function parseCryptoperiods(text: string): Cryptoperiods {
  const periods = { ...defaultCryptoperiods };
  for (const part of text.split(',').filter((one) => one.trim() !== '')) {
    const match = item.exec(part.trim());
    if (match === null)
      throw cryptoError(
        'ERR_CRYPTO_INPUT',
        `"${part.trim().slice(0, 60)}" is no cryptoperiod; write KIND=DAYS, kinds are ${inventoryKinds.join(', ')}`,
      );
    periods[match[1] as InventoryKind] = Number(match[2]); // the pattern names the kinds
  }
  return periods;
}
