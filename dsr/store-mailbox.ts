import { statement } from '../db/index.ts';

/** Whether a code was ever mailed for the request; a mailbox that got none is left in peace afterwards too. */
export const selectCodeWasMailed = statement(
  'dsr.select_code_was_mailed',
  `select 1 as mailed from dsr.verification where request_id = $1`,
);
