import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { defineRoute, GatehouseError, Secret, type AnyRoute } from '../../kernel/index.ts';
import type { HouseSeal } from './house-seal.ts';

const thisMachine = new BlockList();
thisMachine.addSubnet('127.0.0.0', 8, 'ipv4');
thisMachine.addAddress('::1', 'ipv6');

const body = z.strictObject({ share: z.string().min(1).max(500) });
const answer = z.object({
  sealed: z.boolean(),
  given: z.number().int(),
  threshold: z.number().int(),
  repeated: z.boolean(),
});

/** `POST /v1/crypto/unseal`: one share of the house's root key. */
export function createUnsealRoute(seal: HouseSeal): AnyRoute {
  return defineRoute({
    method: 'POST',
    path: '/v1/crypto/unseal',
    operationId: 'giveShare',
    summary: 'Give one share of the root key to a sealed house, from the machine it runs on',
    security: {
      kind: 'public',
      reason:
        'a sealed house has no keys to know anybody by: the share is the proof, and only this machine may give it',
    },
    audit: { kind: 'event', actions: ['crypto.house_unsealed'] },
    request: { body, bodyLimitBytes: 4_096 },
    responses: {
      200: { description: 'Taken: how many of how many are given', schema: answer },
      403: { description: 'No share of this house, or not from this machine' },
      409: { description: 'The house is not sealed' },
      429: { description: 'Too many wrong shares; wait a minute' },
    },
    handler: async ({ body: { share }, call }) => {
      requireThisMachine(call.origin.ip);
      return { status: 200, body: await seal.give(new Secret(share)) };
    },
  });
}

function requireThisMachine(address: string | null): void {
  if (address !== null && isIP(address) !== 0) {
    if (thisMachine.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) return;
  }
  throw new GatehouseError(
    'ERR_FORBIDDEN',
    'shares are taken from the machine that the house runs on only; use "gatehouse crypto unseal" there',
    { status: 403 },
  );
}
