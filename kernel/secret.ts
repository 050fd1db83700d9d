import { inspect } from 'node:util';

const redacted = '[redacted]';

/** Carries a secret through the house; shows nothing of it in JSON, inspect, templates or logs. */
export class Secret<Value = string> {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  /** The one deliberate way to the value. */
  reveal(): Value {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}
