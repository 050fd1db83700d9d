import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
import { z } from 'zod';
import { defineRoute, type AnyRoute, type Clock, type Secret, type TenantId } from '../kernel/index.ts';

/** A message to one person. */
export type MailMessage = {
  readonly tenantId: TenantId;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** BCP 47. */
  readonly language: string;
  /** The same key is delivered once (outbox) or carries the same Message-ID (SMTP). */
  readonly idempotencyKey: string;
};

/** Delivers mail; throws when it was not accepted, and the caller tries again. */
export type Mailer = { readonly send: (message: MailMessage) => Promise<void> };

/** Mail by SMTP. @param url - smtp:// or smtps:// */
export function createSmtpMailer(url: Secret, from: string): Mailer {
  const transport = nodemailer.createTransport(url.reveal(), { from });
  return Object.freeze({
    send: async (message: MailMessage) => {
      await transport.sendMail({
        to: message.to,
        subject: message.subject,
        text: message.text,
        headers: { 'Content-Language': message.language, 'Auto-Submitted': 'auto-generated' },
        messageId: `<${message.idempotencyKey}@gatehouse>`,
      });
    },
  });
}

const outboxMailSchema = z.object({ to: z.string(), subject: z.string(), text: z.string(), at: z.string() });

/** Where a data folder keeps the mails of development. */
export const outboxFolder = (dataFolder: string): string => join(dataFolder, 'outbox');

/** Mail into a folder, for development: nothing leaves the machine. */
export function createOutboxMailer(folder: string, clock: Clock): Mailer {
  return Object.freeze({
    send: async ({ to, subject, text, idempotencyKey }: MailMessage) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const name = idempotencyKey.replace(/[^A-Za-z0-9-]/g, '_').slice(0, 200);
      const draft = join(folder, `.${name}`);
      await writeFile(draft, JSON.stringify({ to, subject, text, at: clock.now().toISOString() }), {
        mode: 0o600,
      });
      await rename(draft, join(folder, `${name}.json`));
    },
  });
}

/** Shows the outbox; exists in development only. */
export function createOutboxRoutes(folder: string): readonly AnyRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/dsr/outbox',
      operationId: 'listOutbox',
      summary: 'Mails that development kept instead of sending, newest first',
      security: {
        kind: 'public',
        reason:
          'exists in development only, on loopback, so that the story can be played without a mail server',
      },
      audit: { kind: 'none', reason: 'development only' },
      request: { query: z.object({ to: z.string().max(320).optional() }) },
      responses: {
        200: { description: 'At most 50 mails', schema: z.object({ items: z.array(outboxMailSchema) }) },
      },
      handler: async ({ query }) => {
        const mails = (await readOutbox(folder)).filter(
          (mail) => query.to === undefined || mail.to === query.to,
        );
        return {
          status: 200,
          body: { items: mails.toSorted((a, b) => b.at.localeCompare(a.at)).slice(0, 50) },
        };
      },
    }),
  ];
}

async function readOutbox(folder: string): Promise<z.infer<typeof outboxMailSchema>[]> {
  const files = await readdir(folder).catch(() => []); // no mail yet: no folder
  const mails = files.filter((file) => file.endsWith('.json') && !file.startsWith('.'));
  return Promise.all(
    mails.map(async (file) => outboxMailSchema.parse(JSON.parse(await readFile(join(folder, file), 'utf8')))),
  );
}
