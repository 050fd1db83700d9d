-- Who is asking: users, providers, sessions, second factors, service accounts, and the embedded provider's own state.

create table identity.connection (
  tenant_id uuid not null,
  id uuid not null,
  name text not null check (length(name) between 1 and 100),
  kind text not null check (kind in ('embedded', 'oidc', 'keycloak')),
  state text not null default 'active' check (state in ('draft', 'tested', 'active', 'disabled')),
  issuer text not null check (length(issuer) between 1 and 500),
  client_id text not null check (length(client_id) between 1 and 200),
  client_secret bytea,
  audience text not null check (length(audience) between 1 and 500),
  authorized_parties text[] not null default '{}',
  algorithms text[] not null default '{RS256,ES256,PS256,EdDSA}',
  role_claim text,
  role_mapping jsonb not null default '{}',
  acr_mapping jsonb not null default '{"aal1": 1, "aal2": 2}',
  created_at timestamptz not null,
  primary key (tenant_id, id)
);
comment on table identity.connection is 'An identity provider of a tenant';
comment on column identity.connection.client_secret is 'CT1 ciphertext under the tenant key of purpose identity';
comment on column identity.connection.role_claim is 'Dotted path of the claim that lists roles, such as realm_access.roles';
comment on column identity.connection.role_mapping is 'Provider role to house role; a role that is not named here gives nothing';
comment on column identity.connection.acr_mapping is 'Returned acr to assurance level 1..3; what is not named counts as 1';
create unique index connection_embedded on identity.connection (tenant_id, kind) where kind = 'embedded';
call db.protect_tenant_table('identity.connection');

create table identity.issuer (
  issuer text not null,
  authorized_party text not null,
  tenant_id uuid not null,
  connection_id uuid not null,
  primary key (issuer, authorized_party)
);
comment on table identity.issuer is
  'Platform: which tenant a bearer token of a foreign issuer and client belongs to; holds no personal data';

create table identity.user (
  tenant_id uuid not null,
  id uuid not null,
  email text check (length(email) <= 254),
  display_name text not null check (length(display_name) between 1 and 200),
  state text not null default 'active' check (state in ('active', 'disabled')),
  login_email text check (login_email = lower(login_email)),
  password_hash text,
  roles text[] not null default '{}',
  attributes jsonb not null default '{}',
  created_at timestamptz not null,
  last_sign_in_at timestamptz,
  disabled_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, login_email),
  check ((login_email is null) = (password_hash is null))
);
comment on table identity.user is 'A person who works for the tenant';
comment on column identity.user.login_email is 'Name at the embedded provider; an e-mail that a foreign provider asserts never comes here';
comment on column identity.user.password_hash is 'argon2id in PHC string form';
comment on column identity.user.roles is 'Roles that the provider asserted at the last sign-in; grants live in policy';
call db.protect_tenant_table('identity.user');

create table identity.federated_identity (
  tenant_id uuid not null,
  connection_id uuid not null,
  subject text not null check (length(subject) between 1 and 255),
  user_id uuid not null,
  created_at timestamptz not null,
  primary key (tenant_id, connection_id, subject),
  foreign key (tenant_id, connection_id) references identity.connection (tenant_id, id),
  foreign key (tenant_id, user_id) references identity.user (tenant_id, id)
);
create index federated_identity_user on identity.federated_identity (tenant_id, user_id);
comment on table identity.federated_identity is 'Who a provider''s subject is here; identity is (connection, subject), never an e-mail';
call db.protect_tenant_table('identity.federated_identity');

create table identity.session (
  tenant_id uuid not null,
  id uuid not null,
  secret_hash bytea not null check (length(secret_hash) = 32),
  user_id uuid not null,
  connection_id uuid not null,
  level smallint not null check (level between 1 and 3),
  authenticated_at timestamptz,
  methods text[] not null default '{}',
  provider_id_token bytea,
  ip inet,
  user_agent text check (length(user_agent) <= 300),
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  idle_seconds integer not null check (idle_seconds > 0),
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text,
  primary key (tenant_id, id),
  foreign key (tenant_id, user_id) references identity.user (tenant_id, id),
  foreign key (tenant_id, connection_id) references identity.connection (tenant_id, id)
);
create index session_of_user on identity.session (tenant_id, user_id);
create index session_connection on identity.session (tenant_id, connection_id);
comment on table identity.session is 'A signed-in browser';
comment on column identity.session.secret_hash is 'SHA-256 of the 256-bit secret in the cookie';
comment on column identity.session.provider_id_token is 'CT1 ciphertext; hint for ending the session at the provider';
call db.protect_tenant_table('identity.session');

