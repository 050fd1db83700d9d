import { useLingui } from '@lingui/react/macro';
import type { Approval, EpochLife, KeyJob } from '../../api/types.ts';
import type { Tone } from '../../ui/state-tag.tsx';

/** Tone of an epoch's state. */
export const epochTones: Readonly<Record<EpochLife['state'], Tone>> = {
  active: 'good',
  rewrapping: 'busy',
  superseded: 'idle',
  scheduled: 'warn',
  destroyed: 'bad',
};

/** Tone of a job's state. */
export const jobTones: Readonly<Record<KeyJob['state'], Tone>> = {
  running: 'busy',
  done: 'good',
  failed: 'bad',
};

/** Tone of a proposal's state. */
export const approvalTones: Readonly<Record<Approval['state'], Tone>> = {
  proposed: 'warn',
  executing: 'busy',
  executed: 'good',
  failed: 'bad',
  interrupted: 'bad',
  refused: 'idle',
  expired: 'idle',
};

/** Words of the states that the API names, in the reader's language. */
export function useKeyWords() {
  const { t } = useLingui();
  const epoch: Record<EpochLife['state'], string> = {
    active: t`active`,
    rewrapping: t`keys move to the next`,
    superseded: t`superseded`,
    scheduled: t`destruction scheduled`,
    destroyed: t`destroyed`,
  };
  const basis: Record<EpochLife['basis'], string> = {
    destroyed: t`they do not: the key was destroyed`,
    scheduled: t`destruction is scheduled at the provider`,
    standing_schedule: t`by the standing schedule`,
    none: t`no end is set: retire the epoch or set a schedule`,
    no_key: t`nothing was ever sealed`,
  };
  const job: Record<KeyJob['state'], string> = { running: t`running`, done: t`done`, failed: t`failed` };
  const kind: Record<KeyJob['kind'], string> = {
    rewrap: t`Tenant key: data keys are wrapped again`,
    data_key: t`Data keys: values are sealed again`,
    blind_index: t`Blind index: terms are made again`,
  };
  const phases: Record<string, string> = {
    keys: t`making new keys`,
    rewrap: t`wrapping keys`,
    values: t`sealing values again`,
    announce: t`telling every process`,
    spread: t`writing both terms`,
    switch: t`searching by the new terms`,
    fill: t`making terms of older rows`,
  };
  const approval: Record<Approval['state'], string> = {
    proposed: t`waits for a second person`,
    executing: t`is being carried out`,
    executed: t`carried out`,
    failed: t`failed`,
    interrupted: t`interrupted`,
    refused: t`refused`,
    expired: t`ran out`,
  };
  const actions: Record<string, string> = {
    'crypto.retire': t`Retire key epochs`,
    'crypto.change_schedule': t`Change the standing schedule`,
    'crypto.change_provider': t`Change the root provider`,
    'crypto.drop_plaintext': t`Drop a plaintext column`,
    'audit.release_hold': t`Release a hold on the trail`,
  };
  return {
    epoch: (state: EpochLife['state']) => epoch[state],
    basis: (of: EpochLife['basis']) => basis[of],
    job: (state: KeyJob['state']) => job[state],
    kind: (of: KeyJob['kind']) => kind[of],
    phase: (name: string) => phases[name] ?? name,
    approval: (state: Approval['state']) => approval[state],
    action: (name: string) => actions[name] ?? name,
  };
}
