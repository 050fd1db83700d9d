import { isIP } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import type { AddressRules } from '../../kernel/index.ts';
import type { ConfigurationOf, SinkSecrets } from './configuration.ts';
import { createLookup, requireReachable } from './outbound-address.ts';
import { octetCounted, syslogMessage } from './syslog-message.ts';
import { ReceiverAway, type Encoded, type SinkPlace, type Transport } from './transport.ts';

/** What a syslog receiver is reached with. */
export type SyslogParts = {
  readonly configuration: ConfigurationOf<'syslog'>;
  readonly secrets: SinkSecrets;
  readonly place: SinkPlace;
  readonly rules: AddressRules;
};

/**
 * One TLS connection a batch. Syslog knows no acknowledgement, so a batch counts as delivered only when the receiver
 * closes its side after we closed ours: what it had not read by then would have come back as a reset. We close a round
 * trip after the last byte, so that a receiver that turns us away (in TLS 1.3 only after our first bytes) is heard.
 *
 * @see RFC 5424, RFC 5425
 */
export function createSyslog(parts: SyslogParts): Transport {
  return Object.freeze({
    deliver: async (batch: readonly Encoded[], signal: AbortSignal) => {
      const { enterpriseNumber } = parts.configuration;
      const frames = batch.map((encoded) =>
        octetCounted(syslogMessage(encoded, parts.place, enterpriseNumber)),
      );
      const begun = performance.now();
      const socket = await open(parts, signal);
      const roundTrip = Math.max(leastRoundTripMilliseconds, performance.now() - begun);
      await sendAndClose(socket, Buffer.concat(frames), { signal, roundTrip });
      return { kind: 'delivered' } as const;
    },
    close: () => Promise.resolve(),
  });
}

const leastRoundTripMilliseconds = 50;

async function open({ configuration, secrets, rules }: SyslogParts, signal: AbortSignal): Promise<TLSSocket> {
  const { host, port, caPem, clientCertificatePem } = configuration;
  await requireReachable(host, rules);
  return new Promise<TLSSocket>((settle, fail) => {
    const socket = connect({
      host,
      port,
      lookup: createLookup(rules),
      minVersion: 'TLSv1.2',
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(caPem === undefined ? {} : { ca: caPem }),
      ...(clientCertificatePem === undefined
        ? {}
        : { cert: clientCertificatePem, key: secrets.clientKeyPem }),
    });
    const away = (error: Error): void => {
      socket.destroy();
      fail(new ReceiverAway(`${host}:${port} did not answer: ${error.message}`, { cause: error }));
    };
    const abort = (): void => away(new Error('it took too long'));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', away);
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', abort);
      socket.removeListener('error', away);
      settle(socket);
    });
  });
}

type Closing = { readonly signal: AbortSignal; readonly roundTrip: number };

async function sendAndClose(socket: TLSSocket, bytes: Buffer, { signal, roundTrip }: Closing): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let isOurTurnOver = false;
  const away = (message: string): void => {
    socket.destroy();
    reject(new ReceiverAway(`the connection broke before the receiver had taken the events: ${message}`));
  };
  const abort = (): void => away('it took too long');
  signal.addEventListener('abort', abort, { once: true });
  socket.once('error', (error) => away(error.message));
  socket.once('end', () => isOurTurnOver || away('the receiver closed first; it may not know us'));
  socket.once('close', (hadError: boolean) => (hadError ? away('it was reset') : resolve()));
  socket.resume();
  socket.write(bytes, () => {
    void wait(roundTrip).then(() => {
      isOurTurnOver = true;
      socket.end();
    });
  });
  await promise.finally(() => signal.removeEventListener('abort', abort));
}
