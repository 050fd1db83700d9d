import type { AddressRules, Clock } from '../../kernel/index.ts';
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
  /** Where receivers may stand. */
  readonly rules: AddressRules;
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
  const request = createOutboundRequest(deps.rules);
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
      return createOtlp({ ...sink, ...deps, configuration, request });
  }
}

/** Header and structured data of a syslog message take at most this: 300 bytes, the action, the log's name twice. */
const syslogHeadBytes = (place: SinkPlace): number => 500 + 2 * Buffer.byteLength(place.logName);

/** What a receiver of this kind can take at once. */
export function limitsOf(configuration: SinkConfiguration, place: SinkPlace): TransportLimits {
  switch (configuration.kind) {
    case 'webhook':
      return { maxEvents: 100, maxBytes: 1_048_576, maxEventBytes: 262_144 };
    case 'syslog':
      return {
        maxEvents: 500,
        maxBytes: 4_194_304,
        maxEventBytes: configuration.maxMessageBytes - syslogHeadBytes(place),
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
