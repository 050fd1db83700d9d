-- What the database remembers of the shred ledger that is kept outside it: how far each file was, and whose key signs it.

create table crypto.ledger_file (
  file uuid primary key,
  folder uuid not null,
  lines integer not null check (lines >= 1),
  head bytea not null check (octet_length(head) = 32),
  set_aside_at timestamptz,
  updated_at timestamptz not null
);
comment on table crypto.ledger_file is 'Platform: files of the shred ledger outside the database; holds no personal data';
comment on column crypto.ledger_file.folder is 'The folder it stands in; every replica may have its own';
comment on column crypto.ledger_file.lines is 'Lines that it had at least; fewer are a truncation';
comment on column crypto.ledger_file.head is 'SHA-256 of its line of that number';
comment on column crypto.ledger_file.set_aside_at is 'When an operator set it aside as damaged';
create index ledger_file_folder on crypto.ledger_file (folder);

create function crypto.keep_ledger_file() returns trigger language plpgsql as $$
begin
  if new.file <> old.file or new.folder <> old.folder or new.lines < old.lines or (new.lines = old.lines and new.head <> old.head) then
    raise exception 'a file of the shred ledger only grows' using errcode = '42501';
  end if;
  return new;
end
$$;
comment on function crypto.keep_ledger_file() is 'What is remembered of a file never shrinks';
create trigger ledger_file_only_grows before update on crypto.ledger_file for each row execute function crypto.keep_ledger_file();
create trigger ledger_file_never_deleted before delete or truncate on crypto.ledger_file for each statement execute function db.refuse_change();

create table crypto.ledger_key (
  key_id text primary key check (key_id ~ '^[0-9a-f]{16}$'),
  public_key bytea not null check (octet_length(public_key) = 32),
  trusted_at timestamptz not null
);
comment on table crypto.ledger_key is 'Platform: public keys whose signatures on the shred ledger are believed beside our own';
create trigger ledger_key_immutable before update or delete or truncate on crypto.ledger_key
  for each statement execute function db.refuse_change();

grant select, insert on crypto.ledger_file, crypto.ledger_key to gatehouse_app;
grant update (lines, head, set_aside_at, updated_at) on crypto.ledger_file to gatehouse_app;
