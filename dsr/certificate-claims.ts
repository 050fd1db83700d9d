import type { Horizon } from '../crypto/index.ts';
import { backupClaims } from './backup-horizon.ts';
import { addDays, localDate } from './calendar.ts';
import type { CertificateClaims } from './certificate.ts';
import type { AbsenceResult } from './connectors/connector.ts';
import { lawPack } from './law-packs.ts';
import type { PlanDocument } from './plan-document.ts';
import type { RequestRow } from './request-row.ts';
import type { Turn } from './turn.ts';

/** What was planned, done and looked through. */
export type Evidence = {
  readonly plan: PlanDocument;
  readonly counts: Readonly<Record<string, number>>;
  readonly scan: AbsenceResult | undefined;
  /** Until when backups open what the destroyed keys sealed. */
  readonly keys: Horizon;
};

/** The claims that do not come from the log. */
export function describeOutcome(
  { deps, tenant }: Turn,
  row: RequestRow,
  { plan, counts, scan, keys }: Evidence,
): Omit<CertificateClaims, 'jti' | 'iat' | 'log' | 'receipts' | 'follows'> {
  const pack = lawPack(row.law, row.law_version);
  const completed = row.closed_at ?? deps.clock.now();
  const { timeZone } = tenant.settings;
  return {
    format: 'gatehouse-erasure-certificate/1',
    iss: deps.publicUrl,
    requestId: row.id,
    subjectHash: row.identity_hash?.toString('hex') ?? null,
    law: { id: pack.id, version: pack.version, right: pack.rights.erasure },
    receivedAt: row.received_at.toISOString(),
    completedAt: completed.toISOString(),
    planHash: row.plan_hash ?? '',
    receiptsRoot: row.receipts_root ?? '',
    erased: plan.steps
      .filter((step) => step.action !== 'keep')
      .map((step) => ({
        collection: step.collection,
        action: step.action,
        rows: counts[step.collection] ?? 0,
      })),
    exemptions: plan.steps.flatMap((step) => {
      const { exemption } = step;
      return exemption === null || step.rows === 0
        ? []
        : [
            {
              collection: step.collection,
              code: exemption.code,
              citation: exemption.citation,
              until: exemption.until,
              rows: step.rows,
            },
          ];
    }),
    absence: {
      scope: scan?.scope ?? 'indexed',
      fullScan: row.full_scan === 'done' ? 'done' : 'deferred',
      tables: scan?.tables ?? 0,
      columns: scan?.columns ?? 0,
      findingsUnderExemption: scan?.findings.length ?? 0,
      sharedIdentifiers: plan.identity.sharedIdentifiers,
    },
    backups: backupClaims(keys, {
      retained: addDays(localDate(completed, timeZone), tenant.settings.dsr.backupRetentionDays),
      timeZone,
      citation: pack.backups,
    }),
  };
}
