import { expect, test } from '@jest/globals';
import type { Tx } from '../../db/index.ts';
import {
  parseTenantId,
  platformTenantId,
  silentLogger,
  type AuditEvent,
  type AuditSink,
} from '../../kernel/index.ts';
import { createKeepingLogger } from '../crypto-fixture.ts';
import { createCallRecorder, type CallRecorder } from './call-recorder.ts';
import type { CallReport } from './guarded-provider.ts';

const tenantId = parseTenantId('11111111-2222-4333-8444-555555555555');
const report: CallReport = {
  tenantId,
  provider: 'theirs',
  operation: 'unwrap',
  epoch: 3,
  outcome: 'success',
  attempts: 1,
  milliseconds: 12,
};

function recorder(record: (event: AuditEvent, own: CallRecorder) => Promise<void>, holds = true) {
  const lines: string[] = [];
  const events: AuditEvent[] = [];
  const sink: AuditSink<Tx> = {
    append: () => Promise.reject(new Error('not in the transaction of the call')),
    record: async (event) => {
      await record(event, made);
      events.push(event);
    },
  };
  const made: CallRecorder = createCallRecorder({
    audit: () => sink,
    clock: { now: () => new Date(0) },
    logger: { ...silentLogger, ...createKeepingLogger(lines) },
    holdsKey: () => holds,
  });
  return { made, events, lines };
}

test('every call is one event of its tenant', async () => {
  const { made, events } = recorder(async () => undefined);
  made.report(report);
  made.report({ ...report, operation: 'wrap', epoch: 4 });
  await made.flush();
  expect(events.map((event) => [event.tenantId, event.definition.action, event.detail])).toMatchObject([
    [
      tenantId,
      'crypto.provider_called',
      { provider: 'theirs', operation: 'unwrap', epoch: 3, milliseconds: 12 },
    ],
    [tenantId, 'crypto.provider_called', { operation: 'wrap', epoch: 4 }],
  ]);
});

test('a call that recording itself needs is recorded, but recording never goes round in circles', async () => {
  const { made, events, lines } = recorder(async (_, own) => own.report({ ...report, epoch: 9 }));
  made.report(report);
  await made.flush();
  await made.flush();
  expect(events.map(({ detail }) => (detail as { epoch: number }).epoch)).toEqual([3, 9]);
  expect(lines.filter((line) => line.startsWith('a call to record a call'))).toHaveLength(1);
});

test('a failure that takes the tenant its own log goes to the log of the platform', async () => {
  const { made, events } = recorder(async () => undefined, false);
  made.report({ ...report, outcome: 'revoked' });
  await made.flush();
  expect(events).toMatchObject([
    { tenantId: platformTenantId, outcome: 'failure', reason: 'revoked', targets: [{}, { id: tenantId }] },
  ]);
});

test('what cannot be recorded is logged, and the one who called does not notice', async () => {
  const { made, events, lines } = recorder(async () => {
    throw new Error('the log is away');
  });
  expect(() => made.report(report)).not.toThrow();
  await made.flush();
  expect(events).toEqual([]);
  expect(lines.filter((line) => line.includes('could not be recorded'))).toHaveLength(2);
});
