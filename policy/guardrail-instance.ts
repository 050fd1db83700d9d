import type { LoadedPolicy } from './guardrail.ts';

/** An instance as the SDK gives it. */
export type SdkPolicy = LoadedPolicy & {
  readonly minorVersion: number;
  readonly wasmInstance: { readonly exports: { readonly opa_eval: OpaEval } };
  readonly mem: { readonly buffer: ArrayBuffer };
  readonly dataAddr: number;
  readonly dataHeapPtr: number;
  readonly entrypoints: Readonly<Record<string, number>>;
};
type OpaEval = (
  reserved: number,
  entrypoint: number,
  data: number,
  input: number,
  inputLength: number,
  heap: number,
  format: number,
) => number;

const encoder = new TextEncoder();
const maxRemembered = 256;

/**
 * Evaluates by the ABI's one-call path without the SDK's copies: the input is encoded straight into the module's memory,
 * and a result text that was parsed before is not parsed again (the same text is the same answer). An input that does not
 * fit goes the SDK's way, which lets the memory grow to its cap.
 *
 * @see https://www.openpolicyagent.org/docs/latest/wasm/#exports `opa_eval`, ABI 1.2
 */
export function createInstance(policy: SdkPolicy): LoadedPolicy {
  const answers = new Map<string, unknown>();
  return {
    evaluate: (input, entrypoint) => {
      const id = policy.entrypoints[entrypoint];
      const text = JSON.stringify(input);
      if (id === undefined || policy.minorVersion < 2) return policy.evaluate(input, entrypoint);
      const { dataAddr, dataHeapPtr } = policy;
      const room = new Uint8Array(policy.mem.buffer, dataHeapPtr);
      const { read, written } = encoder.encodeInto(text, room);
      if (read < text.length) return policy.evaluate(input, entrypoint);
      const address = policy.wasmInstance.exports.opa_eval(
        0,
        id,
        dataAddr,
        dataHeapPtr,
        written,
        dataHeapPtr + written,
        0,
      );
      const memory = Buffer.from(policy.mem.buffer); // it may have grown, and then the old view is gone
      const result = memory.toString('utf8', address, memory.indexOf(0, address));
      const known = answers.get(result);
      if (known !== undefined) return known;
      const answer: unknown = JSON.parse(result);
      if (answers.size < maxRemembered) answers.set(result, answer);
      return answer;
    },
  };
}
