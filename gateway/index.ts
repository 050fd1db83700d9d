export * from './errors.ts';
export * from './events.ts';
export { createGateway, type Gateway } from './gateway.ts';
export type {
  GatewayDecision,
  GatewayDeps,
  GatewayObligation,
  GatewayPolicy,
  GatewaySuppression,
  SuppressionIdentifier,
} from './ports.ts';
export { gatewayStatements } from './store.ts';
