import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret, systemRandomBytes } from '../../kernel/index.ts';
import { describeProvider } from './conformance.ts';
import { createLocalProvider } from './local-provider.ts';

describeProvider('local (sealed file)', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-local-'));
  const provider = await createLocalProvider({
    file: join(folder, 'root.json'),
    passphrase: new Secret('a passphrase for tests only'),
    randomBytes: systemRandomBytes,
    costLog2: 14,
  });
  return { provider, makeFault: async () => null, dispose: () => rm(folder, { recursive: true }) };
});
