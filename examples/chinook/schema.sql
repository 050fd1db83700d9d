-- The Chinook shop as a tenant service; the loader runs this once per database, as gatehouse_owner.

create table chinook.artist (
  tenant_id uuid not null,
  artist_id integer not null,
  name text,
  primary key (tenant_id, artist_id)
);
comment on table chinook.artist is 'Artists of the catalogue';
call db.protect_tenant_table('chinook.artist');

create table chinook.genre (
  tenant_id uuid not null,
  genre_id integer not null,
  name text,
  primary key (tenant_id, genre_id)
);
comment on table chinook.genre is 'Genres of the catalogue';
call db.protect_tenant_table('chinook.genre');

create table chinook.media_type (
  tenant_id uuid not null,
  media_type_id integer not null,
  name text,
  primary key (tenant_id, media_type_id)
);
comment on table chinook.media_type is 'Formats of the catalogue';
call db.protect_tenant_table('chinook.media_type');

create table chinook.playlist (
  tenant_id uuid not null,
  playlist_id integer not null,
  name text,
  primary key (tenant_id, playlist_id)
);
comment on table chinook.playlist is 'Playlists of the catalogue';
call db.protect_tenant_table('chinook.playlist');

create table chinook.album (
  tenant_id uuid not null,
  album_id integer not null,
  title text not null,
  artist_id integer not null,
  primary key (tenant_id, album_id),
  foreign key (tenant_id, artist_id) references chinook.artist (tenant_id, artist_id)
);
comment on table chinook.album is 'Albums of the catalogue';
create index album_artist_id on chinook.album (tenant_id, artist_id);
call db.protect_tenant_table('chinook.album');

create table chinook.track (
  tenant_id uuid not null,
  track_id integer not null,
  name text not null,
  album_id integer,
  media_type_id integer not null,
  genre_id integer,
  composer text,
  milliseconds integer not null,
  bytes integer,
  unit_price numeric(10, 2) not null,
  primary key (tenant_id, track_id),
  foreign key (tenant_id, album_id) references chinook.album (tenant_id, album_id),
  foreign key (tenant_id, media_type_id) references chinook.media_type (tenant_id, media_type_id),
  foreign key (tenant_id, genre_id) references chinook.genre (tenant_id, genre_id)
);
comment on table chinook.track is 'Tracks of the catalogue';
create index track_album_id on chinook.track (tenant_id, album_id);
create index track_media_type_id on chinook.track (tenant_id, media_type_id);
create index track_genre_id on chinook.track (tenant_id, genre_id);
call db.protect_tenant_table('chinook.track');

create table chinook.playlist_track (
  tenant_id uuid not null,
  playlist_track_id integer not null,
  playlist_id integer not null,
  track_id integer not null,
  primary key (tenant_id, playlist_track_id),
  foreign key (tenant_id, playlist_id) references chinook.playlist (tenant_id, playlist_id),
  foreign key (tenant_id, track_id) references chinook.track (tenant_id, track_id)
);
comment on table chinook.playlist_track is 'Which track stands in which playlist';
create index playlist_track_playlist_id on chinook.playlist_track (tenant_id, playlist_id);
create index playlist_track_track_id on chinook.playlist_track (tenant_id, track_id);
call db.protect_tenant_table('chinook.playlist_track');

create table chinook.employee (
  tenant_id uuid not null,
  employee_id integer not null,
  last_name bytea not null,
  first_name bytea not null,
  title text,
  reports_to integer,
  birth_date bytea,
  hire_date date,
  address bytea,
  city bytea,
  state bytea,
  country bytea,
  postal_code bytea,
  phone bytea,
  fax bytea,
  email bytea,
  primary key (tenant_id, employee_id),
  foreign key (tenant_id, reports_to) references chinook.employee (tenant_id, employee_id)
);
comment on table chinook.employee is 'Staff; personal columns are ciphertext under the tenant''s staff key';
create index employee_reports_to on chinook.employee (tenant_id, reports_to);
call db.protect_tenant_table('chinook.employee');

create table chinook.customer (
  tenant_id uuid not null,
  customer_id integer not null,
  subject_id uuid not null,
  first_name bytea not null,
  last_name bytea not null,
  company bytea,
  address bytea,
  city bytea,
  state bytea,
  country text,
  postal_code bytea,
  phone bytea,
  fax bytea,
  email bytea not null,
  email_bidx bytea,
  support_rep_id integer,
  primary key (tenant_id, customer_id),
  foreign key (tenant_id, support_rep_id) references chinook.employee (tenant_id, employee_id)
);
comment on table chinook.customer is 'Customers; personal columns are ciphertext under the person''s own key';
create index customer_support_rep_id on chinook.customer (tenant_id, support_rep_id);
create index customer_subject on chinook.customer (tenant_id, subject_id);
create index customer_email on chinook.customer (tenant_id, email_bidx);
call db.protect_tenant_table('chinook.customer');

create table chinook.invoice (
  tenant_id uuid not null,
  invoice_id integer not null,
  customer_id integer not null,
  invoice_date timestamptz not null,
  billing_address bytea,
  billing_city bytea,
  billing_state bytea,
  billing_country bytea,
  billing_postal_code bytea,
  total numeric(10, 2) not null,
  primary key (tenant_id, invoice_id)
);
comment on table chinook.invoice is 'Invoices, kept for tax; they outlive their customer, so no foreign key to one';
create index invoice_customer on chinook.invoice (tenant_id, customer_id);
call db.protect_tenant_table('chinook.invoice');

create table chinook.invoice_line (
  tenant_id uuid not null,
  invoice_line_id integer not null,
  invoice_id integer not null,
  track_id integer not null,
  unit_price numeric(10, 2) not null,
  quantity integer not null,
  primary key (tenant_id, invoice_line_id),
  foreign key (tenant_id, invoice_id) references chinook.invoice (tenant_id, invoice_id),
  foreign key (tenant_id, track_id) references chinook.track (tenant_id, track_id)
);
comment on table chinook.invoice_line is 'Lines of invoices';
create index invoice_line_invoice_id on chinook.invoice_line (tenant_id, invoice_id);
create index invoice_line_track_id on chinook.invoice_line (tenant_id, track_id);
call db.protect_tenant_table('chinook.invoice_line');

grant usage on schema chinook to gatehouse_app;
grant select, insert, update, delete on all tables in schema chinook to gatehouse_app;
