import { randomBytes, type X509Certificate } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { compileTrust, issuerOf, judge, type Refusal, type Trust } from './mutual-tls-judge.ts';
import { namesOf } from './read-names.ts';
import type { AlternativeName, MutualTlsMaterial } from './types.ts';

/** What a server needs. */
export type MutualTlsServerOptions = {
  readonly material: MutualTlsMaterial;
  readonly handler: RequestListener;
  /** Who may connect, by the names that the authority put into the certificate; left out, everybody it issued for. */
  readonly allow?: (names: readonly AlternativeName[]) => boolean;
  /** Told of every refused or ended connection; must not throw. */
  readonly onRefused?: (refusal: Refusal) => void;
  readonly now?: () => Date;
  /** Milliseconds between looks at open connections whose certificate or list ended; default 60,000. */
  readonly sweepMilliseconds?: number;
};

/** An HTTPS server that talks to holders of a good client certificate only. */
export type MutualTlsServer = {
  readonly server: Server;
  /**
   * Takes new certificates and lists without a restart: new handshakes use them, no older session is resumed, and open
   * connections that are not good any more are ended.
   *
   * @returns how many were ended
   * @throws ERR_CRYPTO_CERTIFICATE; then nothing changed
   */
  readonly reload: (material: MutualTlsMaterial) => { readonly ended: number };
  readonly close: () => Promise<void>;
};

const defaultSweep = 60_000;
const ticketKeyBytes = 48;
/** The other end went away in the middle of a handshake: nobody was refused. */
const left = /^(ECONNRESET|EPIPE|ETIMEDOUT)$/;

/**
 * `rejectUnauthorized` is off because it is the only way to learn why somebody was refused: every connection is judged
 * here before HTTP sees it, and a request of a connection that was not accepted is never answered.
 */
export function createMutualTlsServer(options: MutualTlsServerOptions): MutualTlsServer {
  let trust = compileTrust(options.material, null);
  const now = options.now ?? (() => new Date());
  const accepted = new Set<TLSSocket>();
  const server = createServer(
    { ...trust.options, ...handshake(), requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      if (accepted.has(request.socket as TLSSocket))
        options.handler(request, response); // an HTTPS server's sockets
      else request.socket.destroy();
    },
  );
  const refuse = (socket: TLSSocket, cause: string, peer: X509Certificate | undefined): void => {
    options.onRefused?.(describe(trust, socket, cause, peer));
    socket.destroy();
  };
  server.prependListener('secureConnection', (socket) => {
    const peer = socket.getPeerX509Certificate();
    const cause = judge(trust, peer, now()) ?? handshakeCause(socket) ?? notAllowed(options, peer);
    if (cause !== null) return refuse(socket, cause, peer);
    socket.disableRenegotiation(); // TLS 1.2 would let somebody else's certificate in after the judgement
    accepted.add(socket);
    socket.once('close', () => accepted.delete(socket));
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    const cause = error.code ?? 'HANDSHAKE_FAILED';
    if (!left.test(cause)) options.onRefused?.(describe(trust, socket, cause, undefined));
  });
  const sweep = (): number => {
    let ended = 0;
    for (const socket of accepted) {
      const peer = socket.getPeerX509Certificate();
      const cause = judge(trust, peer, now());
      if (cause === null) continue;
      accepted.delete(socket);
      refuse(socket, cause, peer);
      ended += 1;
    }
    return ended;
  };
  const timer = setInterval(sweep, options.sweepMilliseconds ?? defaultSweep).unref();
  return Object.freeze({
    server,
    reload: (material: MutualTlsMaterial) => {
      trust = compileTrust(material, trust);
      server.setSecureContext({ ...trust.options, ...handshake() });
      return { ended: sweep() };
    },
    close: async () => {
      clearInterval(timer);
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  });
}

/** New ticket keys: with the old ones a revoked client would go on resuming its session. */
const handshake = (): { readonly ticketKeys: Buffer } => ({ ticketKeys: randomBytes(ticketKeyBytes) });

/** What OpenSSL found in the handshake. */
function handshakeCause(socket: TLSSocket): string | null {
  if (socket.authorized) return null;
  const cause: unknown = socket.authorizationError; // declared as an Error; node gives its code
  return typeof cause === 'string' ? cause : 'UNAUTHORIZED';
}

function notAllowed({ allow }: MutualTlsServerOptions, peer: X509Certificate | undefined): string | null {
  if (allow === undefined || peer === undefined) return null;
  try {
    return allow(namesOf(peer)) ? null : 'NOT_ALLOWED';
  } catch {
    return 'NOT_ALLOWED'; // names that cannot be read, or a rule that failed: nobody
  }
}

function describe(
  trust: Trust,
  socket: TLSSocket,
  cause: string,
  peer: X509Certificate | undefined,
): Refusal {
  return {
    side: 'server',
    cause,
    serial: peer?.serialNumber ?? null,
    isOurs: peer !== undefined && issuerOf(trust, peer) !== null,
    protocol: socket.getProtocol(),
    remoteAddress: socket.remoteAddress ?? null,
  };
}
