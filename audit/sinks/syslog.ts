import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { ConfigurationOf, SinkSecrets } from './configuration.ts';
import { createLookup, requireReachable } from './outbound-address.ts';
import { octetCounted, syslogMessage } from './syslog-message.ts';
import { ReceiverAway, type Encoded, type SinkPlace, type Transport } from './transport.ts';

/** What a syslog receiver is reached with. */
export type SyslogParts = {
  readonly configuration: ConfigurationOf<'syslog'>;
  readonly secrets: SinkSecrets;
  readonly place: SinkPlace;
  readonly allowPrivate: boolean;
};

/**
 * One TLS connection a batch. Syslog knows no acknowledgement, so a batch counts as delivered only when the receiver has
 * closed its side after ours: what it had not read by then would have come back as a reset.
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
      const socket = await open(parts, signal);
      await sendAndClose(socket, Buffer.concat(frames), signal);
      return { kind: 'delivered' } as const;
    },
    close: () => Promise.resolve(),
  });
}

async function open(
  { configuration, secrets, allowPrivate }: SyslogParts,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const { host, port, caPem, clientCertificatePem } = configuration;
  if (isIP(host) !== 0) await requireReachable(host, allowPrivate);
  return new Promise<TLSSocket>((settle, fail) => {
    const socket = connect({
      host,
      port,
      lookup: createLookup(allowPrivate),
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

function sendAndClose(socket: TLSSocket, bytes: Buffer, signal: AbortSignal): Promise<void> {
  return new Promise<void>((settle, fail) => {
    const away = (message: string): void => {
      socket.destroy();
      fail(new ReceiverAway(`the connection broke before the receiver had taken the events: ${message}`));
    };
    signal.addEventListener('abort', () => away('it took too long'), { once: true });
    socket.once('error', (error) => away(error.message));
    socket.once('close', (hadError: boolean) => (hadError ? away('it was reset') : settle()));
    socket.resume();
    socket.end(bytes);
  });
}
