/**
 * A path of ours to go back to, or `/`. Takes only what the browser cannot read as another site: no scheme, no `//`, no
 * backslash, no control character.
 */
export function localPath(value: string | undefined): string {
  if (value === undefined || value.length > 2_000 || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(value))
    return '/';
  const url = new URL(value, 'http://local.invalid');
  return url.host === 'local.invalid'
    ? `${url.pathname.replace(/^\/{2,}/, '/')}${url.search}${url.hash}`
    : '/';
}
