export { ensureConsole } from './build-console.ts';
export { bootstrapSchema, readBootstrap, type Bootstrap } from './bootstrap-file.ts';
export { readConfig, settingsHelp, type Config } from './config.ts';
export { compose, type House } from './compose.ts';
export { allEvents } from './rooms.ts';
export { openApiDocument } from './openapi.ts';
export { migrationSources } from './migration-sources.ts';
export { seedDemo } from './demo.ts';
export { startFailure, startHouse, type RunningHouse } from './start.ts';
