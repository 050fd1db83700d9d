import { parseArgs } from 'node:util';
import { isGatehouseError } from '../kernel/index.ts';
import { UsageError, type Command, type CommandIo, type ExitCode } from './command.ts';
import { commands } from './commands.ts';

/** Runs one command line. @param argv - words after `gatehouse` */
export async function main(argv: readonly string[], io: CommandIo): Promise<ExitCode> {
  const command = findCommand(argv);
  if (command === null) {
    io.error(help());
    return argv.length === 0 || argv[0] === 'help' || argv[0] === '--help' ? 0 : 2;
  }
  const words = command.name.split(' ').length;
  let parsed;
  try {
    parsed = parseArgs({
      args: argv.slice(words),
      options: { ...command.options, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
  } catch (error) {
    io.error(`${error instanceof Error ? error.message : String(error)}\nusage: ${command.usage}`);
    return 2;
  }
  const values = parsed.values as Readonly<Record<string, string | boolean | undefined>>; // no option of ours is `multiple`
  if (values['help'] === true) {
    io.out(`${command.summary}\nusage: ${command.usage}`);
    return 0;
  }
  try {
    return await command.run({ values, positionals: parsed.positionals, io, json: values['json'] === true });
  } catch (error) {
    return report(error, io);
  }
}

/** The longest name wins: `dsr verify` before `dsr`. */
function findCommand(argv: readonly string[]): Command | null {
  const matches = commands.filter((command) =>
    command.name.split(' ').every((word, index) => argv[index] === word),
  );
  return matches.toSorted((a, b) => b.name.length - a.name.length)[0] ?? null;
}

function report(error: unknown, io: CommandIo): ExitCode {
  if (error instanceof UsageError) {
    io.error(error.message);
    return 2;
  }
  if (isGatehouseError(error)) {
    io.error(`${error.code}: ${error.message}`);
    return 1;
  }
  if ((error as { code?: unknown }).code === 'ECONNREFUSED') {
    io.error('nothing answers at the address of the house or its database; start it with "npm start"'); // an errno error of node:net
    return 1;
  }
  io.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}

function help(): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  const lines = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return [
    'usage: gatehouse <command> [options]   (every command takes --json and --help)',
    '',
    ...lines,
  ].join('\n');
}

if (import.meta.main) {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error; // whoever read our output has seen enough
    process.exit(0);
  });
  const io: CommandIo = {
    out: (line) => void process.stdout.write(`${line}\n`),
    error: (line) => void process.stderr.write(`${line}\n`),
    environment: process.env,
  };
  process.exitCode = await main(process.argv.slice(2), io);
}
