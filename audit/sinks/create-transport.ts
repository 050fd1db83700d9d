import type { Clock } from '../../kernel/index.ts';
import type { SinkConfiguration, SinkSecrets } from './configuration.ts';
import { createKafka } from './kafka.ts';
import { createOtlp } from './otlp.ts';
import { createOutboundRequest } from './outbound-request.ts';
import { createS3 } from './s3.ts';
import { createSyslog } from './syslog.ts';
import type { SinkFormat } from './encode.ts';
import type { SinkPlace, Transport, TransportLimits } from './transport.ts';
import { createWebhook } from './webhook.ts';

/** What transports share. */
export type TransportDeps = {
  readonly clock: Clock;
  /** Whether receivers outside the public internet may be called, and http used. */
  readonly allowPrivate: boolean;
};

/** A sink, opened. */
export type OpenSink = {
  readonly sinkId: string;
  readonly configuration: SinkConfiguration;
  readonly secrets: SinkSecrets;
  readonly place: SinkPlace;
};

/** Makes the transport of a sink. */
export function createTransport({ configuration, ...sink }: OpenSink, deps: TransportDeps): Transport {
  const request = createOutboundRequest(deps.allowPrivate);
  switch (configuration.kind) {
    case 'webhook':
      return createWebhook({ ...sink, ...deps, configuration, request });
    case 'syslog':
      return createSyslog({ ...sink, ...deps, configuration });
    case 's3':
      return createS3({ ...sink, ...deps, configuration });
    case 'kafka':
      return createKafka({ ...sink, ...deps, configuration });
    case 'otlp':
      return createOtlp({ ...sink, configuration, request });
  }
}

/** Structured data and header of a syslog message take at most this. */
const syslogHeadBytes = 480;

/** What a receiver of this kind can take at once. */
export function limitsOf(configuration: SinkConfiguration): TransportLimits {
  switch (configuration.kind) {
    case 'webhook':
      return { maxEvents: 100, maxBytes: 1_048_576, maxEventBytes: 262_144 };
    case 'syslog':
      return {
        maxEvents: 500,
        maxBytes: 4_194_304,
        maxEventBytes: Math.max(480, configuration.maxMessageBytes - syslogHeadBytes),
      };
    case 's3':
      return { maxEvents: 5_000, maxBytes: 16_777_216, maxEventBytes: 4_194_304 };
    case 'kafka':
      return { maxEvents: 500, maxBytes: 900_000, maxEventBytes: 800_000 };
    case 'otlp':
      return { maxEvents: 500, maxBytes: 2_097_152, maxEventBytes: 524_288 };
  }
}

/** The form in which a sink writes each event. */
export const formatOf = (configuration: SinkConfiguration): SinkFormat =>
  configuration.kind === 'otlp' ? 'native' : configuration.format;
