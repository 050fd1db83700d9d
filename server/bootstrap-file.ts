import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';

const userSchema = z.object({
  email: z.string(),
  password: z.string(),
  totpSecret: z.string(),
  roles: z.array(z.string()),
});
const serviceAccountSchema = z.object({
  name: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  roles: z.array(z.string()),
});
const tenantSchema = z.object({
  id: z.string(),
  slug: z.string(),
  logId: z.string(),
  vkey: z.string(),
  users: z.array(userSchema),
  serviceAccounts: z.array(serviceAccountSchema),
});

/** The shape of `.gatehouse/bootstrap.json`: what scripts need to sign in. Public surface of development. */
export const bootstrapSchema = z.object({
  url: z.string(),
  databaseUrl: z.string(),
  tokenEndpoint: z.string(),
  tenants: z.array(tenantSchema),
});

/** @see {@link bootstrapSchema} */
export type Bootstrap = z.infer<typeof bootstrapSchema>;
/** One tenant of it. */
export type BootstrapTenant = z.infer<typeof tenantSchema>;

const pathIn = (dataFolder: string): string => join(dataFolder, 'bootstrap.json');

/** Writes the file, mode 0600, in one step. */
export async function writeBootstrap(dataFolder: string, bootstrap: Bootstrap): Promise<void> {
  const draft = `${pathIn(dataFolder)}.new`;
  await writeFile(draft, `${JSON.stringify(bootstrap, null, 2)}\n`, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, pathIn(dataFolder));
}

/** Reads the file of the data folder that the environment names; null when no house was started there. */
export async function readBootstrap(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Bootstrap | null> {
  const folder = resolve(environment['GATEHOUSE_DATA_DIR'] ?? '.gatehouse');
  try {
    return bootstrapSchema.parse(JSON.parse(await readFile(pathIn(folder), 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null; // an errno error of node:fs
    throw error;
  }
}
