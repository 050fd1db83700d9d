import { expect, test } from '@jest/globals';
import { judgeHealth, type HealthCheck } from './judge-health.ts';
import type { HealthFigures } from './read-health.ts';

const sound = {
  at: new Date('2026-11-23T02:00:00Z'),
  state: 'sound',
  size: 10,
  findings: 0,
  firstBadSeq: null,
  detail: null,
  milliseconds: 5,
} as const;
const healthy: HealthFigures = {
  size: 10,
  checkpointAgeMilliseconds: 1_000_000,
  pending: 0,
  oldestPendingMilliseconds: 0,
  gaps: 0,
  sequencer: { ok: true, detail: 'writes' },
  witnesses: { state: 'met', detail: '' },
  verification: sound,
  verificationAgeMilliseconds: 1,
  sinks: [{ name: 'siem', state: 'active', lag: 0 }],
  searchLag: 0,
  ruleLag: null,
  clockSkewMilliseconds: 0,
  alerts: { open: 0, urgent: 0 },
  mails: { waiting: 0, failing: 0 },
};

test('a healthy log has nothing to say', () => {
  expect(new Set(judgeHealth(healthy).map(({ state }) => state))).toEqual(new Set(['ok']));
});

test.each<[HealthCheck['name'], HealthCheck['state'], Partial<HealthFigures>]>([
  ['writer', 'failing', { sequencer: { ok: false, detail: 'stopped' } }],
  ['unsigned tail', 'ok', { pending: 1, oldestPendingMilliseconds: 5_000 }],
  ['unsigned tail', 'attention', { pending: 1, oldestPendingMilliseconds: 5_001 }],
  ['unsigned tail', 'attention', { pending: 1, oldestPendingMilliseconds: 60_000 }],
  ['unsigned tail', 'failing', { pending: 1, oldestPendingMilliseconds: 60_001 }],
  ['gaps', 'failing', { gaps: 1 }],
  ['verification', 'attention', { verification: null, verificationAgeMilliseconds: null }],
  ['verification', 'ok', { verificationAgeMilliseconds: 172_800_000 }],
  ['verification', 'attention', { verificationAgeMilliseconds: 172_800_001 }],
  ['verification', 'attention', { verification: { ...sound, state: 'too_large' } }],
  ['verification', 'failing', { verification: { ...sound, state: 'unsound', findings: 1 } }],
  ['verification', 'failing', { verification: { ...sound, state: 'failed' } }],
  ['witnesses', 'attention', { witnesses: { state: 'none', detail: '' } }],
  ['witnesses', 'failing', { witnesses: { state: 'halted', detail: '' } }],
  ['sinks', 'ok', { sinks: [{ name: 'a', state: 'active', lag: 10_000 }] }],
  ['sinks', 'attention', { sinks: [{ name: 'a', state: 'active', lag: 10_001 }] }],
  ['sinks', 'ok', { sinks: [{ name: 'a', state: 'paused', lag: 10_001 }] }],
  ['sinks', 'failing', { sinks: [{ name: 'a', state: 'failing', lag: 0 }] }],
  ['search', 'attention', { searchLag: 10_001 }],
  ['rules', 'attention', { ruleLag: 10_001 }],
  ['alerts', 'attention', { alerts: { open: 1, urgent: 1 } }],
  ['alerts', 'ok', { alerts: { open: 1, urgent: 0 } }],
  ['mails', 'attention', { mails: { waiting: 1, failing: 1 } }],
  ['clock', 'ok', { clockSkewMilliseconds: -2_000 }],
  ['clock', 'attention', { clockSkewMilliseconds: -2_001 }],
  ['clock', 'failing', { clockSkewMilliseconds: 30_001 }],
])('%s: %s with %j', (name, state, change) => {
  const checks = judgeHealth({ ...healthy, ...change });
  expect(checks.find((check) => check.name === name)?.state).toBe(state);
});
