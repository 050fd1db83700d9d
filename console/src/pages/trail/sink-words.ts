import { useLingui } from '@lingui/react/macro';

/** Kinds of receivers. */
export const sinkKinds = ['webhook', 'syslog', 's3', 'kafka', 'otlp'] as const;
/** @see sinkKinds */
export type SinkKind = (typeof sinkKinds)[number];

/** One field of a form. */
export type SinkField = {
  readonly name: string;
  readonly label: string;
  readonly help?: string;
  readonly kind?: 'text' | 'number' | 'choice' | 'secret' | 'lines' | 'check';
  readonly choices?: readonly string[];
  readonly required?: boolean;
  readonly initial?: string;
  readonly placeholder?: string;
};
/** What a kind is for and what it asks. */
export type SinkForm = {
  readonly title: string;
  readonly help: string;
  readonly fields: readonly SinkField[];
  readonly secrets: readonly SinkField[];
};

/** The forms of all kinds. */
export function useSinkForms(): Readonly<Record<SinkKind, SinkForm>> {
  const { t } = useLingui();
  const format = (choices: readonly string[]): SinkField => ({
    name: 'format',
    label: t`Format`,
    kind: 'choice',
    choices,
    initial: choices[0] ?? 'native',
  });
  const ca: SinkField = {
    name: 'caPem',
    label: t`CA certificate (PEM)`,
    kind: 'lines',
    help: t`only when the receiver's certificate is not from a public authority`,
  };
  const authorization: SinkField = {
    name: 'authorization',
    label: t`Authorization header`,
    kind: 'secret',
    help: t`sent as it is; kept sealed and never shown again`,
  };
  return {
    webhook: {
      title: t`Signed webhook`,
      help: t`HTTPS POST, signed as standardwebhooks.com says. Your receiver checks the signature with a secret that is shown once.`,
      fields: [
        { name: 'url', label: t`Address`, required: true, placeholder: 'https://siem.example/in' },
        format(['native', 'ocsf', 'cloudevents', 'cef']),
        ca,
      ],
      secrets: [authorization],
    },
    syslog: {
      title: t`Syslog over TLS`,
      help: t`RFC 5424 messages over TLS (RFC 5425).`,
      fields: [
        { name: 'host', label: t`Host`, required: true },
        { name: 'port', label: t`Port`, kind: 'number', initial: '6514' },
        format(['native', 'ocsf', 'cef']),
        ca,
        { name: 'clientCertificatePem', label: t`Client certificate (PEM)`, kind: 'lines' },
      ],
      secrets: [{ name: 'clientKeyPem', label: t`Key of the client certificate (PEM)`, kind: 'lines' }],
    },
    s3: {
      title: t`S3 with object lock`,
      help: t`Files that nobody can delete before their time, in a bucket with object lock.`,
      fields: [
        { name: 'bucket', label: t`Bucket`, required: true },
        { name: 'region', label: t`Region`, initial: 'us-east-1' },
        { name: 'endpoint', label: t`Endpoint`, help: t`only for stores other than AWS` },
        { name: 'prefix', label: t`Key prefix`, initial: 'gatehouse/' },
        { name: 'retainDays', label: t`Keep for (days)`, kind: 'number', required: true, initial: '365' },
        {
          name: 'lockMode',
          label: t`Lock`,
          kind: 'choice',
          choices: ['COMPLIANCE', 'GOVERNANCE'],
          initial: 'COMPLIANCE',
        },
        format(['native', 'ocsf', 'cloudevents']),
        { name: 'pathStyle', label: t`Bucket in the path, not in the host name`, kind: 'check' },
      ],
      secrets: [
        { name: 'accessKeyId', label: t`Access key id`, kind: 'secret' },
        { name: 'secretAccessKey', label: t`Secret access key`, kind: 'secret' },
      ],
    },
    kafka: {
      title: t`Kafka`,
      help: t`One message for each event, keyed by its sequence number.`,
      fields: [
        { name: 'brokers', label: t`Brokers`, required: true, help: t`host:port, separated by commas` },
        { name: 'topic', label: t`Topic`, required: true },
        format(['native', 'ocsf', 'cloudevents']),
        { name: 'tls', label: t`TLS`, kind: 'check', initial: 'true' },
        {
          name: 'saslMechanism',
          label: t`SASL`,
          kind: 'choice',
          choices: ['', 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'],
          initial: '',
        },
        ca,
      ],
      secrets: [
        { name: 'username', label: t`User name`, kind: 'secret' },
        { name: 'password', label: t`Password`, kind: 'secret' },
      ],
    },
    otlp: {
      title: 'OTLP/HTTP',
      help: t`OpenTelemetry logs as JSON; the address usually ends in /v1/logs.`,
      fields: [
        { name: 'url', label: t`Address`, required: true, placeholder: 'https://otel.example/v1/logs' },
        ca,
      ],
      secrets: [authorization],
    },
  };
}

/** Where a receiver is, in one line. */
export function placeOf(configuration: unknown): string {
  const record = (configuration ?? {}) as Record<string, unknown>; // shown, not trusted
  const text = (name: string): string => (typeof record[name] === 'string' ? record[name] : '');
  const { brokers } = record;
  if (Array.isArray(brokers)) return `${brokers.join(', ')} / ${text('topic')}`;
  if (text('bucket') !== '') return `${text('bucket')}/${text('prefix')}`;
  if (text('host') !== '')
    return `${text('host')}:${typeof record['port'] === 'number' ? record['port'] : 6514}`;
  return text('url');
}

/** The kind that a configuration names. */
export function kindOf(configuration: unknown): SinkKind {
  const kind = ((configuration ?? {}) as { kind?: unknown }).kind;
  return sinkKinds.find((one) => one === kind) ?? 'webhook';
}
