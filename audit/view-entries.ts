import type { Tx } from '../db/index.ts';
import type { EventDefinition } from '../kernel/index.ts';
import type { AuditCrypto } from './crypto-need.ts';
import { parseLeafBody } from './leaf.ts';
import { commitmentsOf, openGroups, type OpenedGroups } from './open-groups.ts';
import { readDetail } from './read-detail.ts';
import type { ViewEntries } from './sinks/read-batch.ts';
import { createSummariser, viewEvent, viewItem, type TrailEvent } from './trail-view.ts';

const nothingOpened: OpenedGroups = new Map();

/** Whole events of many entries at once. Without personal data no group is opened at all. */
export function createViewEntries(
  crypto: Pick<AuditCrypto, 'open'>,
  definitions: readonly EventDefinition[],
): ViewEntries {
  const summarise = createSummariser(definitions);
  return async (tx: Tx, entries, personalData) => {
    const parsed = entries.map((entry) => ({ entry, body: parseLeafBody(entry.body) }));
    const groups = personalData
      ? await openGroups(tx, crypto, commitmentsOf(parsed.map(({ body }) => body)))
      : nothingOpened;
    const events: TrailEvent[] = [];
    for (const { entry, body } of parsed) {
      const item = viewItem(entry.seq, body, groups, summarise);
      events.push(viewEvent(item, entry, body, groups, await readDetail(tx, body)));
    }
    return events;
  };
}
