import type { Command } from './command.ts';
import { auditCommands } from './commands/audit.ts';
import { cryptoCommands } from './commands/crypto.ts';
import { serverCommands } from './commands/server.ts';

/** Every command of `gatehouse`, each room's own list joined. */
export const commands: readonly Command[] = Object.freeze([
  ...serverCommands,
  ...auditCommands,
  ...cryptoCommands,
]);
