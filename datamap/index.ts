export * from './encryption-plan.ts';
export * from './errors.ts';
export { joinDataMaps, loadDataMap } from './load.ts';
export type { MapText } from './parse.ts';
export * from './types.ts';
