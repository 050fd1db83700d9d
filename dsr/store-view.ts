import { statement } from '../db/index.ts';

/** Everything that stands around a request, in one statement. $1 request $2 plan hash */
export const selectAround = statement(
  'dsr.select_around',
  `select
     (select coalesce(json_agg(json_build_object('state', t.state, 'at', t.at, 'actor', t.actor, 'actorId', t.actor_id, 'note', t.note,
         'auditSeq', (select e.seq from audit.entry e where e.idempotency_key =
           case when t.version = 1 then 'dsr.received:' || t.request_id else 'dsr.state:' || t.request_id || ':' || t.version end))
         order by t.version), '[]')
       from (select * from dsr.timeline where request_id = $1::uuid order by version limit 1000) t) as timeline,
     (select coalesce(json_agg(json_build_object('by', a.approved_by, 'at', a.approved_at, 'planHash', a.plan_hash) order by a.approved_at), '[]')
       from (select * from dsr.approval where request_id = $1::uuid order by approved_at limit 100) a) as approvals,
     (select coalesce(json_agg(json_build_object('system', k.system, 'action', k.action, 'state', k.state, 'counts', k.counts,
         'error', k.error, 'attempts', k.attempts, 'startedAt', k.started_at, 'endedAt', k.ended_at) order by k.system, k.action), '[]')
       from (select * from dsr.task where request_id = $1::uuid and plan_hash = $2::text limit 1000) k) as tasks,
     (select json_build_object('hash', p.hash, 'createdAt', p.created_at, 'createdBy', p.created_by, 'document', p.document)
       from dsr.plan p where p.request_id = $1::uuid and p.hash = $2::text) as plan,
     (select json_build_object('at', b.at, 'clean', b.clean, 'scope', b.scope, 'result', b.result)
       from dsr.absence b where b.request_id = $1::uuid order by b.run desc limit 1) as absence,
     (select json_build_object('id', c.id, 'kind', c.kind, 'issuedAt', c.issued_at, 'supersededAt', m.marked_at, 'jws', c.jws)
       from dsr.certificate c left join dsr.certificate_mark m on m.certificate_id = c.id
       where c.request_id = $1::uuid order by c.version desc, c.kind desc limit 1) as certificate,
     (select json_build_object('expiresAt', g.expires_at, 'downloadedAt', g.downloaded_at)
       from dsr.package g where g.request_id = $1::uuid) as package`,
);
