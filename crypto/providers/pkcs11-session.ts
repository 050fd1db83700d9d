import type { PKCS11 } from 'pkcs11js';
import { Pkcs11Problem } from './pkcs11-errors.ts';
import type { Pkcs11Settings } from './pkcs11-messages.ts';

/** The package's module. */
export type Pkcs11Module = typeof import('pkcs11js');
/** An open session of the user, and what speaks through it. */
export type TokenSession = {
  readonly native: Pkcs11Module;
  readonly pkcs11: PKCS11;
  readonly handle: Buffer;
};

/** The one session of this thread, opened when it is needed. */
export type SessionHolder = {
  readonly use: <T>(work: (session: TokenSession) => T) => T;
};

/**
 * Loads the token maker's library. C_Initialize is for the whole process: another thread may have called it, and none
 * ever calls C_Finalize, which would end the work of all others.
 */
export async function createSessionHolder(settings: Pkcs11Settings): Promise<SessionHolder> {
  const native = await loadNative();
  const pkcs11 = loadLibrary(native, settings.library);
  let handle: Buffer | null = null;
  const drop = (): void => {
    if (handle === null) return;
    try {
      pkcs11.C_CloseSession(handle);
    } catch {
      // it is gone already
    }
    handle = null;
  };
  return {
    use: (work) => {
      try {
        handle ??= openSession(native, pkcs11, settings);
        return work({ native, pkcs11, handle });
      } catch (error) {
        drop(); // an operation may still be active in it
        throw error;
      }
    },
  };
}

async function loadNative(): Promise<Pkcs11Module> {
  try {
    const module = await import('pkcs11js');
    return module.default as unknown as Pkcs11Module; // CommonJS: its exports are the default
  } catch (cause) {
    const said = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : '';
    throw new Pkcs11Problem(
      'missing',
      `the native part of pkcs11js is not installed (${said.slice(0, 200)}); install a C++ compiler, make and Python, then run "npm rebuild pkcs11js"`,
    );
  }
}

function loadLibrary(native: Pkcs11Module, library: string): PKCS11 {
  const pkcs11 = new native.PKCS11();
  try {
    pkcs11.load(library);
  } catch {
    throw new Pkcs11Problem('missing', `the PKCS#11 library "${library}" cannot be loaded; check its path`);
  }
  initialise(native, pkcs11);
  return pkcs11;
}

function initialise(native: Pkcs11Module, pkcs11: PKCS11): void {
  try {
    pkcs11.C_Initialize({ flags: native.CKF_OS_LOCKING_OK });
  } catch (error) {
    if (!isAnswer(error, 'CKR_CRYPTOKI_ALREADY_INITIALIZED')) throw error;
  }
}

function openSession(native: Pkcs11Module, pkcs11: PKCS11, { token, pin }: Pkcs11Settings): Buffer {
  const handle = pkcs11.C_OpenSession(
    findSlot(pkcs11, token),
    native.CKF_SERIAL_SESSION | native.CKF_RW_SESSION,
  );
  try {
    pkcs11.C_Login(handle, native.CKU_USER, pin);
  } catch (error) {
    // Login is for all sessions of the process.
    if (!isAnswer(error, 'CKR_USER_ALREADY_LOGGED_IN')) {
      pkcs11.C_CloseSession(handle);
      throw error;
    }
  }
  return handle;
}

function findSlot(pkcs11: PKCS11, token: string): Buffer {
  const slots = pkcs11
    .C_GetSlotList(true)
    .filter((slot) => pkcs11.C_GetTokenInfo(slot).label.trim() === token);
  const [slot] = slots;
  if (slots.length === 1 && slot !== undefined) return slot;
  if (slots.length > 1)
    throw new Pkcs11Problem(
      'refused',
      `${slots.length} tokens are labelled "${token}"; give them different labels`,
    );
  throw new Pkcs11Problem(
    'passing',
    `no token is labelled "${token}"; is it plugged in, and the label right?`,
  );
}

/** Whether the token gave this answer. */
export const isAnswer = (error: unknown, answer: string): boolean =>
  error instanceof Error && error.message.includes(answer);