create table identity.login_flow (
  tenant_id uuid not null,
  id uuid not null,
  browser_hash bytea not null check (length(browser_hash) = 32),
  connection_id uuid not null,
  state text not null,
  nonce text not null,
  code_verifier text not null,
  return_to text not null check (length(return_to) <= 2000),
  max_age integer,
  session_id uuid,
  expires_at timestamptz not null,
  primary key (tenant_id, id),
  foreign key (tenant_id, connection_id) references identity.connection (tenant_id, id)
);
create index login_flow_connection on identity.login_flow (tenant_id, connection_id);
create index login_flow_expiry on identity.login_flow (tenant_id, expires_at);
comment on table identity.login_flow is 'A sign-in under way, bound to one browser; used once, lives minutes';
comment on column identity.login_flow.session_id is 'The session that a step-up raises';
call db.protect_tenant_table('identity.login_flow');

create table identity.totp_factor (
  tenant_id uuid not null,
  user_id uuid not null,
  id uuid not null,
  secret bytea not null,
  state text not null check (state in ('pending', 'confirmed')),
  last_step bigint not null default 0,
  created_at timestamptz not null,
  primary key (tenant_id, user_id, id),
  foreign key (tenant_id, user_id) references identity.user (tenant_id, id)
);
create unique index totp_factor_state on identity.totp_factor (tenant_id, user_id, state);
comment on table identity.totp_factor is 'Time-based one-time password secret of a user (RFC 6238)';
comment on column identity.totp_factor.secret is 'CT1 ciphertext under the tenant key of purpose identity';
comment on column identity.totp_factor.last_step is 'Last accepted time step; only ever grows, compared and set in one statement';
call db.protect_tenant_table('identity.totp_factor');

create table identity.recovery_code (
  tenant_id uuid not null,
  user_id uuid not null,
  code_hash bytea not null check (length(code_hash) = 32),
  used_at timestamptz,
  created_at timestamptz not null,
  primary key (tenant_id, user_id, code_hash),
  foreign key (tenant_id, user_id) references identity.user (tenant_id, id)
);
comment on table identity.recovery_code is 'Single-use codes of 120 bits; only SHA-256 is kept';
call db.protect_tenant_table('identity.recovery_code');

create table identity.attempt (
  tenant_id uuid not null,
  bucket bytea not null check (length(bucket) = 32),
  tries integer not null,
  consecutive integer not null,
  window_started_at timestamptz not null,
  primary key (tenant_id, bucket)
);
comment on table identity.attempt is 'Tries counted before verification; the bucket is a hash of what is limited';
call db.protect_tenant_table('identity.attempt');

create table identity.service_account (
  tenant_id uuid not null,
  id uuid not null,
  name text not null check (length(name) between 1 and 100),
  secret_hash bytea not null check (length(secret_hash) = 32),
  roles text[] not null default '{}',
  attributes jsonb not null default '{}',
  state text not null default 'active' check (state in ('active', 'disabled')),
  created_at timestamptz not null,
  disabled_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, name)
);
comment on table identity.service_account is 'A machine of the tenant that signs in by client credentials';
comment on column identity.service_account.secret_hash is 'SHA-256 of the 256-bit client secret';
call db.protect_tenant_table('identity.service_account');

create table identity.provider_object (
  tenant_id uuid not null,
  model text not null,
  id_hash bytea not null check (length(id_hash) = 32),
  payload bytea not null,
  uid text,
  grant_id text,
  consumed_at timestamptz,
  expires_at timestamptz not null,
  primary key (tenant_id, model, id_hash)
);
create index provider_object_uid on identity.provider_object (tenant_id, model, uid) where uid is not null;
create index provider_object_grant on identity.provider_object (tenant_id, grant_id) where grant_id is not null;
create index provider_object_expiry on identity.provider_object (tenant_id, expires_at);
comment on table identity.provider_object is 'State of the embedded OpenID provider, under the platform tenant';
comment on column identity.provider_object.id_hash is 'SHA-256 of the code or id: a copy of the table opens nothing';
comment on column identity.provider_object.payload is 'CT1 ciphertext of the JSON payload';
call db.protect_tenant_table('identity.provider_object');

create table identity.provider_secret (
  tenant_id uuid not null,
  name text not null,
  sealed bytea not null,
  created_at timestamptz not null,
  primary key (tenant_id, name)
);
comment on table identity.provider_secret is
  'Signing keys, cookie keys and client secret of the embedded provider, sealed, under the platform tenant';
call db.protect_tenant_table('identity.provider_secret');

grant usage on schema identity to gatehouse_app;
grant select, insert, update, delete on
  identity.connection, identity.issuer, identity.totp_factor, identity.recovery_code, identity.attempt,
  identity.login_flow, identity.provider_object to gatehouse_app;
grant select, insert, update on
  identity.user, identity.federated_identity, identity.session, identity.service_account to gatehouse_app;
grant select, insert on identity.provider_secret to gatehouse_app;

