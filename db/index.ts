export * from './connection-urls.ts';
export * from './database.ts';
export * from './embedded.ts';
export * from './errors.ts';
export * from './migrate.ts';
export * from './query-builder.ts';
export * from './self-check.ts';
export * from './statement.ts';
export type { Listener } from './listener.ts';
