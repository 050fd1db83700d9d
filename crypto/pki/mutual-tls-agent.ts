import { X509Certificate } from 'node:crypto';
import { Agent, type AgentOptions, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import {
  connect,
  createSecureContext,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { compileTrust, issuerOf, judge, type Refusal, type Trust } from './mutual-tls-judge.ts';
import type { MutualTlsMaterial } from './types.ts';

/** What a client needs. */
export type MutualTlsAgentOptions = {
  readonly material: MutualTlsMaterial;
  /** Told of every server that was refused; must not throw. */
  readonly onRefused?: (refusal: Refusal) => void;
  readonly now?: () => Date;
  /** Connections to one server at a time; default 50. */
  readonly maxSockets?: number;
};

/** An agent for `https.request` that shows a client certificate and checks the server's against authorities and lists. */
export type MutualTlsAgent = {
  readonly agent: Agent;
  /**
   * Takes new certificates and lists without a restart: idle connections are not used again, those to servers that are
   * not good any more are ended.
   *
   * @throws ERR_CRYPTO_CERTIFICATE; then nothing changed
   */
  readonly reload: (material: MutualTlsMaterial) => { readonly ended: number };
  readonly close: () => void;
};

/** Makes the agent. Sessions are not resumed, so that every connection checks the server anew. */
export function createMutualTlsAgent(options: MutualTlsAgentOptions): MutualTlsAgent {
  const state = createState(options);
  const agent = new JudgingAgent(state, {
    keepAlive: true,
    maxCachedSessions: 0,
    maxSockets: options.maxSockets ?? 50,
  });
  return Object.freeze({
    agent,
    reload: (material: MutualTlsMaterial) => {
      const done = state.reload(material);
      const idle = Object.values(agent.freeSockets).flatMap((sockets) => sockets ?? []);
      for (const socket of idle) if (!state.isCurrent(socket)) socket.destroy();
      return done;
    },
    close: () => {
      agent.destroy();
      for (const socket of state.open) socket.destroy();
    },
  });
}

type State = ReturnType<typeof createState>;

/** An open connection: the material it was opened under, and whom it speaks to once the handshake is done. */
type Connection = { readonly context: SecureContext; peer: X509Certificate | undefined };

function createState(options: MutualTlsAgentOptions) {
  const now = options.now ?? (() => new Date());
  let trust = compileTrust(options.material, null);
  let context = createSecureContext(trust.options);
  const open = new Map<TLSSocket, Connection>();
  const refused = (socket: TLSSocket, cause: string, peer: X509Certificate | undefined): void =>
    options.onRefused?.(describe(trust, socket, cause, peer));
  const sweep = (): number => {
    let ended = 0;
    for (const [socket, { peer }] of open) {
      const cause = peer === undefined || !socket.authorized ? null : judge(trust, peer, now()); // the handshake judges the others
      if (cause === null) continue;
      refused(socket, cause, peer);
      socket.destroy();
      ended += 1;
    }
    return ended;
  };
  return {
    get open() {
      return open.keys();
    },
    /** Opened under the material of now, to a server that is still good. */
    isCurrent: (socket: unknown): boolean => {
      const connection = open.get(socket as TLSSocket); // the agent's sockets are those of connect
      return connection?.context === context && judge(trust, connection.peer, now()) === null;
    },
    connect: (connection: ConnectionOptions): TLSSocket => {
      const socket = connect({ ...connection, secureContext: context, rejectUnauthorized: true });
      const entry: Connection = { context, peer: undefined };
      open.set(socket, entry);
      socket.once('close', () => open.delete(socket));
      // Before node judges: a refused socket has forgotten whom it spoke to.
      socket.prependOnceListener('secure', () => (entry.peer = peerOf(socket)));
      socket.once('error', () => {
        const cause: unknown = socket.authorizationError; // declared as an Error; node gives its code
        if (typeof cause !== 'string') return;
        const own = entry.peer === undefined ? null : judge(trust, entry.peer, now());
        refused(socket, own ?? cause, entry.peer);
      });
      return socket;
    },
    reload: (material: MutualTlsMaterial) => {
      const fresh = compileTrust(material, trust);
      context = createSecureContext(fresh.options);
      trust = fresh;
      return { ended: sweep() };
    },
  };
}

/** Not `getPeerX509Certificate`: at the client's end it takes the certificate out of the chain that node looks at next. */
function peerOf(socket: TLSSocket): X509Certificate | undefined {
  const { raw }: { readonly raw?: Buffer } = socket.getPeerCertificate();
  return raw === undefined ? undefined : new X509Certificate(raw);
}

/** Opens connections under the material of the moment and keeps none from before. */
class JudgingAgent extends Agent {
  readonly #state: State;

  constructor(state: State, options: AgentOptions) {
    super(options);
    this.#state = state;
  }

  override createConnection(options: RequestOptions): Duplex {
    return this.#state.connect(options as ConnectionOptions); // the agent merges both kinds into one
  }

  override keepSocketAlive(socket: Duplex): boolean {
    const keeps: unknown = super.keepSocketAlive(socket); // declared as void; node gives a boolean
    return keeps !== false && this.#state.isCurrent(socket);
  }

  override reuseSocket(socket: Duplex, request: Parameters<Agent['reuseSocket']>[1]): void {
    if (this.#state.isCurrent(socket)) super.reuseSocket(socket, request);
    else socket.destroy();
  }
}

function describe(
  trust: Trust,
  socket: TLSSocket,
  cause: string,
  peer: X509Certificate | undefined,
): Refusal {
  return {
    side: 'client',
    cause,
    serial: peer?.serialNumber ?? null,
    isOurs: peer !== undefined && issuerOf(trust, peer) !== null,
    protocol: socket.getProtocol(),
    remoteAddress: socket.remoteAddress ?? null,
  };
}
