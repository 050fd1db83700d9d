import type { TrailEvent } from '../trail-view.ts';
import type { SinkPlace } from './transport.ts';

/** Where the events of tests come from. */
export const place: SinkPlace = {
  tenantId: '0190a0a0-0000-7000-8000-000000000001',
  logId: 'ab12',
  logName: 'gatehouse.example/log/ab12',
  productVersion: '1.2.3',
};

/** An event with everything set. */
export function createTrailEvent(changes: Partial<TrailEvent> = {}): TrailEvent {
  return {
    seq: 41,
    id: '0190a0a0-0000-7000-8000-000000000002',
    occurredAt: '2026-11-23T10:00:00.000Z',
    receivedAt: '2026-11-23T10:00:00.250Z',
    action: 'contacts.contact_read',
    version: 1,
    category: 'data',
    outcome: 'success',
    reason: null,
    actor: { type: 'user', id: 'u-1', displayName: 'Ada', email: 'ada@example.com' },
    targets: [{ type: 'contacts.contact', id: 'c-1' }],
    subjects: ['0190a0a0-0000-7000-8000-000000000003'],
    decision: null,
    requestId: 'r-1',
    summary: 'A contact was read.',
    detail: { count: 1 },
    origin: { ip: '192.0.2.7', userAgent: 'Agent/1', service: 'api' },
    session: null,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    assurance: { level: 2, methods: ['pwd', 'otp'] },
    leafHash: 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=',
    canonical: 'e30=',
    commitments: [],
    ...changes,
  };
}
