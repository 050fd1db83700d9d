import { createLogger, silentLogger, type Logger } from '../../kernel/index.ts';

/**
 * The logger of tests: writes every line, debug included, to the file that the runner searches for canaries. Silent
 * when a test file is run without the runner.
 */
export const testLogger: Logger = createTestLogger(process.env['GATEHOUSE_TEST_LOG']);

/** @param file - undefined for a silent logger */
export function createTestLogger(file: string | undefined): Logger {
  return file === undefined
    ? silentLogger
    : createLogger({ level: 'debug', format: 'json', file, console: false });
}
