/** What this browser remembers of a log's key. */
export type KeyMemory = { readonly vkey: string; readonly since: string };

/** Remembers the key of a log at first sight; a later, different key is told by `changed`. */
export function recallKey(origin: string, vkey: string): KeyMemory & { readonly changed: boolean } {
  const name = `gatehouse.log-key.${origin}`;
  const stored = localStorage.getItem(name);
  if (stored !== null) {
    const memory = JSON.parse(stored) as KeyMemory; // written below
    return { ...memory, changed: memory.vkey !== vkey };
  }
  const memory = { vkey, since: new Date().toISOString() };
  localStorage.setItem(name, JSON.stringify(memory));
  return { ...memory, changed: false };
}
