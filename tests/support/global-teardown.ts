import { rm } from 'node:fs/promises';

/** Ends the server that global-setup started and removes its files. */
export default async function globalTeardown(): Promise<void> {
  const started = globalThis.gatehouseTestServer;
  if (started === undefined) return;
  await started.server.stop();
  await rm(started.folder, { recursive: true, force: true });
}
