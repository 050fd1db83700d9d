/*
 * A program of its own, with a table of its own, whose personal columns only Gatehouse's keys open.
 *
 *   node main.mjs add '{"email":"ada@example.com","name":"Ada","vat_id":"PL123"}'
 *   node main.mjs find ada@example.com
 *   node main.mjs show ID
 *
 * SHOP_DATABASE_URL: the shop's own database. SHOP_TENANT: a tenant of the house.
 * GATEHOUSE_DATABASE_URL, GATEHOUSE_DATA_DIR, GATEHOUSE_ROOT_KEY_PASSPHRASE: where the keys are.
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { connect, indexTerms, openFields, sealFields } from 'gatehouse/crypto';
import pg from 'pg';

const { SHOP_DATABASE_URL = '', SHOP_TENANT = '' } = process.env;
const [, , command, argument = ''] = process.argv;
const customer = 'shop.customer';

await using vault = await connect({ dataMap: join(import.meta.dirname, 'datamap.yaml') });
const keys = vault.tenant(SHOP_TENANT);
const shop = new pg.Client({ connectionString: SHOP_DATABASE_URL });
await shop.connect();
try {
  await shop.query(`
    create schema if not exists shop;
    create table if not exists shop.customer (
      id uuid primary key, subject_id uuid not null, email bytea not null, email_bidx bytea not null, name bytea, vat_id bytea
    );
    create unique index if not exists customer_email on shop.customer (email_bidx);`);
  console.log(JSON.stringify(await run()));
} finally {
  await shop.end();
}

async function run() {
  switch (command) {
    case 'add': {
      const row = {
        id: randomUUID(),
        subject_id: randomUUID(),
        name: null,
        vat_id: null,
        ...JSON.parse(argument),
      };
      const {
        id,
        subject_id: subject,
        email,
        email_bidx: index,
        name,
        vat_id: vat,
      } = await sealFields(keys, customer, row);
      await shop.query('insert into shop.customer values ($1, $2, $3, $4, $5, $6)', [
        id,
        subject,
        email,
        index,
        name,
        vat,
      ]);
      return { id: row.id, subject_id: row.subject_id };
    }
    case 'find': {
      const terms = await indexTerms(keys, customer, { field: 'email', index: 'exact' }, argument);
      const { rows } = await shop.query('select * from shop.customer where email_bidx = any($1)', [terms]);
      return openFields(keys, customer, rows);
    }
    case 'show': {
      const { rows } = await shop.query('select * from shop.customer where id = $1', [argument]);
      return openFields(keys, customer, rows, ['email', 'vat_id']);
    }
    default:
      throw new Error('use: node main.mjs add JSON | find EMAIL | show ID');
  }
}
