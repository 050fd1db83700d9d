import { statement } from '../db/index.ts';

/** $1 tenant */
export const readEpochs = statement(
  'crypto.read_epochs',
  `select k.epoch, k.state, k.created_at, count(d.kid) filter (where d.state <> 'shredded')::integer as keys
   from crypto.kek k left join crypto.dek d on d.tenant_id = k.tenant_id and d.epoch = k.epoch
   where k.tenant_id = $1 group by k.epoch, k.state, k.created_at order by k.epoch desc limit 1000`,
);

/** $1 tenant */
export const countSubjectKeys = statement(
  'crypto.count_subject_deks',
  `select count(*) filter (where state = 'active')::integer as active, count(*) filter (where state = 'shredded')::integer as shredded
   from crypto.dek where tenant_id = $1 and subject_id is not null`,
);

/** $1 tenant */
export const readPurposeKeys = statement(
  'crypto.read_purpose_deks',
  `select purpose, kid, created_at, state, messages from crypto.dek
   where tenant_id = $1 and purpose is not null order by purpose, created_at limit 1000`,
);
