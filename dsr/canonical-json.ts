export { canonicalJson, sha256Hex, type CanonicalValue } from '../kernel/index.ts';
