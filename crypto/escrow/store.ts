import { statement } from '../../db/index.ts';

/** $1 tenant, $2 limit */
export const readExportableKeys = statement(
  'crypto.read_exportable_keks',
  `select epoch, provider, state, wrapped, commitment, created_at from crypto.kek
   where tenant_id = $1 and state <> 'destroyed' order by epoch desc limit $2`,
);
