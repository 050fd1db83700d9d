import pg from 'pg';
import type { Statement } from './statement.ts';

/** One step of a pipelined transaction. */
export type PipelineStep =
  | { readonly kind: 'statement'; readonly statement: Statement; readonly values: readonly unknown[] }
  /** Rows in PostgreSQL's binary COPY format, complete with header and trailer. */
  | { readonly kind: 'copy'; readonly statement: Statement; readonly rows: Buffer };

/** A connection on which whole transactions are sent without waiting for their parts. */
export type Pipeline = {
  /**
   * Sends all steps at once; they are one transaction, committed when the promise resolves. Rows that a step gives are
   * not read: a step that must hold raises an error in SQL.
   */
  readonly run: (steps: readonly PipelineStep[]) => Promise<void>;
  /** Gives the connection back. @param broken - what went wrong with it, if anything did */
  readonly release: (broken?: Error) => void;
};

/** What of the driver's connection this file uses. */
type Wire = {
  readonly stream: NodeJS.WritableStream & { cork(): void; uncork(): void };
  parse(message: { readonly name: string; readonly text: string }): void;
  bind(message: {
    readonly statement: string;
    readonly values: readonly unknown[];
    readonly valueMapper: (value: unknown) => unknown;
  }): void;
  execute(message: object): void;
  close(message: { readonly type: 'S'; readonly name: string }): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  sync(): void;
};

const { prepareValue } = (pg as unknown as { utils: { prepareValue: (value: unknown) => unknown } }).utils; // the driver's types leave it out
const copyHeaderBytes = 5;

/** Takes a connection for pipelined transactions. */
export function createPipeline(client: pg.PoolClient): Pipeline {
  const ignore = (): void => undefined; // a broken connection fails the running transaction, which tells its caller
  client.on('error', ignore);
  return Object.freeze({
    run: (steps: readonly PipelineStep[]) =>
      new Promise<void>((resolve, reject) => {
        client.query(createSubmittable(steps, resolve, reject));
      }),
    release: (broken?: Error) => {
      client.off('error', ignore);
      client.release(broken);
    },
  });
}

/** Statements that a connection has parsed; forgotten after an error, since it is not said how far it came. */
const parsed = new WeakMap<Wire, Set<string>>();

/**
 * All messages up to one Sync make one implicit transaction; after an error PostgreSQL skips to the Sync and rolls back.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
function createSubmittable(
  steps: readonly PipelineStep[],
  resolve: () => void,
  reject: (error: unknown) => void,
): pg.Submittable & Record<string, unknown> {
  const ignore = (): void => undefined;
  let wire: Wire | null = null;
  return {
    submit: (connection: unknown) => {
      wire = connection as Wire; // the driver hands over its connection
      wire.stream.cork();
      try {
        for (const step of steps) send(wire, step);
        wire.sync();
      } finally {
        wire.stream.uncork();
      }
      return null;
    },
    handleRowDescription: ignore,
    handleDataRow: ignore,
    handleCommandComplete: ignore,
    handleCopyInResponse: ignore, // the rows are on their way already
    handlePortalSuspended: ignore,
    handleEmptyQuery: ignore,
    handleReadyForQuery: () => {
      const known = (wire === null ? undefined : parsed.get(wire)) ?? new Set<string>();
      for (const { statement } of steps) known.add(statement.name);
      if (wire !== null) parsed.set(wire, known);
      resolve();
    },
    handleError: (error: unknown) => {
      if (wire !== null) parsed.delete(wire);
      reject(error);
    },
    callback: ignore,
  };
}

function send(wire: Wire, step: PipelineStep): void {
  const { name, text } = step.statement;
  if (parsed.get(wire)?.has(name) !== true) {
    wire.close({ type: 'S', name });
    wire.parse({ name, text });
  }
  const values = step.kind === 'statement' ? step.values : [];
  wire.bind({ statement: name, values, valueMapper: prepareValue });
  wire.execute({});
  if (step.kind === 'statement') return;
  wire.stream.write(copyDataHeader(step.rows.length));
  wire.stream.write(step.rows);
  wire.endCopyFrom();
}

function copyDataHeader(length: number): Buffer {
  const header = Buffer.from([0x64, 0, 0, 0, 0]); // CopyData
  header.writeUInt32BE(length + copyHeaderBytes - 1, 1);
  return header;
}
