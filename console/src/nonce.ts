/** The style nonce that the server put into the page for this response. */
export function readNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
}

// react-remove-scroll and its kin read the nonce of their style elements here.
(globalThis as { __webpack_nonce__?: string }).__webpack_nonce__ = readNonce();
