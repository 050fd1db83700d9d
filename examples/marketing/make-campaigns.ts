import { uuidv7 } from '../../kernel/index.ts';
import type { CampaignRows, PlainRow } from './make-rows.ts';
import type { SeededRandom } from './random.ts';

const dayMilliseconds = 86_400_000;
const regions = Object.freeze(['emea', 'amer', 'apac'] as const);
const themes = Object.freeze([
  'Spring launch',
  'Summer sale',
  'Back to school',
  'Loyalty thanks',
  'Winter warm-up',
  'New arrivals',
  'Win back',
  'Product tour',
]);

/** Campaigns with an audience each; asking for more gives the same ones first. */
export function makeCampaigns(random: SeededRandom, now: Date, count: number): CampaignRows {
  const campaigns: PlainRow[] = [];
  const audiences: PlainRow[] = [];
  for (let number = 0; number < count; number += 1) {
    const starts = new Date(now.getTime() - random.below(400 * dayMilliseconds));
    const region = regions[number % regions.length] ?? 'emea';
    const id = uuidv7(starts.getTime(), random.bytes);
    campaigns.push({
      id,
      name: `${random.pick(themes)} ${region.toUpperCase()} ${number + 1}`,
      status: random.pick(['draft', 'scheduled', 'running', 'paused', 'finished']),
      region,
      channel: random.pick(['email', 'email', 'sms', 'push', 'ads']),
      budget: `${(1 + random.below(80)) * 500}.00`,
      starts_at: starts,
      ends_at: new Date(starts.getTime() + 30 * dayMilliseconds),
    });
    audiences.push({
      id: uuidv7(starts.getTime(), random.bytes),
      campaign_id: id,
      name: `Active ${region.toUpperCase()}`,
      definition: JSON.stringify({ region, lifecycle: ['lead', 'customer'] }),
      region,
    });
  }
  return { campaigns, audiences };
}
