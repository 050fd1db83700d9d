import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { SMTPServer } from 'smtp-server';
import { parseTenantId, Secret, systemClock } from '../kernel/index.ts';
import { createOutboxMailer, createSmtpMailer } from './mailer.ts';

const message = {
  tenantId: parseTenantId(randomUUID()),
  to: 'ada@example.org',
  subject: 'Kod: zażółć',
  text: 'Twój kod: 12345678\n',
  language: 'pl',
  idempotencyKey: 'key-1',
};

test('a mail reaches a real SMTP receiver whole', async () => {
  const received: { to: string[]; body: string }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, session, done) => {
      let body = '';
      stream.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      stream.on('end', () => {
        received.push({ to: session.envelope.rcptTo.map((recipient) => recipient.address), body });
        done();
      });
    },
  });
  await new Promise<void>((up) => server.listen(0, '127.0.0.1', up));
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await createSmtpMailer(
    new Secret(`smtp://127.0.0.1:${port}`),
    'Gatehouse <privacy@gatehouse.example>',
  ).send(message);
  await new Promise<void>((down) => server.close(down));
  expect(received).toHaveLength(1);
  expect(received[0]?.to).toEqual(['ada@example.org']);
  expect(received[0]?.body).toMatch(/Message-ID: <key-1@gatehouse>/i);
  expect(received[0]?.body).toMatch(/Content-Language: pl/i);
});

test('a receiver that is not there is an error, so that the caller tries again', async () => {
  await expect(
    createSmtpMailer(new Secret('smtp://127.0.0.1:1'), 'x@y.example').send(message),
  ).rejects.toThrow();
});

test('the outbox keeps one mail per idempotency key', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-outbox-'));
  const mailer = createOutboxMailer(folder, systemClock);
  await mailer.send(message);
  await mailer.send(message);
  expect(await readdir(folder)).toEqual(['key-1.json']);
  await rm(folder, { recursive: true });
});
