import {
  openWitnessKeys,
  openWitnessStore,
  readWitnessConfig,
  startWitnessServer,
  type WitnessConfig,
} from '../../audit/index.ts';
import { createLogger, systemClock } from '../../kernel/index.ts';
import type { Command, CommandInput, ExitCode } from '../command.ts';

/** A witness that anybody can run: it needs no database and knows nothing of a house but the keys of its logs. */
export const witnessCommand: Command = {
  name: 'audit witness',
  summary: 'Serve as a witness of other logs (c2sp.org/tlog-witness) until SIGTERM or Ctrl-C',
  usage: 'gatehouse audit witness --config FILE [--keys]   (--keys: make the keys, print them, end)',
  options: { config: { type: 'string' }, keys: { type: 'boolean' } },
  run: async (input) => {
    const { config: path, keys } = input.values;
    if (typeof path !== 'string') {
      input.io.error('give the config file: --config FILE, see docs/audit/witness.md');
      return 2;
    }
    const config = await readWitnessConfig(path);
    return keys === true ? printKeys(input, config) : serve(input, config);
  },
};

async function printKeys(input: CommandInput, { name, dataFolder }: WitnessConfig): Promise<ExitCode> {
  const vkeys = (await openWitnessKeys(name, dataFolder)).map(({ vkey }) => vkey);
  if (input.json) input.io.out(JSON.stringify({ name, vkeys }));
  else for (const vkey of vkeys) input.io.out(vkey);
  return 0;
}

async function serve({ io, json }: CommandInput, config: WitnessConfig): Promise<ExitCode> {
  const signal = new Promise<NodeJS.Signals>((done) => {
    process.once('SIGTERM', done);
    process.once('SIGINT', done);
  });
  const store = await openWitnessStore(config.dataFolder);
  try {
    const cosigners = await openWitnessKeys(config.name, config.dataFolder);
    const logger = createLogger({ level: 'info', format: 'json' });
    const { logs, host, port } = config;
    const now = (): Date => systemClock.now();
    const server = await startWitnessServer({ logs, cosigners, store, host, port, logger, now });
    const vkeys = cosigners.map(({ vkey }) => vkey);
    if (json) io.out(JSON.stringify({ url: server.url, name: config.name, vkeys }));
    else for (const line of [`${config.name} listens at ${server.url}`, ...vkeys]) io.out(line);
    await signal;
    await server.stop();
  } finally {
    await store.close();
  }
  return 0;
}
