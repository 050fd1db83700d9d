import type { z } from 'zod';
import type { CallContext, Principal } from './principal.ts';

/** Who may call a route, and with what assurance. */
export type RouteSecurity =
  | { readonly kind: 'public'; readonly reason: string }
  | {
      readonly kind: 'principal';
      /** The action that policy decides, e.g. `audit.read`; the resource is the route's own unless the handler decides. */
      readonly action: string;
      /** Fresh authentication that the route demands (RFC 9470). */
      readonly stepUp?: { readonly level: 2 | 3; readonly maxAgeSeconds: number };
    };

/** How a route is recorded: by an event its handler appends, or not at all, with the reason why not. */
export type RouteAudit =
  | { readonly kind: 'event'; readonly actions: readonly string[] }
  | { readonly kind: 'none'; readonly reason: string };

/** What a handler is given. Input is parsed; `principal` is null only on public routes. */
export type HandlerInput<Params, Query, Body> = {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Principal | null;
  readonly call: CallContext;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly idempotencyKey: string | null;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
};

/** What a handler answers; `body` is a value for JSON, a Buffer, a string, or an async iterable of chunks for streams. */
export type HandlerResult = {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Cookies to set, as complete Set-Cookie values. */
  readonly cookies?: readonly string[];
};

/** A response that a route documents. */
export type RouteResponse = {
  readonly description: string;
  /** JSON body; leave out for empty or non-JSON bodies. */
  readonly schema?: z.ZodType;
  /** Default `application/json` when there is a schema. */
  readonly contentType?: string;
  /** Beside the JSON: what a body that is a string is sent as, such as `text/csv; charset=utf-8`. */
  readonly textType?: string;
};

/** A route is data: from it come validation, OpenAPI, the CLI's remote calls and the console's types. */
export type Route<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
> = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** OpenAPI form: `/v1/dsr/requests/{id}`; a last `{path*}` takes the rest. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly security: RouteSecurity;
  readonly audit: RouteAudit;
  readonly request: {
    readonly params?: Params;
    readonly query?: Query;
    readonly body?: Body;
    readonly bodyLimitBytes?: number;
  };
  readonly responses: Readonly<Record<number, RouteResponse>>;
  readonly handler: (
    input: HandlerInput<z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Promise<HandlerResult>;
};

/** A route with its types forgotten, as tables of routes hold it. */
// oxlint-disable-next-line typescript/no-explicit-any -- variance: a table holds routes of every input type
export type AnyRoute = Route<any, any, any>;

/** Declares a route; leaving out `security` or `audit` does not compile. */
export function defineRoute<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType>(
  route: Route<Params, Query, Body>,
): Route<Params, Query, Body> {
  return Object.freeze(route);
}
