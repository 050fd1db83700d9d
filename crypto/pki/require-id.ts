import { notFound } from '../../kernel/index.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text is a UUID as we write them. */
export const isId = (text: string): boolean => uuid.test(text);

/** @throws ERR_NOT_FOUND for what cannot be an id, as for one that does not exist */
export function requireId(what: string, id: string): string {
  if (!isId(id)) throw notFound(what, id);
  return id;
}
