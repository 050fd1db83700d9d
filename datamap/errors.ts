import { GatehouseError } from '../kernel/index.ts';

/** What can be wrong with a data map. */
export type DataMapErrorCode =
  | 'ERR_DATAMAP_INVALID'
  | 'ERR_DATAMAP_UNKNOWN_CATEGORY'
  | 'ERR_DATAMAP_MASKING_OVERRIDE'
  | 'ERR_DATAMAP_DUPLICATE'
  | 'ERR_DATAMAP_UNKNOWN_SERVICE';

/** An error of this room. The message names file, path and expectation; map texts hold no personal data. */
export function dataMapError(
  code: DataMapErrorCode,
  message: string,
  details: Readonly<Record<string, unknown>> = {},
): GatehouseError<DataMapErrorCode> {
  return new GatehouseError(code, message, {
    status: code === 'ERR_DATAMAP_UNKNOWN_SERVICE' ? 404 : 422,
    details,
  });
}
