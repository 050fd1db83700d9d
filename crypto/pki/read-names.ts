import type { X509Certificate } from 'node:crypto';
import { derTag, oidOf, readDer } from './der-reader.ts';
import { extensionOid } from './extensions.ts';
import { generalNameTag, ipText } from './names.ts';
import { certificateError } from './pki-error.ts';
import type { AlternativeName } from './types.ts';

const maxBytes = 65_536;

/**
 * Reads the value of a subjectAltName extension: DNS, URI and IP names in visible ASCII and nothing else.
 *
 * @throws ERR_CRYPTO_CERTIFICATE
 */
export function readNames(value: Buffer, what: string): readonly AlternativeName[] {
  const list = readDer(value, `list of names of the ${what}`, maxBytes);
  if (list.tag !== derTag.sequence) throw certificateError(`the ${what} has names that cannot be read`);
  return list.children.map(({ tag, content }): AlternativeName => {
    if (tag === (0x80 | generalNameTag.dns)) return { kind: 'dns', value: asciiOf(content, what) };
    if (tag === (0x80 | generalNameTag.uri)) return { kind: 'uri', value: asciiOf(content, what) };
    const address = tag === (0x80 | generalNameTag.ip) ? ipText(content) : null;
    if (address === null)
      throw certificateError(`the ${what} has a kind of name that is not issued; DNS, IP and URI names are`);
    return { kind: 'ip', value: address };
  });
}

/** Visible ASCII only: a NUL or a control character would be read differently elsewhere. */
function asciiOf(content: Buffer, what: string): string {
  const text = content.toString('latin1');
  if (!/^[\x21-\x7e]+$/.test(text))
    throw certificateError(`the ${what} has a name with characters that are not visible ASCII`);
  return text;
}

/**
 * The alternative names of a certificate, for whoever decides by them: node's own text form must not be taken apart.
 *
 * @throws ERR_CRYPTO_CERTIFICATE when they are of other kinds than we issue
 */
export function namesOf(certificate: X509Certificate): readonly AlternativeName[] {
  const [body] = readDer(certificate.raw, 'certificate', maxBytes).children;
  const extensions = body?.children.find(({ tag }) => tag === 0xa3)?.children[0]?.children ?? [];
  const found = extensions.find(({ children }) => oidOf(children[0]) === extensionOid.subjectAltName);
  const value = found?.children.at(-1);
  return value === undefined ? [] : readNames(value.content, 'certificate');
}
