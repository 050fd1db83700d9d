import { callRaw, type CallOptions } from '../api/client.ts';

/** Fetches a file with the session's credentials and hands it to the browser's downloads. */
export async function download(path: string, fallbackName: string, options: CallOptions = {}): Promise<void> {
  const response = await callRaw(path, { ...options, headers: { accept: '*/*', ...options.headers } });
  const named = /filename="?([^";]+)"?/.exec(response.headers.get('content-disposition') ?? '')?.[1];
  saveBlob(await response.blob(), named ?? fallbackName);
}

/** Saves bytes or text made here under a name. */
export function saveBlob(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
