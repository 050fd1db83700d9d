import { getFromHouse } from '../call-house.ts';
import type { Command } from '../command.ts';

type Health = {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly state: string; readonly detail: string }[];
};

/** `gatehouse audit health`. */
export const healthCommand: Command = {
  name: 'audit health',
  summary: 'How the log of a tenant is doing; exit 1 when something is wrong',
  usage: 'gatehouse audit health [--url URL] [--json]   (GATEHOUSE_TOKEN sets the tenant)',
  options: { url: { type: 'string' } },
  run: async (input) => {
    const health = await getFromHouse<Health>(input, '/v1/audit/health');
    if (input.json) input.io.out(JSON.stringify(health));
    else
      for (const { name, state, detail } of health.checks)
        input.io.out(`${state.padEnd(9)}  ${name.padEnd(13)}  ${detail}`);
    return health.ok ? 0 : 1;
  },
};
