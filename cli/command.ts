import type { ParseArgsConfig } from 'node:util';

/** What a command may print to; tests hand in their own. */
export type CommandIo = {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** What a command was called with. */
export type CommandInput = {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
  readonly io: CommandIo;
  /** True with `--json`: print one JSON document and nothing else. */
  readonly json: boolean;
};

/** 0: ok; 1: found a problem; 2: wrong use. */
export type ExitCode = 0 | 1 | 2;

/** A command of `gatehouse`. `cli/commands/<room>.ts` exports a list of them. */
export type Command = {
  /** Words after `gatehouse`, e.g. `audit verify`. */
  readonly name: string;
  readonly summary: string;
  /** How it is called, e.g. `gatehouse audit verify --db | --url URL`. */
  readonly usage: string;
  readonly options: NonNullable<ParseArgsConfig['options']>;
  readonly run: (input: CommandInput) => Promise<ExitCode>;
};

/** The command was called in a way that cannot work; `gatehouse` prints the message and ends with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
