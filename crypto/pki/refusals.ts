import type { TenantId } from '../../kernel/index.ts';
import { mutualTlsRefused } from './events.ts';
import type { Refusal } from './mutual-tls-judge.ts';
import { system, type PkiDeps } from './parts.ts';

/** Records refused connections. */
export type Refusals = {
  readonly onRefused: (tenantId: TenantId) => (refusal: Refusal) => void;
  /** Resolves when what was told is recorded. */
  readonly settled: () => Promise<void>;
};

const silenceMilliseconds = 60_000;
const maxRemembered = 10_000;

/** Logs each refusal; records each cause once a minute per tenant and serial, so that nobody floods the trail from outside. */
export function createRefusals(deps: Pick<PkiDeps, 'audit' | 'clock' | 'logger'>): Refusals {
  const recorded = new Map<string, number>();
  const running = new Set<Promise<void>>();
  const isNew = (name: string): boolean => {
    const now = deps.clock.now().getTime();
    const last = recorded.get(name);
    if (last !== undefined && now - last < silenceMilliseconds) return false;
    if (recorded.size >= maxRemembered) recorded.clear();
    recorded.set(name, now);
    return true;
  };
  const record = async (tenantId: TenantId, refusal: Refusal): Promise<void> => {
    const { side, cause, serial, protocol } = refusal;
    try {
      await deps.audit().record({
        definition: mutualTlsRefused,
        tenantId,
        outcome: 'denied',
        reason: cause,
        actor: system,
        targets: serial === null ? [] : [{ type: 'crypto.certificate_serial', id: serial }],
        detail: { side, cause: cause.slice(0, 60), serial: serial?.slice(0, 40) ?? null, protocol },
      });
    } catch (error) {
      deps.logger.error('a refused connection could not be recorded', { error, tenantId, cause });
    }
  };
  return Object.freeze({
    onRefused: (tenantId: TenantId) => (refusal: Refusal) => {
      deps.logger.warn('a connection over mutual TLS was refused', { tenantId, ...refusal });
      // A serial that an authority of ours did not sign is the caller's to invent: it makes no new line.
      const who = refusal.isOurs ? (refusal.serial ?? '') : 'stranger';
      if (!isNew(`${tenantId}/${refusal.side}/${refusal.cause}/${who}`)) return;
      const work = record(tenantId, refusal).finally(() => running.delete(work));
      running.add(work);
    },
    settled: async () => void (await Promise.all(running)),
  });
}
