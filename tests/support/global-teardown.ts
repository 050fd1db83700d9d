import { rm } from 'node:fs/promises';

/** Ends the server that global-setup started and removes its files. */
// oxlint-disable-next-line import/no-default-export -- jest asks for one
export default async function globalTeardown(): Promise<void> {
  const started = globalThis.gatehouseTestServer;
  if (started === undefined) return;
  globalThis.gatehouseTestServer = undefined;
  await started.server.stop();
  await rm(started.folder, { recursive: true, force: true });
}
