import { holidayCalendar } from './holidays.ts';
import { lawPack, type LawId } from './law-packs.ts';
import { computeDeadline, type ClockResult, type Pause } from './legal-clock.ts';
import type { StoredClock } from './request-row.ts';
import type { TenantInfo } from './tenant-settings.ts';

/** The deadline of a request of this tenant, and the form in which it is kept. */
export function deadlineFor(
  tenant: TenantInfo,
  input: {
    readonly law: LawId;
    readonly lawVersion?: number;
    readonly receivedAt: Date;
    readonly pauses: readonly Pause[];
    readonly extended?: boolean;
  },
): { readonly result: ClockResult; readonly stored: StoredClock } {
  const { settings } = tenant;
  const holidays = holidayCalendar(settings.country, settings.dsr.holidays);
  const result = computeDeadline({
    pack: lawPack(input.law, input.lawVersion),
    receivedAt: input.receivedAt,
    zone: settings.timeZone,
    holidays,
    pauses: input.pauses,
    extended: input.extended ?? false,
  });
  const stored: StoredClock = {
    explanation: result.explanation,
    citation: result.citation,
    targetAt: result.targetAt.toISOString(),
    zone: settings.timeZone,
    holidays: holidays.id,
    pauses: input.pauses.map((pause) => ({
      from: pause.from.toISOString(),
      to: pause.to.toISOString(),
      reason: pause.reason,
    })),
  };
  return { result, stored };
}
