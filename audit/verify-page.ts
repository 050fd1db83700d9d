/** `/docs/audit/verify`: plain HTML, readable without styles or scripts. */
export const verifyPage = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Verify the audit trail without us</title></head>
<body><main>
<h1>Verify the audit trail without us</h1>
<p>Every tenant has one append-only log. It speaks public formats, so you need none of our software and none of our word:
<a href="https://c2sp.org/tlog-tiles">tlog-tiles</a>, <a href="https://c2sp.org/tlog-checkpoint">tlog-checkpoint</a>,
<a href="https://c2sp.org/signed-note">signed-note</a>, hashing as in <a href="https://www.rfc-editor.org/rfc/rfc6962">RFC 6962</a>, signatures in Ed25519.</p>
<h2>What you need</h2>
<ul>
<li>the log's address, <code>/log/{logId}</code> on this host</li>
<li>its verifier key (vkey), shown in the console and by <code>GET /v1/audit/log</code>. Note it once; it does not change. Trust rests on it.</li>
</ul>
<h2>With public tools</h2>
<ol>
<li><code>GET /log/{logId}/checkpoint</code> gives origin, size and root hash with a signature. Any signed-note library checks it against the vkey.</li>
<li><code>GET /log/{logId}/tile/entries/000</code> and on give the entries in bundles of 256, <code>/tile/0/000</code> and on their hashes.
Any tlog-tiles client can read the whole log, rebuild the root and compare it with the checkpoint.</li>
<li>Keep the checkpoints you see. A later one must be consistent with every earlier one: that is how a rewritten history shows.</li>
</ol>
<h2>With openssl and a shell</h2>
<pre>curl -s https://HOST/log/LOGID/checkpoint > checkpoint
# the signed text: everything before the empty line, with its last newline
sed '/^$/,$d' checkpoint > text
# the signature: the last 64 of the 68 bytes after the name
sed -n 's/^— [^ ]* //p' checkpoint | base64 -d | tail -c 64 > signature
# the public key: the last 32 bytes of the vkey's third part, as DER
(printf '302a300506032b6570032100' | xxd -r -p; printf '%s' "\${VKEY##*+}" | base64 -d | tail -c 32) > key.der
openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in text -sigfile signature</pre>
<h2>An evidence pack</h2>
<p>Unpack it and run <code>node verify.mjs</code>: one page of code that imports only <code>node:crypto</code> and <code>node:fs</code>. It checks the
signature, the tree, every entry, that none was left out, and every disclosed name against its commitment.</p>
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
