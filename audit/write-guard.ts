import { auditError } from './errors.ts';

/** Lets the log be written, or does not: once a witness contradicted us, every further signature would be a fork. */
export type WriteGuard = {
  /** @throws ERR_AUDIT_ROLLED_BACK when writing was halted */
  readonly require: () => void;
  /** Why writing was halted; null while it goes on. */
  readonly halted: () => string | null;
  /** For the life of the process. */
  readonly halt: (reason: string) => void;
};

/** A guard that lets everything pass until it is told otherwise. */
export function createWriteGuard(): WriteGuard {
  let reason: string | null = null;
  return Object.freeze({
    halted: () => reason,
    halt: (why: string) => void (reason ??= why),
    require: () => {
      if (reason !== null)
        throw auditError('ERR_AUDIT_ROLLED_BACK', `the log is not written any more: ${reason}`);
    },
  });
}
