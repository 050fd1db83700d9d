export { readBootstrap, type Bootstrap } from '../server/index.ts';
