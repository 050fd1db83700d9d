import type { HealthFigures } from './read-health.ts';

/** One thing that was looked at. */
export type HealthCheck = {
  readonly name:
    | 'writer'
    | 'unsigned tail'
    | 'gaps'
    | 'verification'
    | 'witnesses'
    | 'sinks'
    | 'search'
    | 'rules'
    | 'alerts'
    | 'mails'
    | 'clock';
  readonly state: 'ok' | 'attention' | 'failing';
  readonly detail: string;
};

type Judged = Omit<HealthCheck, 'name'>;

const tailAttentionMilliseconds = 5_000;
const tailFailingMilliseconds = 60_000;
const verificationAttentionMilliseconds = 2 * 86_400_000;
const lagAttention = 10_000;
const skewAttentionMilliseconds = 2_000;
const skewFailingMilliseconds = 30_000;

/** What is to be thought of the figures. The bounds stand in docs/audit/health.md. */
export function judgeHealth(figures: HealthFigures): readonly HealthCheck[] {
  const { sequencer, gaps } = figures;
  return [
    { name: 'writer', state: sequencer.ok ? 'ok' : 'failing', detail: sequencer.detail },
    { name: 'unsigned tail', ...judgeTail(figures) },
    { name: 'gaps', state: gaps === 0 ? 'ok' : 'failing', detail: `${gaps} between checkpoint and entries` },
    { name: 'verification', ...judgeVerification(figures) },
    { name: 'witnesses', ...judgeWitnesses(figures) },
    { name: 'sinks', ...judgeSinks(figures) },
    { name: 'search', ...judgeLag(figures.searchLag) },
    {
      name: 'rules',
      ...(figures.ruleLag === null
        ? { state: 'ok', detail: 'none is switched on' }
        : judgeLag(figures.ruleLag)),
    },
    {
      name: 'alerts',
      state: figures.alerts.urgent > 0 ? 'attention' : 'ok',
      detail: `${figures.alerts.open} open, ${figures.alerts.urgent} of them high or critical`,
    },
    {
      name: 'mails',
      state: figures.mails.failing > 0 ? 'attention' : 'ok',
      detail: `${figures.mails.waiting} alerts wait for their mails, ${figures.mails.failing} after three attempts`,
    },
    { name: 'clock', ...judgeClock(figures) },
  ];
}

function judgeTail({ pending, oldestPendingMilliseconds: age, size }: HealthFigures): Judged {
  const state =
    age > tailFailingMilliseconds ? 'failing' : age > tailAttentionMilliseconds ? 'attention' : 'ok';
  return { state, detail: `${size} in the checkpoint, ${pending} wait, the oldest for ${seconds(age)} s` };
}

function judgeVerification({ verification, verificationAgeMilliseconds: age }: HealthFigures): Judged {
  if (verification === null || age === null) return { state: 'attention', detail: 'never yet' };
  const when = `${verification.at.toISOString()}: ${verification.state.replace('_', ' ')}, ${verification.size} entries`;
  const why = verification.detail === null ? when : `${when}; ${verification.detail}`;
  if (verification.state === 'unsound' || verification.state === 'failed')
    return { state: 'failing', detail: why };
  const old = age > verificationAttentionMilliseconds || verification.state === 'too_large';
  return { state: old ? 'attention' : 'ok', detail: why };
}

function judgeWitnesses({ witnesses: { state, detail } }: HealthFigures): Judged {
  const judged = { none: 'attention', met: 'ok', behind: 'attention', halted: 'failing' } as const;
  return { state: judged[state], detail };
}

function judgeSinks({ sinks }: HealthFigures): Judged {
  const failing = sinks.filter(({ state }) => state === 'failing');
  const late = sinks.filter(({ state, lag }) => state === 'active' && lag > lagAttention);
  const names = [...failing, ...late].map(({ name, lag }) => `${name} lags ${lag}`).slice(0, 10);
  return {
    state: failing.length > 0 ? 'failing' : late.length > 0 ? 'attention' : 'ok',
    detail: [`${sinks.length} sinks, ${failing.length} failing`, ...names].join('; '),
  };
}

const judgeLag = (lag: number): Judged => ({
  state: lag > lagAttention ? 'attention' : 'ok',
  detail: `${lag} entries behind`,
});

function judgeClock({ clockSkewMilliseconds: skew }: HealthFigures): Judged {
  const off = Math.abs(skew);
  const state =
    off > skewFailingMilliseconds ? 'failing' : off > skewAttentionMilliseconds ? 'attention' : 'ok';
  return { state, detail: `${skew} ms ahead of the database` };
}

const seconds = (milliseconds: number): number => Math.round(milliseconds / 1_000);
