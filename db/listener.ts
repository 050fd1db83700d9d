import pg from 'pg';
import type { Logger } from '../kernel/index.ts';

/** Called with the payload of a NOTIFY. */
export type NotificationHandler = (payload: string) => void;

/** One connection that LISTENs for all rooms and comes back after it broke. */
export type Listener = {
  /**
   * @param channel - lower-case letters and underscores
   * @returns ends this subscription
   */
  readonly subscribe: (channel: string, handler: NotificationHandler) => Promise<() => void>;
  /**
   * Calls back when the connection was lost and again when it returned: what was notified meanwhile is unknown, so caches
   * must be dropped. At the loss, because nothing tells them of a change from then on.
   */
  readonly onReconnect: (callback: () => void) => void;
  readonly close: () => Promise<void>;
};

const reconnectDelayMilliseconds = 500;

/** @param url - any login role; LISTEN needs no rights */
export function createListener(url: string, logger: Logger): Listener {
  const handlers = new Map<string, Set<NotificationHandler>>();
  const reconnectCallbacks: (() => void)[] = [];
  let client: pg.Client | null = null;
  let connecting: Promise<pg.Client> | null = null;
  let closed = false;

  const open = async (): Promise<pg.Client> => {
    const fresh = new pg.Client({
      connectionString: url,
      application_name: 'gatehouse-listener',
      keepAlive: true,
    });
    fresh.on('notification', ({ channel, payload }) => {
      for (const handler of handlers.get(channel) ?? []) handler(payload ?? '');
    });
    fresh.on('error', (error) => logger.warn('the notification connection broke', { error }));
    fresh.on('end', () => {
      client = null;
      for (const callback of reconnectCallbacks) callback();
      if (!closed) setTimeout(() => void reconnect(), reconnectDelayMilliseconds).unref();
    });
    await fresh.connect();
    for (const channel of handlers.keys()) await fresh.query(`listen ${fresh.escapeIdentifier(channel)}`);
    client = fresh;
    return fresh;
  };
  const ensure = async (): Promise<pg.Client> => {
    if (client !== null) return client;
    connecting ??= open().finally(() => (connecting = null));
    return connecting;
  };
  const reconnect = async (): Promise<void> => {
    if (closed || handlers.size === 0) return;
    try {
      await ensure();
      for (const callback of reconnectCallbacks) callback();
    } catch {
      setTimeout(() => void reconnect(), reconnectDelayMilliseconds).unref(); // the database is away; the pools report it
    }
  };
  return Object.freeze({
    subscribe: async (channel: string, handler: NotificationHandler) => {
      if (!/^[a-z_]{1,63}$/.test(channel))
        throw new RangeError(`channel "${channel}" must be lower-case letters and underscores`);
      const known = handlers.get(channel);
      const set = known ?? new Set<NotificationHandler>();
      set.add(handler);
      handlers.set(channel, set);
      const current = await ensure();
      if (known === undefined) await current.query(`listen ${current.escapeIdentifier(channel)}`);
      return () => void set.delete(handler);
    },
    onReconnect: (callback: () => void) => void reconnectCallbacks.push(callback),
    close: async () => {
      closed = true;
      await client?.end();
    },
  });
}
