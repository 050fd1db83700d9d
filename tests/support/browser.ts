/** A page that came back after all redirects. */
export type Page = { readonly url: string; readonly status: number; readonly html: string };

/** A browser without scripts: cookies by origin, redirects, forms. */
export type Browser = {
  readonly open: (url: string) => Promise<Page>;
  /** Follows redirects only while `go` says so; gives the place of the first one it did not follow. */
  readonly openUntil: (url: string, stop: (location: string) => boolean) => Promise<string>;
  /** Fills the form that has all these fields and sends it. */
  readonly submit: (page: Page, fields: Readonly<Record<string, string>>) => Promise<Page>;
  readonly submitUntil: (
    page: Page,
    fields: Readonly<Record<string, string>>,
    stop: (location: string) => boolean,
  ) => Promise<string>;
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>;
  readonly cookie: (url: string, name: string) => string | undefined;
  readonly setCookie: (url: string, name: string, value: string) => void;
};

const unescape = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&#x3D;', '=')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

const attribute = (tag: string, name: string): string | undefined => {
  const match = new RegExp(`\\s${name}\\s*=\\s*"([^"]*)"`).exec(tag);
  return match?.[1] === undefined ? undefined : unescape(match[1]);
};

type Sent = { readonly target: string; readonly init: RequestInit };

/** The form of a page that has all the fields, filled. */
export function fillForm(page: Page, fields: Readonly<Record<string, string>>): Sent {
  for (const [form] of page.html.matchAll(/<form\b[\s\S]*?<\/form>/g)) {
    const inputs = [...form.matchAll(/<(?:input|button)\b[^>]*>/g)].map(([tag]) => tag);
    const names = inputs.map((tag) => attribute(tag, 'name'));
    if (!Object.keys(fields).every((name) => names.includes(name))) continue;
    const body = new URLSearchParams();
    for (const tag of inputs) {
      const name = attribute(tag, 'name');
      if (name !== undefined && attribute(tag, 'type') === 'hidden')
        body.set(name, attribute(tag, 'value') ?? '');
    }
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    const action = attribute(form.slice(0, form.indexOf('>') + 1), 'action') ?? page.url;
    return { target: new URL(action, page.url).href, init: { method: 'POST', body } };
  }
  throw new Error(
    `no form with ${Object.keys(fields).join(', ')} on ${page.url} (${page.status}): ${page.html.slice(0, 600)}`,
  );
}

/** Opens a browser with an empty jar. */
export function createBrowser(): Browser {
  const jar = new Map<
    string,
    { readonly origin: string; readonly path: string; readonly name: string; readonly value: string }
  >();

  const keep = (url: string, response: Response): void => {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...rest] = line.split(';').map((part) => part.trim());
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      const path = rest.find((part) => /^path=/i.test(part))?.slice(5) ?? '/';
      const origin = new URL(url).host;
      const key = `${origin}|${path}|${name}`;
      const gone = rest.some(
        (part) =>
          /^max-age=0$/i.test(part) || (/^expires=/i.test(part) && Date.parse(part.slice(8)) < Date.now()),
      );
      if (gone) jar.delete(key);
      else jar.set(key, { origin, path, name, value });
    }
  };

  const request = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const { host, pathname } = new URL(url);
    const cookies = [...jar.values()].filter(
      (cookie) => cookie.origin === host && pathname.startsWith(cookie.path),
    );
    const headers = new Headers(init.headers);
    if (cookies.length > 0)
      headers.set('cookie', cookies.map(({ name, value }) => `${name}=${value}`).join('; '));
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    keep(url, response);
    return response;
  };

  const travel = async (
    sent: Sent,
    stop: (location: string) => boolean,
  ): Promise<{ page: Page } | { stopped: string }> => {
    let { target, init } = sent;
    for (let hop = 0; hop < 20; hop += 1) {
      const response = await request(target, init);
      const location = response.headers.get('location');
      if (location === null)
        return { page: { url: target, status: response.status, html: await response.text() } };
      await response.body?.cancel();
      target = new URL(location, target).href;
      if (stop(target)) return { stopped: target };
      init = {};
    }
    throw new Error(`too many redirects, last to ${target}`);
  };
  const page = async (sent: Sent): Promise<Page> => {
    const end = await travel(sent, () => false);
    return 'page' in end ? end.page : Promise.reject(new Error('unreachable'));
  };
  const until = async (sent: Sent, stop: (location: string) => boolean): Promise<string> => {
    const end = await travel(sent, stop);
    if ('stopped' in end) return end.stopped;
    throw new Error(
      `expected a redirect, got ${end.page.status} at ${end.page.url}: ${end.page.html.replace(/\s+/g, ' ').slice(0, 900)}`,
    );
  };
  return Object.freeze({
    open: (url: string) => page({ target: url, init: {} }),
    openUntil: (url: string, stop: (location: string) => boolean) => until({ target: url, init: {} }, stop),
    submit: (from: Page, fields: Readonly<Record<string, string>>) => page(fillForm(from, fields)),
    submitUntil: (
      from: Page,
      fields: Readonly<Record<string, string>>,
      stop: (location: string) => boolean,
    ) => until(fillForm(from, fields), stop),
    fetch: request,
    cookie: (url: string, name: string) =>
      [...jar.values()].find((one) => one.origin === new URL(url).host && one.name === name)?.value,
    setCookie: (url: string, name: string, value: string) => {
      const { host } = new URL(url);
      jar.set(`${host}|/|${name}`, { origin: host, path: '/', name, value });
    },
  });
}
