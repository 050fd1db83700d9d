import { z } from 'zod';
import { defineEvent, type EventDefinition } from '../../kernel/index.ts';

const id = z.string().max(36);
const serial = z.string().max(40);
const fingerprint = z.string().length(64);
const time = z.string().max(40);

/** An authority of the tenant was made. */
export const authorityCreated = defineEvent({
  action: 'crypto.authority_created',
  version: 1,
  category: 'key',
  summary: 'An internal certificate authority of the tenant was made; its private key is sealed.',
  detail: z.object({
    authorityId: id,
    algorithm: z.string().max(20),
    generation: z.number().int(),
    fingerprint,
    notAfter: time,
  }),
  ocsf: { classUid: 3004, activityId: 1 },
});

/** A certificate was issued or renewed. */
export const certificateIssued = defineEvent({
  action: 'crypto.certificate_issued',
  version: 1,
  category: 'key',
  summary: 'A certificate was issued by an authority of the tenant, or signed by its own key for SAML.',
  detail: z.object({
    certificateId: id,
    authorityId: id.nullable(),
    profile: z.string().max(20),
    serial,
    fingerprint,
    notAfter: time,
    keyHeld: z.boolean(),
    exportable: z.boolean(),
    renews: id.nullable(),
  }),
  ocsf: { classUid: 3004, activityId: 1 },
});

/** A certificate was revoked. */
export const certificateRevoked = defineEvent({
  action: 'crypto.certificate_revoked',
  version: 1,
  category: 'key',
  summary: 'A certificate was revoked; the next revocation list, made at once, names it.',
  detail: z.object({ certificateId: id, serial, revocationReason: z.string().max(40) }),
  ocsf: { classUid: 3004, activityId: 4 },
});

/** A revocation list was made. */
export const revocationListPublished = defineEvent({
  action: 'crypto.revocation_list_published',
  version: 1,
  category: 'key',
  summary: 'An authority of the tenant signed a new revocation list.',
  detail: z.object({
    authorityId: id,
    number: z.number().int(),
    entries: z.number().int(),
    fingerprint,
    nextUpdate: time,
  }),
  ocsf: { classUid: 3004, activityId: 3 },
});

/** A private key left the house in a bundle. */
export const certificateExported = defineEvent({
  action: 'crypto.certificate_exported',
  version: 1,
  category: 'key',
  summary: 'A certificate left the house with its private key in a bundle.',
  detail: z.object({ certificateId: id, serial, format: z.string().max(10) }),
  ocsf: { classUid: 3004, activityId: 2 },
});

/** Alarm: nobody but its holder can renew this certificate, and two thirds of its life are over. */
export const certificateExpiring = defineEvent({
  action: 'crypto.certificate_expiring',
  version: 1,
  category: 'key',
  summary: 'A certificate that the house cannot renew by itself is near its end.',
  detail: z.object({ certificateId: id, serial, profile: z.string().max(20), notAfter: time }),
  ocsf: { classUid: 2003, activityId: 1 },
});

/** Alarm: a revocation list is near its end and was not made anew; once it is over, everybody is refused. */
export const revocationListExpiring = defineEvent({
  action: 'crypto.revocation_list_expiring',
  version: 1,
  category: 'key',
  summary: 'A revocation list was not made anew in time; when it ends, every connection is refused.',
  detail: z.object({ authorityId: id, number: z.number().int(), nextUpdate: time }),
  ocsf: { classUid: 2003, activityId: 1, severityId: 5 },
});

/** A connection over mutual TLS was refused or ended. */
export const mutualTlsRefused = defineEvent({
  action: 'crypto.mtls_refused',
  version: 1,
  category: 'access',
  summary: 'A connection over mutual TLS was refused or ended, with the reason.',
  detail: z.object({
    side: z.enum(['server', 'client']),
    cause: z.string().max(60),
    serial: serial.nullable(),
    protocol: z.string().max(20).nullable(),
  }),
  ocsf: { classUid: 6003, activityId: 2 },
});

/** Every event of certificates. */
export const pkiEvents: readonly EventDefinition[] = Object.freeze([
  authorityCreated,
  certificateIssued,
  certificateRevoked,
  revocationListPublished,
  certificateExported,
  certificateExpiring,
  revocationListExpiring,
  mutualTlsRefused,
]);
