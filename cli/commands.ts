import type { Command } from './command.ts';
import { auditCommands } from './commands/audit.ts';
import { cryptoCommands } from './commands/crypto.ts';
import { datamapCommands } from './commands/datamap.ts';
import { dsrCommands } from './commands/dsr.ts';
import { exampleCommands } from './commands/example.ts';
import { gatewayCommands } from './commands/gateway.ts';
import { identityCommands } from './commands/identity.ts';
import { policyCommands } from './commands/policy.ts';
import { serverCommands } from './commands/server.ts';
import { tenantCommands } from './commands/tenant.ts';

/** Every command of `gatehouse`, each room's own list joined. */
export const commands: readonly Command[] = Object.freeze([
  ...serverCommands,
  ...tenantCommands,
  ...identityCommands,
  ...policyCommands,
  ...auditCommands,
  ...cryptoCommands,
  ...dsrCommands,
  ...datamapCommands,
  ...gatewayCommands,
  ...exampleCommands,
]);
