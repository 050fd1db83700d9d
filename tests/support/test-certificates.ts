import { execFile, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A key with its certificate, as text and as files. */
export type TestCertificate = {
  readonly key: string;
  readonly cert: string;
  readonly keyFile: string;
  readonly certFile: string;
};

/** Why certificates cannot be made here, or null. */
export const missingOpenssl = (): string | null =>
  spawnSync('openssl', ['version']).status === 0 ? null : 'openssl is not installed';

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];

/** An authority of its own in a folder. */
export async function createAuthority(folder: string, name: string): Promise<TestCertificate> {
  const [keyFile, certFile] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  const use = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
  await run('openssl', [
    'req',
    '-x509',
    ...curve,
    '-keyout',
    keyFile,
    '-out',
    certFile,
    '-subj',
    `/CN=${name}`,
    ...use,
  ]);
  return read(keyFile, certFile);
}

/** A certificate for this machine and for clients, signed by an authority. */
export async function issueCertificate(
  folder: string,
  name: string,
  authority: TestCertificate,
): Promise<TestCertificate> {
  const [keyFile, certFile, request] = ['key', 'pem', 'csr'].map((end) => join(folder, `${name}.${end}`));
  if (keyFile === undefined || certFile === undefined || request === undefined)
    throw new Error('three names');
  const extensions = join(folder, `${name}.ext`);
  await writeFile(
    extensions,
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  await run('openssl', [
    'req',
    '-new',
    ...curve.slice(0, 5),
    '-keyout',
    keyFile,
    '-out',
    request,
    '-subj',
    `/CN=${name}`,
  ]);
  const by = ['-CA', authority.certFile, '-CAkey', authority.keyFile, '-CAcreateserial'];
  await run('openssl', [
    'x509',
    '-req',
    '-in',
    request,
    ...by,
    '-out',
    certFile,
    '-days',
    '2',
    '-extfile',
    extensions,
  ]);
  return read(keyFile, certFile);
}

async function read(keyFile: string, certFile: string): Promise<TestCertificate> {
  const [key, cert] = [await readFile(keyFile, 'utf8'), await readFile(certFile, 'utf8')];
  return { key, cert, keyFile, certFile };
}
