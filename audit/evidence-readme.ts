import type { EvidenceRange } from './evidence.ts';

/** The README of a pack: what it holds and how a stranger checks it. */
export function evidenceReadme({ log, checkpoint, from, to }: EvidenceRange): string {
  return `# Evidence: ${log.origin}, events ${from} to ${to - 1}

This pack shows every event of the log with ${from} <= seq < ${to}, out of the ${checkpoint.size} that its checkpoint signs.

## Check it

    node verify.mjs

needs only Node.js 18 or newer and no network. Read the file first if you like: it is one page and imports only node:crypto and node:fs.
It prints OK, or the first entry that does not hold. What the answer rests on are the keys in vkey.txt, Ed25519 and ML-DSA-44: compare them with
those that the operator of the log published, or that you noted at an earlier date.

## Check it without our code

The formats are public: c2sp.org/tlog-tiles, tlog-checkpoint, signed-note and RFC 6962. \`checkpoint\` and \`tile/\` are laid out as a
log serves them, so any tlog-tiles client reads them; a pack of the whole log (from 0) is a complete static log. By hand, with openssl:

- the checkpoint's signed text is everything up to and including the newline before the empty line; the last 64 bytes of the decoded
  first signature line are its Ed25519 signature; the last 32 bytes of the decoded third part of the first line of vkey.txt are the public key
- the leaf hash of an entry is SHA-256 over the byte 00 and the entry: \`(printf '\\0'; cat entry) | openssl sha256\`

## Files

- \`statement.json\` the range, the tree, when the pack was made
- \`events.ndjson\` one event a line: \`seq\`, \`entry\` (the exact text that was hashed), \`groups\` (who acted and from where, with the salt that
  proves it; \`erased\` when the person's key was destroyed: then only the commitment is left, and every proof still holds)
- \`events.csv\` the same for spreadsheets, derived and not itself proved
- \`tile/entries/\` the entries in bundles of 256, \`tile/0/\` their hashes, \`tile/1/\` and up the tree above
- \`checkpoint\` size and root of the log with its signature, \`vkey.txt\` the key, \`verify.mjs\` the verifier
`;
}
