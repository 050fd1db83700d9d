import { z } from 'zod';
import { defineRoute, type AnyRoute, type Principal } from '../kernel/index.ts';

const tileSchema = z.object({
  id: z.string(),
  guard: z.string(),
  title: z.string(),
  state: z.enum(['ok', 'attention', 'failing']),
  value: z.string(),
  detail: z.string(),
});

/** One control at a glance: what it is, how it stands, why. */
export type PostureTile = z.infer<typeof tileSchema>;

/** Gives tiles of one guard; `action` names the right that a principal needs to see them. */
export type TileSource = {
  readonly action: string;
  readonly tiles: (principal: Principal) => Promise<readonly PostureTile[]>;
};

/** What the overview asks policy. */
export type MayPrincipal = (principal: Principal, action: string) => Promise<boolean>;

/** `GET /v1/overview`: the tiles that the caller may see. */
export function createOverviewRoutes(sources: readonly TileSource[], may: MayPrincipal): readonly AnyRoute[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/v1/overview',
      operationId: 'getOverview',
      summary: 'The posture of the tenant at a glance, as far as the caller may see it',
      security: { kind: 'principal', action: 'server.overview' },
      audit: {
        kind: 'none',
        reason: 'counts and states only; no personal data, no record of the trail is shown',
      },
      request: {},
      responses: { 200: { description: 'Tiles', schema: z.object({ posture: z.array(tileSchema) }) } },
      handler: async ({ principal }) => {
        if (principal === null) throw new TypeError('the overview needs a principal; its security says so');
        const lists = await Promise.all(
          sources.map(async (source) =>
            (await may(principal, source.action)) ? readTiles(source, principal) : [],
          ),
        );
        return { status: 200, body: { posture: lists.flat() } };
      },
    }),
  ];
}

/** A guard that cannot answer is a finding itself. */
async function readTiles(source: TileSource, principal: Principal): Promise<readonly PostureTile[]> {
  try {
    return await source.tiles(principal);
  } catch {
    const guard = source.action.split('.')[0] ?? source.action;
    return [
      {
        id: `${guard}.unreachable`,
        guard,
        title: guard,
        state: 'failing',
        value: 'no answer',
        detail: 'this guard could not say how it stands; see the log',
      },
    ];
  }
}
