import type { Identifier } from './connectors/connector.ts';
import type { LawId, RequestType } from './law-packs.ts';
import type { Language } from './messages.ts';

/** What an operator or a portal hands in. */
export type NewRequest = {
  readonly type: RequestType;
  readonly law: LawId;
  readonly email?: string | undefined;
  readonly phone?: string | undefined;
  readonly language: Language;
  readonly message?: string | undefined;
};

/** What a person is found by, as handed in. */
export const identifiersOf = (input: NewRequest): readonly Identifier[] => [
  ...(input.email === undefined ? [] : [{ kind: 'email' as const, value: input.email }]),
  ...(input.phone === undefined ? [] : [{ kind: 'phone' as const, value: input.phone }]),
];
