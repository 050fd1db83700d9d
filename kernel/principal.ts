import type { PrincipalId, TenantId } from './ids.ts';

/** How sure we are of who acts. */
export type Assurance = {
  /** NIST SP 800-63B authenticator assurance level. */
  readonly level: 1 | 2 | 3;
  /** When the person last authenticated; null for machines. */
  readonly authenticatedAt: Date | null;
  /** RFC 8176 authentication method references, such as `pwd`, `otp`, `hwk`. */
  readonly methods: readonly string[];
};

/** Who acts, from whichever provider, with exactly the assurance that was proved. */
export type Principal = {
  readonly kind: 'user' | 'service_account' | 'data_subject' | 'system';
  readonly tenantId: TenantId;
  readonly id: PrincipalId;
  /** What a person reads: a name, never used for decisions. */
  readonly displayName: string;
  readonly email: string | null;
  readonly roles: readonly string[];
  /** Facts for policy conditions, such as `region`. */
  readonly attributes: Readonly<Record<string, string | readonly string[]>>;
  readonly assurance: Assurance;
  readonly sessionId: string | null;
};

/** Where a call came from. */
export type Origin = {
  readonly ip: string | null;
  readonly userAgent: string | null;
  /** Which of our services or clients spoke, e.g. `console`, `api`, `cli`, `job`. */
  readonly service: string;
};

/** What belongs to one call and travels with it. */
export type CallContext = {
  readonly requestId: string;
  /** W3C trace context, when the caller sent one. */
  readonly traceparent: string | null;
  readonly origin: Origin;
};
