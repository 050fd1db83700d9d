import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { z } from 'zod';
import type { Obligation, Reason } from './decision.ts';
import { createInstance, type SdkPolicy } from './guardrail-instance.ts';
import { policyError } from './errors.ts';

/** Everything that the guardrails know; complete, so that a decision can be replayed. */
export type GuardrailInput = {
  readonly now: string;
  readonly action: string;
  readonly resource: GuardrailResource;
  readonly purpose: string | null;
  readonly principal: {
    readonly kind: string;
    readonly assurance: {
      readonly level: number;
      readonly methods: readonly string[];
      readonly ageSeconds: number | null;
    };
  };
};

/** What the guardrails know of a resource type. */
export type GuardrailResource = {
  readonly type: string;
  /** A type of this house (a data service or a guard), not one that a tenant brought for AuthZEN. */
  readonly governed: boolean;
  readonly personal: boolean;
  readonly purposes: readonly string[];
};

/** What the guardrails say on top of the rules. */
export type GuardrailAnswer = {
  readonly deny: readonly Reason[];
  readonly obligations: readonly Obligation[];
};

/** The compiled guardrails. */
export type Guardrail = {
  /** First eight hex digits of the module's SHA-256; part of every revision. */
  readonly version: string;
  /** False only where the module itself says that its decision is empty whatever the rest of the input. */
  readonly applies: (action: string, resource: GuardrailResource) => boolean;
  /** @throws ERR_POLICY_GUARDRAIL_FAILED when the module traps, gives nothing, or takes too long */
  readonly evaluate: (input: GuardrailInput) => GuardrailAnswer;
};

/** What we use of an instance. */
export type LoadedPolicy = { readonly evaluate: (input: unknown, entrypoint: string) => unknown };
type OpaSdk = {
  readonly loadPolicySync: (module: object, memory: { initial: number; maximum: number }) => SdkPolicy;
};

// The SDK's ESM door lacks loadPolicySync.
const sdk = createRequire(import.meta.url)('@open-policy-agent/opa-wasm') as OpaSdk; // its own CommonJS exports

// @types/node does not declare it.
const webAssembly = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } })
  .WebAssembly; // Node has it

/** 64 KiB pages: 320 KiB to start, 4 MiB at most. */
const memory = { initial: 5, maximum: 64 };
const maxRemembered = 4_096;

const appliesShape = z.tuple([z.object({ result: z.boolean() })]);
const denialCodes = [
  'ERR_POLICY_PURPOSE_REQUIRED',
  'ERR_POLICY_PURPOSE_NOT_ALLOWED',
  'ERR_POLICY_ASSURANCE',
  'ERR_POLICY_GUARDRAIL',
] as const;
const answerShape = z.tuple([
  z.object({
    result: z.object({
      deny: z.array(z.object({ code: z.enum(denialCodes), message: z.string() })),
      obligations: z.array(
        z.object({
          id: z.string(),
          type: z.enum(['step_up', 'mask', 'require_approval', 'watermark', 'notify']),
          properties: z.record(z.string(), z.unknown()),
        }),
      ),
    }),
  }),
]);

/** Where the committed module and its hash lie. */
export const guardrailFiles = Object.freeze({
  wasm: new URL('./rego/guardrail.wasm', import.meta.url),
  hash: new URL('./rego/guardrail.wasm.sha256', import.meta.url),
});

/** Reads the committed module. @throws ERR_POLICY_GUARDRAIL_FAILED when its bytes do not have the committed hash */
export function loadGuardrail(): Guardrail {
  return createGuardrail(readFileSync(guardrailFiles.wasm), readFileSync(guardrailFiles.hash, 'utf8').trim());
}

/** Stands where the module could not be loaded: every decision that reaches it fails, so everything is denied. */
export function brokenGuardrail(cause: unknown): Guardrail {
  const refuse = (): never => {
    throw failed('the guardrails are not loaded', cause);
  };
  return Object.freeze({ version: 'broken', applies: refuse, evaluate: refuse });
}

/**
 * Compiles a guardrail module.
 *
 * @param sha256 - the expected hash of the bytes, hex
 * @param budgetMilliseconds - an evaluation that took longer is not believed
 * @throws ERR_POLICY_GUARDRAIL_FAILED
 */
export function createGuardrail(bytes: Uint8Array, sha256: string, budgetMilliseconds = 1_000): Guardrail {
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== sha256)
    throw failed('the guardrail module does not have the committed hash; rebuild it with policy/rego/build');
  const module = compile(bytes);
  return fromInstances(
    () => createInstance(sdk.loadPolicySync(module, { ...memory })),
    actual.slice(0, 8),
    budgetMilliseconds,
  );
}

/** The guardrails over any source of instances; an instance is never used again after it threw. */
export function fromInstances(
  newInstance: () => LoadedPolicy,
  version: string,
  budgetMilliseconds = 1_000,
): Guardrail {
  let instance: LoadedPolicy | null = null;
  const run = (input: unknown, entrypoint: string): unknown => {
    const startedAt = performance.now();
    try {
      instance ??= newInstance();
      const result = instance.evaluate(input, entrypoint);
      if (performance.now() - startedAt <= budgetMilliseconds) return result;
    } catch (cause) {
      instance = null;
      throw failed('the guardrails trapped', cause);
    }
    instance = null;
    throw failed(`the guardrails took longer than ${budgetMilliseconds} ms`);
  };
  const remembered = new Map<string, boolean>();
  const answers = new WeakMap<object, GuardrailAnswer>();
  return Object.freeze({
    version,
    applies: (action: string, resource: GuardrailResource) => {
      const key = `${action}\n${resource.type}\n${resource.governed ? 1 : 0}${resource.personal ? 1 : 0}`;
      const known = remembered.get(key);
      if (known !== undefined) return known;
      const parsed = appliesShape.safeParse(run({ action, resource }, 'gatehouse/guardrail/applies'));
      if (!parsed.success) throw failed('the guardrails do not say whether they apply');
      if (remembered.size >= maxRemembered) remembered.clear();
      remembered.set(key, parsed.data[0].result);
      return parsed.data[0].result;
    },
    evaluate: (input: GuardrailInput) => {
      const result = run(input, 'gatehouse/guardrail/decision');
      const known = typeof result === 'object' && result !== null ? answers.get(result) : undefined;
      if (known !== undefined) return known;
      const answer = readAnswer(result);
      answers.set(result as object, answer); // readAnswer refuses everything else
      return answer;
    },
  });
}

const nothing: GuardrailAnswer = Object.freeze({ deny: Object.freeze([]), obligations: Object.freeze([]) });

function readAnswer(result: unknown): GuardrailAnswer {
  const parsed = answerShape.safeParse(result);
  if (!parsed.success) throw failed('the guardrails gave no answer');
  const { deny, obligations } = parsed.data[0].result;
  if (deny.length === 0 && obligations.length === 0) return nothing;
  return Object.freeze({
    deny: Object.freeze(deny.map((item) => Object.freeze({ ...item, rule: `guardrail#${item.code}` }))),
    obligations: Object.freeze(obligations),
  });
}

function compile(bytes: Uint8Array): object {
  try {
    return new webAssembly.Module(Buffer.from(bytes));
  } catch (cause) {
    throw failed('the guardrail module is not WebAssembly', cause);
  }
}

function failed(message: string, cause?: unknown): Error {
  return policyError('ERR_POLICY_GUARDRAIL_FAILED', message, { status: 503, cause });
}
