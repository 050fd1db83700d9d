import { createAudit, type Audit, type AuditDeps } from '../../audit/index.ts';
import { createCrypto, createLocalProvider, type Crypto } from '../../crypto/index.ts';
import { createDatabase, deriveConnectionUrls, type Database } from '../../db/index.ts';
import { Secret, silentLogger, systemClock, systemRandomBytes, uuidv7 } from '../../kernel/index.ts';

/** What parts of a child's house share. */
export const childParts = {
  clock: systemClock,
  newId: () => uuidv7(Date.now(), systemRandomBytes),
  randomBytes: systemRandomBytes,
  logger: silentLogger,
} as const;

/** The log and its keys in a process that a test kills, on the test's own database and root file. */
export async function openChildHouse(
  place: { readonly adminUrl: string; readonly rootFile: string; readonly passphrase?: string },
  log: Partial<AuditDeps> & Pick<AuditDeps, 'definitions'>,
): Promise<{ readonly database: Database; readonly crypto: Crypto; readonly audit: Audit }> {
  const database = createDatabase({ urls: deriveConnectionUrls(place.adminUrl), logger: silentLogger });
  const root = await createLocalProvider({
    file: place.rootFile,
    passphrase: new Secret(place.passphrase ?? 'correct horse battery staple'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  const crypto = createCrypto({
    ...childParts,
    database,
    root,
    recordProviderCalls: false,
    audit: () => audit,
  });
  const audit: Audit = createAudit({
    ...childParts,
    database,
    crypto,
    originPrefix: 'gatehouse.test/log',
    ...log,
  });
  return { database, crypto, audit };
}
