import { BlockList, isIP } from 'node:net';
import type { Tx } from '../../db/index.ts';
import type { AuditCrypto } from '../crypto-need.ts';
import { openGroups } from '../open-groups.ts';
import { selectNetworks } from './store.ts';

/** A network whose place a tenant knows. */
export type Network = {
  readonly network: string;
  readonly place: string;
  readonly latitude: number;
  readonly longitude: number;
};
/** Where a sign-in came from. */
export type Place = {
  /** `/24` of IPv4 or `/48` of IPv6. */
  readonly network: string;
  /** Null where the tenant's table says nothing. */
  readonly point: { readonly latitude: number; readonly longitude: number } | null;
};
/** Places behind the commitments of origins. */
export type Places = {
  /** Opens what is not known yet. @returns how many sealed groups were opened */
  readonly learn: (tx: Tx, commitments: readonly string[]) => Promise<number>;
  /** Null: erased, without an address, or never learned. */
  readonly known: (commitment: string) => Place | null;
};

const maxKnown = 20_000;

/** Opens client addresses; they stay in the memory of the process only, and only their network and place. */
export function createPlaces(crypto: Pick<AuditCrypto, 'open'>): Places {
  const known = new Map<string, Place | null>();
  let locate: ((ip: string) => Place) | null = null;
  return Object.freeze({
    learn: async (tx: Tx, commitments: readonly string[]) => {
      const fresh = [...new Set(commitments)].filter((one) => one !== '' && !known.has(one));
      if (fresh.length === 0) return 0;
      locate ??= createLocator((await tx.query<Network>(selectNetworks)).rows);
      if (known.size + fresh.length > maxKnown) known.clear();
      const opened = await openGroups(tx, crypto, fresh);
      for (const [commitment, group] of opened) {
        const ip = group.state === 'open' ? addressIn(group.json) : null;
        known.set(commitment, ip === null ? null : locate(ip));
      }
      return fresh.length;
    },
    known: (commitment: string) => known.get(commitment) ?? null,
  });
}

function addressIn(json: string): string | null {
  const { ip } = JSON.parse(json) as { readonly ip?: string | null }; // written by sealed-groups.ts
  return ip == null || isIP(ip) === 0 ? null : ip;
}

/** The narrowest network of the table that holds an address. */
export function createLocator(networks: readonly Network[]): (ip: string) => Place {
  const lists = networks
    .map((network) => ({ network, bits: Number(network.network.split('/')[1]) }))
    .toSorted((left, right) => right.bits - left.bits)
    .map(({ network }) => ({ network, list: listOf(network.network) }));
  return (ip) => {
    const kind = isIP(ip) === 6 ? 'ipv6' : 'ipv4';
    const found = lists.find(({ list }) => list.check(ip, kind))?.network;
    const point = found === undefined ? null : { latitude: found.latitude, longitude: found.longitude };
    return { network: prefixOf(ip), point };
  };
}

function listOf(cidr: string): BlockList {
  const [address = '', bits = ''] = cidr.split('/');
  const list = new BlockList();
  list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return list;
}

/** `/24` of IPv4, `/48` of IPv6: what a household or an office keeps. */
export function prefixOf(ip: string): string {
  if (isIP(ip) === 4) return `${ip.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = '', tail] = ip.toLowerCase().split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  const groups = [...left, ...zeros, ...right]
    .slice(0, 3)
    .map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(':')}::/48`;
}
