export { describeBackups } from './backup-horizon.ts';
export {
  certificateClaims,
  certificateKey,
  verifyCertificate,
  type CertificateClaims,
  type Verification,
} from './certificate.ts';
export type { Connector, Identifier } from './connectors/connector.ts';
export { createDsr, type CreateDsrDeps, type Dsr } from './dsr.ts';
export { type DsrErrorCode } from './errors.ts';
export { dsrEvents } from './events.ts';
export { holidayCalendar, type HolidayCalendar } from './holidays.ts';
export { lawIds, lawPack, requestTypes, type LawId, type LawPack, type RequestType } from './law-packs.ts';
export { computeDeadline, type ClockInput, type ClockResult, type Pause } from './legal-clock.ts';
export type { PlanDocument, PlanStep } from './plan-document.ts';
export type { DsrDeps, DsrOptions, Mailer, OutgoingMail } from './ports.ts';
export { requestStates, transitions, type RequestState, type Transition } from './state-machine.ts';
export type { Suppression, SuppressionEntry } from './suppression.ts';
export type { Worker } from './worker.ts';
