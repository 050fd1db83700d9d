/** `/docs/audit/verify`: plain HTML, readable without styles or scripts. */
export const verifyPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Verify the audit trail without us</title></head>
<body><main>
<h1>Verify the audit trail without us</h1>
<p>Every tenant has one append-only log. It speaks public formats, so you need none of our software and none of our word:
<a href="https://c2sp.org/tlog-tiles">tlog-tiles</a>, <a href="https://c2sp.org/tlog-checkpoint">tlog-checkpoint</a>,
<a href="https://c2sp.org/signed-note">signed-note</a>, hashing as in <a href="https://www.rfc-editor.org/rfc/rfc6962">RFC 6962</a>, signatures in Ed25519 and, beside
them, ML-DSA-44 (<a href="https://c2sp.org/tlog-cosignature">tlog-cosignature</a>). What does not know the second kind ignores it.</p>
<h2>What you need</h2>
<ul>
<li>the log's address, <code>/log/{logId}</code> on this host</li>
<li>its verifier keys (vkeys), shown by <code>GET /v1/audit/log</code> and at <code>/log/{logId}/keys</code>. Note them once; they do not change. Trust rests on them.</li>
</ul>
<h2>With public tools</h2>
<ol>
<li><code>GET /log/{logId}/checkpoint</code> gives origin, size and root hash with a signature. Any signed-note library checks it against the vkey.</li>
<li><code>GET /log/{logId}/tile/entries/000</code> and on give the entries in bundles of 256, <code>/tile/0/000</code> and on their hashes.
Any tlog-tiles client can read the whole log, rebuild the root and compare it with the checkpoint.</li>
<li>Keep the checkpoints you see. A later one must be consistent with every earlier one: that is how a rewritten history shows.
The house keeps them all: <code>GET /v1/audit/log/checkpoints</code>, and <code>GET /v1/audit/log/consistency?from&amp;to</code> proves one from another.</li>
</ol>
<h2>With openssl and a shell</h2>
<pre>curl -s https://HOST/log/LOGID/checkpoint > checkpoint
# the signed text: everything before the empty line, with its last newline
sed '/^$/,$d' checkpoint > text
# the Ed25519 signature: the last 64 of the 68 bytes after the name in the first line of signatures
sed -n 's/^— [^ ]* //p' checkpoint | head -n 1 | base64 -d | tail -c 64 > signature
# the public key: the last 32 bytes of the vkey's third part, as DER
(printf '302a300506032b6570032100' | xxd -r -p; printf '%s' "\${VKEY##*+}" | base64 -d | tail -c 32) > key.der
openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in text -sigfile signature</pre>
<h2>One event</h2>
<p><code>GET /v1/audit/events/{seq}/tlog-proof</code> gives a <a href="https://c2sp.org/tlog-proof">.tlog-proof</a> file. Any verifier of that format
checks it against the exact bytes of the entry (<code>canonical</code> of the event) and a <a href="https://c2sp.org/tlog-policy">policy file</a>
of two lines: <code>log VKEY</code> and <code>quorum none</code>.</p>
<h2>All logs, and who watches them</h2>
<p>The log <code>/log/platform</code> has a leaf for every checkpoint of every tenant, about a second after it was signed. A leaf holds hashes only:
<code>gatehouse-checkpoint/v1</code>, <code>log</code> and the SHA-256 of the origin, <code>checkpoint</code> and the SHA-256 of the checkpoint's text, in
base64, a line each. <code>GET /v1/audit/events/{seq}/platform-proof</code> leads from an event to it by two .tlog-proof files. Witnesses that the operator
names cosign it; <code>/log/platform/witnessed-checkpoint</code> is the newest that enough of them signed. To be sure that nobody is shown another
history, look for every leaf with the hash of your origin and demand the checkpoint behind each; or run a witness yourself:
<code>gatehouse audit witness</code>.</p>
<h2>An evidence pack</h2>
<p>Unpack it and run <code>node verify.mjs</code>: one page of code that imports only <code>node:crypto</code> and <code>node:fs</code>. It checks the
signatures, the tree, every entry, that none was left out, and every disclosed name against its commitment.</p>
<h2>With our command line</h2>
<pre>gatehouse audit verify --url https://HOST/log/LOGID --vkey VKEY
gatehouse audit verify --pack evidence.zip --vkey VKEY
gatehouse audit verify --db --tenant SLUG</pre>
<p>Exit code 0: everything holds. 1: something does not; the first bad sequence number is named. 2: wrong use.</p>
<h2>What an entry holds</h2>
<p>Ids, action, outcome, time and decision in the clear; of people only commitments, SHA-256 over a 32-byte salt and the value. When a person is
erased, the key to salt and value is destroyed. The entry does not change, and every proof still holds.</p>
</main></body>
</html>
`;
