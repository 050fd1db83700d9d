export * from './clock.ts';
export * from './errors.ts';
export * from './event.ts';
export * from './ids.ts';
export * from './logger.ts';
export * from './principal.ts';
export * from './route.ts';
export * from './secret.ts';
