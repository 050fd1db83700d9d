import { connect, createServer, type Socket } from 'node:net';

/** A stretch of network in front of a server, that a test can cut. */
export type TcpRelay = {
  readonly port: number;
  /** Where new connections lead. */
  readonly setTarget: (port: number) => void;
  /** The next message of at least so many bytes reaches the server, and its sender never hears of it again. */
  readonly cutAfterSending: (bytes: number) => void;
  readonly cuts: () => number;
  readonly close: () => Promise<void>;
};

/** @param target - port on loopback */
export async function startTcpRelay(target: number): Promise<TcpRelay> {
  const sockets = new Set<Socket>();
  let to = target;
  let cutAt: number | null = null;
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk) => {
      upstream.write(chunk);
      if (cutAt === null || chunk.length < cutAt) return;
      cutAt = null;
      cuts += 1;
      client.destroy();
      upstream.end(); // what was sent arrives first, then the end
    });
    upstream.on('data', (chunk) => void client.write(chunk));
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number }; // it listens on TCP
  return {
    port,
    setTarget: (next) => void (to = next),
    cutAfterSending: (bytes) => void (cutAt = bytes),
    cuts: () => cuts,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
