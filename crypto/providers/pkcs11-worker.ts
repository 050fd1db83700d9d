import { parentPort, workerData } from 'node:worker_threads';
import { pkcs11Failure } from './pkcs11-errors.ts';
import type { Pkcs11Reply, Pkcs11Request, Pkcs11Settings } from './pkcs11-messages.ts';
import { createSessionHolder, type SessionHolder } from './pkcs11-session.ts';
import { doWork } from './pkcs11-token.ts';

/** The thread's body: calls into the token maker's library block, so they block here only. */
const settings = workerData as Pkcs11Settings; // given by pkcs11-thread.ts
let holder: SessionHolder | null = null;

parentPort?.on('message', (request: Pkcs11Request) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply));
});

async function answer({ id, work }: Pkcs11Request): Promise<Pkcs11Reply> {
  try {
    holder ??= await createSessionHolder(settings);
    return { id, value: holder.use((session) => doWork(session, work)) };
  } catch (error) {
    return { id, failure: pkcs11Failure(error) };
  } finally {
    if (work.kind === 'wrap') work.key.fill(0);
  }
}
