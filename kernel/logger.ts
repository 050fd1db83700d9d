import { inspect } from 'node:util';
import winston from 'winston';

/** Writes one structured line. `fields` are redacted deeply before anything is written. */
export type LogMethod = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** The process's log; for operators, not the audit trail. */
export type Logger = {
  readonly debug: LogMethod;
  readonly info: LogMethod;
  readonly warn: LogMethod;
  readonly error: LogMethod;
  readonly child: (fields: Readonly<Record<string, unknown>>) => Logger;
};

const secretName =
  /pass(word|phrase)?$|secret|token|authorization|cookie|api[-_]?key|private[-_]?key|^code$|otp|recovery|plaintext|email|phone/i;
const secretShape =
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----|\b[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}\b|\b[Bb]earer\s+\S+/g;
const maxDepth = 8;
const maxStringLength = 4_096;

/** A copy of `value` that is safe to write: names and shapes of secrets are replaced at every depth. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= maxDepth) return '[too deep]';
  if (Buffer.isBuffer(value) || ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => redact(item, depth + 1));
  if (isErrorLike(value)) return redactError(value, depth);
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    return redact((value as { toJSON: () => unknown }).toJSON(), depth + 1); // just probed
  }
  return redactFields(value, depth);
}

function redactText(text: string): string {
  return text.slice(0, maxStringLength).replace(secretShape, '[redacted]');
}

function redactFields(value: object, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    result[name] = secretName.test(name) ? '[redacted]' : redact(field, depth + 1);
  }
  return result;
}

function isErrorLike(value: object): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { name, message, stack, cause, ...rest } = error as Error & Record<string, unknown>; // own fields of any error
  return {
    name,
    message: redactText(message),
    ...(stack === undefined ? {} : { stack: redactText(stack) }),
    ...(cause === undefined ? {} : { cause: redact(cause, depth + 1) }),
    ...redactFields(rest, depth),
  };
}

/** Where log lines go and how many. */
export type LoggerOptions = {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly format: 'json' | 'text';
  /** Additional file that receives every line as JSON. */
  readonly file?: string;
  /** Whether standard error receives the lines; default true. */
  readonly console?: boolean;
};

/** The winston logger behind the house's own narrow interface. */
export function createLogger(options: LoggerOptions): Logger {
  const json = winston.format.printf((info) => JSON.stringify(info));
  const transports: winston.transport[] = [];
  if (options.console !== false) {
    const format = options.format === 'json' ? json : textFormat;
    transports.push(
      new winston.transports.Console({ format, stderrLevels: ['error', 'warn', 'info', 'debug'] }),
    );
  }
  if (options.file !== undefined)
    transports.push(new winston.transports.File({ filename: options.file, format: json }));
  const inner = winston.createLogger({
    level: options.level === 'silent' ? 'error' : options.level,
    silent: options.level === 'silent',
    format: winston.format.timestamp(),
    transports,
  });
  return wrap(inner, {});
}

const textFormat = winston.format.printf((info) => {
  const { level, message, timestamp, ...rest } = info;
  const fields = Object.fromEntries(Object.entries(rest)); // winston's own symbols stay out
  const tail =
    Object.keys(fields).length === 0 ? '' : ` ${inspect(fields, { depth: 8, breakLength: Infinity })}`;
  return `${String(timestamp)} ${level.padEnd(5)} ${String(message)}${tail}`;
});

function wrap(inner: winston.Logger, base: Readonly<Record<string, unknown>>): Logger {
  const method =
    (level: string): LogMethod =>
    (message, fields = {}) => {
      const safe = redactFields({ ...base, ...fields }, 0);
      inner.log({ ...safe, level, message: redactText(message) });
    };
  return Object.freeze({
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: (fields: Readonly<Record<string, unknown>>) => wrap(inner, { ...base, ...fields }),
  });
}

/** A logger that writes nothing. */
export const silentLogger: Logger = Object.freeze({
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
});
