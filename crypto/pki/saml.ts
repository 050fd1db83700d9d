import { certificateError } from './pki-error.ts';
import type { Certificate } from './types.ts';

/**
 * The `KeyDescriptor` of SAML metadata for a signing certificate.
 *
 * @throws ERR_CRYPTO_CERTIFICATE for a certificate of another profile
 * @see https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf section 2.4.1.1
 */
export function samlKeyDescriptor({ profile, der }: Pick<Certificate, 'profile' | 'der'>): string {
  if (profile !== 'saml-signing')
    throw certificateError(
      `a certificate of profile ${profile} does not sign SAML; issue one of saml-signing`,
    );
  return [
    '<md:KeyDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" use="signing">',
    '<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>',
    der.toString('base64'),
    '</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>',
  ].join('');
}
