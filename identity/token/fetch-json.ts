const timeoutMilliseconds = 5_000;
const maxBytes = 512 * 1024;

/**
 * Gets a JSON document: no redirect is followed, five seconds, half a megabyte.
 *
 * @throws TypeError when the answer is anything but 200 with JSON
 */
export async function fetchJson(url: string): Promise<unknown> {
  const { protocol, hostname } = new URL(url);
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && loopback))
    throw new TypeError('an issuer is only asked over https');
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMilliseconds),
    headers: { accept: 'application/json' },
  });
  if (response.status !== 200) throw new TypeError(`the answer was ${response.status}`);
  return JSON.parse(await readBounded(response)) as unknown;
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new TypeError('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
