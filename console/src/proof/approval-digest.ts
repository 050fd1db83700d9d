import { sha256, toHex } from './bytes.ts';

/** Members sorted by UTF-16 code units, no white space (RFC 8785 without fractions, which proposals do not have). */
export function canonicalText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  const members = Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`).join(',')}}`;
}

/** What a second person is shown of a proposal. */
export type ShownProposal = {
  readonly id: string;
  readonly action: string;
  readonly payload: unknown;
  readonly reason: string;
  readonly proposedBy: string;
  readonly expiresAt: string;
};

/** The digest of what is shown, computed here: what a person approves is what this page says. */
export async function digestOfProposal(tenantId: string, shown: ShownProposal): Promise<string> {
  const { id, action, reason, proposedBy, expiresAt } = shown;
  const payload = canonicalText(shown.payload);
  const text = `gatehouse/approval/1\n${canonicalText({ tenantId, id, action, payload, reason, proposedBy, expiresAt })}`;
  return toHex(await sha256(new TextEncoder().encode(text)));
}
