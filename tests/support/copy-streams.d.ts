declare module 'pg-copy-streams' {
  import type { Writable } from 'node:stream';
  import type { Submittable } from 'pg';
  /** A writable stream that is submitted to a client as a query. */
  export function from(text: string): Writable & Submittable;
}
