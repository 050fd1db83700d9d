import { describe, expect, test } from '@jest/globals';
import type { Horizon } from '../crypto/index.ts';
import { backupClaims, describeBackups } from './backup-horizon.ts';

const place = { retained: '2026-12-28', timeZone: 'Europe/Warsaw', citation: 'GDPR Article 17(1)' };
const claims = (until: string | null, basis: Horizon['basis']) =>
  backupClaims({ until: until === null ? null : new Date(until), basis }, place);

describe('the day until which backups could bring a person back', () => {
  test('is the day the keys end when that comes first', () => {
    expect(claims('2026-12-01T23:30:00Z', 'scheduled')).toMatchObject({
      horizon: '2026-12-02', // the day it is where the tenant lives
      retained: '2026-12-28',
      keys: { until: '2026-12-02', basis: 'scheduled' },
    });
  });

  test('is the day the last older backup is deleted when the keys live longer or have no end', () => {
    expect(claims('2027-02-01T00:00:00Z', 'standing_schedule').horizon).toBe('2026-12-28');
    expect(claims(null, 'none')).toMatchObject({
      horizon: '2026-12-28',
      keys: { until: null, basis: 'none' },
    });
  });

  test('is said with what it rests on', () => {
    expect(describeBackups(claims('2026-12-01T10:00:00Z', 'destroyed'))).toBe(
      'backups could bring the person back until 2026-12-01 at the latest: the key epoch is destroyed',
    );
    expect(describeBackups(claims('2026-12-01T10:00:00Z', 'scheduled'))).toContain('the provider destroys');
    expect(describeBackups(claims('2026-12-01T10:00:00Z', 'standing_schedule'))).toContain(
      'standing schedule',
    );
    expect(describeBackups(claims(null, 'none'))).toContain('is kept longer');
  });

  test('is read from a certificate of before, which named only how long backups are kept', () => {
    const before = { unreadable: 'key destroyed', horizon: '2026-12-28', citation: 'x' } as const;
    expect(describeBackups(before)).toContain('until 2026-12-28');
  });
});
