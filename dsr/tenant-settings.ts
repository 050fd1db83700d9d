import { z } from 'zod';
import { notFound, parseTenantId, type TenantId } from '../kernel/index.ts';
import type { Database, Tx } from '../db/index.ts';
import { selectTenant, selectTenantBySlug } from './store.ts';

const settingsSchema = z.object({
  timeZone: z.string().default('UTC').catch('UTC'),
  /** ISO 3166-1 alpha-2 of the holiday calendar; `EU` when unknown. */
  country: z.string().default('EU').catch('EU'),
  dsr: z
    .object({
      holidays: z.array(z.iso.date()).max(400).default([]),
      /** Days after which no backup taken before an erasure exists any more. */
      backupRetentionDays: z.number().int().min(0).max(3_650).default(35),
    })
    .prefault({})
    .catch({ holidays: [], backupRetentionDays: 35 }),
});

/** What the request engine needs to know of a tenant. */
export type TenantInfo = {
  readonly id: TenantId;
  readonly slug: string;
  readonly name: string;
  readonly settings: z.infer<typeof settingsSchema>;
};

type Row = { readonly id: string; readonly slug: string; readonly name: string; readonly settings: unknown };

const shape = (row: Row): TenantInfo => ({
  id: parseTenantId(row.id),
  slug: row.slug,
  name: row.name,
  settings: settingsSchema.parse(row.settings ?? {}),
});

/** @throws ERR_NOT_FOUND */
export async function tenantBySlug(database: Database, slug: string): Promise<TenantInfo> {
  const { rows } = await database.withSystem((tx) => tx.query<Row>(selectTenantBySlug, [slug]), {
    readOnly: true,
  });
  const row = rows[0];
  if (row === undefined) throw notFound('tenant', slug);
  return shape(row);
}

/** @throws ERR_NOT_FOUND */
export async function tenantById(database: Database, id: TenantId): Promise<TenantInfo> {
  const { rows } = await database.withSystem((tx) => tx.query<Row>(selectTenant, [id]), { readOnly: true });
  const row = rows[0];
  if (row === undefined) throw notFound('tenant', id);
  return shape(row);
}

/** The transaction's own tenant. @throws ERR_NOT_FOUND */
export async function tenantOf(tx: Tx): Promise<TenantInfo> {
  const { rows } = await tx.query<Row>(selectTenant, [tx.tenantId]);
  const row = rows[0];
  if (row === undefined) throw notFound('tenant', tx.tenantId);
  return shape(row);
}
