import type { IncomingMessage } from 'node:http';

const maxBytes = 8_192;

/** Reads a form post; null when it is none, longer than 8 KiB, or holds U+0000, which PostgreSQL does not store. */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams | null> {
  const type = request.headers['content-type'] ?? '';
  if (!type.toLowerCase().startsWith('application/x-www-form-urlencoded')) return null;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) return null;
    chunks.push(chunk);
  }
  const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
  return [...form.values()].some((value) => value.includes('\0')) ? null : form;
}
