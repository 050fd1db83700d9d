export * from './accounts/store-accounts.ts';
export * from './factors/store-factors.ts';
export * from './provider/store-provider.ts';
export * from './relying-party/store-connections.ts';
export * from './sessions/store-sessions.ts';
