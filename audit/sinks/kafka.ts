import { isIP } from 'node:net';
import { findErrorBy, Producer, ProduceAcks, stringSerializers } from '@platformatic/kafka';
import type { AddressRules } from '../../kernel/index.ts';
import type { ConfigurationOf, SinkSecrets } from './configuration.ts';
import { createLookup, requireEncrypted, requireReachable } from './outbound-address.ts';
import { ReceiverAway, type Encoded, type SinkPlace, type Transport } from './transport.ts';

/** What a cluster is reached with. */
export type KafkaParts = {
  readonly configuration: ConfigurationOf<'kafka'>;
  readonly secrets: SinkSecrets;
  readonly place: SinkPlace;
  readonly rules: AddressRules;
};

const requestMilliseconds = 10_000;
/** Errors that speak of the record, not of the cluster. */
const refusals = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'] as const;

/** Idempotent producer with acknowledgement by all replicas; the key is the log, so that its events keep their order. */
export function createKafka(parts: KafkaParts): Transport {
  const { configuration, place } = parts;
  let producer: Producer<string, string, string, string> | null = null;
  const drop = async (): Promise<void> => {
    const closing = producer;
    producer = null;
    await closing?.close(true).catch(() => undefined); // a broken connection is let go of as well
  };
  return Object.freeze({
    deliver: async (batch: readonly Encoded[], signal: AbortSignal) => {
      requireEncrypted(configuration.tls, parts.rules);
      for (const broker of configuration.brokers) await requireReachable(hostOf(broker), parts.rules);
      producer ??= createProducer(parts);
      const messages = batch.map(({ event, text }) => ({
        topic: configuration.topic,
        key: place.logId,
        value: text,
        headers: { seq: String(event.seq), id: event.id, action: event.action },
      }));
      try {
        await untilAborted(send(producer, parts, messages), signal);
        return { kind: 'delivered' } as const;
      } catch (error) {
        await drop(); // the sequence of an idempotent producer does not survive a batch that failed
        const refused = refusals.find((name) => findErrorBy(asError(error), 'apiId', name) !== null);
        if (refused !== undefined)
          return { kind: 'refused', reason: `the cluster answered ${refused}` } as const;
        throw new ReceiverAway(`the cluster did not take the events: ${asError(error).message}`, {
          cause: error,
        });
      }
    },
    close: drop,
  });
}

type Messages = Parameters<Producer<string, string, string, string>['send']>[0]['messages'];

/** The cluster names its brokers itself: those are judged like the ones that the tenant named. */
async function send(
  producer: Producer<string, string, string, string>,
  { configuration, rules }: KafkaParts,
  messages: Messages,
): Promise<void> {
  const { brokers } = await producer.metadata({ topics: [configuration.topic] });
  for (const { host } of brokers.values()) await requireReachable(host, rules);
  await producer.send({ messages, acks: ProduceAcks.ALL, idempotent: true });
}

const hostOf = (broker: string): string => broker.slice(0, broker.lastIndexOf(':'));
const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(new Error('it took too long'));
  signal.addEventListener('abort', abort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', abort));
}

function createProducer({
  configuration,
  secrets,
  rules,
}: KafkaParts): Producer<string, string, string, string> {
  const { brokers, tls, caPem, saslMechanism } = configuration;
  const { username, password } = secrets;
  return new Producer({
    clientId: 'gatehouse-audit',
    bootstrapBrokers: [...brokers],
    serializers: stringSerializers,
    timeout: requestMilliseconds,
    connectTimeout: requestMilliseconds,
    requestTimeout: requestMilliseconds,
    retries: 0, // the sink has its own back-off
    autocreateTopics: false,
    ...(tls
      ? {
          tls: { lookup: createLookup(rules), ...(caPem === undefined ? {} : { ca: caPem }) },
          // An address is no server name (RFC 6066 section 3).
          ...(brokers.some((broker) => isIP(hostOf(broker)) !== 0) ? {} : { tlsServerName: true }),
        }
      : {}),
    ...(saslMechanism === undefined || username === undefined || password === undefined
      ? {}
      : { sasl: { mechanism: saslMechanism, username, password } }),
  });
}
