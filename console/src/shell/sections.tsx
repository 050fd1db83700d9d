import { msg } from '@lingui/core/macro';
import type { MessageDescriptor } from '@lingui/core';
import type { Permissions } from '../api/types.ts';

/** A section of the console; shown to whoever may do one of its actions. */
export type Section = {
  readonly to: '/' | '/access' | '/keys' | '/requests' | '/trail' | '/datamap' | '/data';
  readonly label: MessageDescriptor;
  readonly anyOf: readonly string[];
  /** Path data of its 16 x 16 sign. */
  readonly icon: string;
};

/** Every section, in the order of the day. */
export const sections: readonly Section[] = [
  { to: '/', label: msg`Overview`, anyOf: [], icon: 'M2 13V9h3v4M6.5 13V5h3v8M11 13V2.5h3V13' },
  { to: '/requests', label: msg`Requests`, anyOf: ['dsr.read'], icon: 'M3 2.5h7l3 3v8H3zM6 8h4M6 10.500h4' },
  {
    to: '/trail',
    label: msg`Trail`,
    anyOf: ['audit.read'],
    icon: 'M5 1.500v13M11 1.500v13M5 4h6M5 8h6M5 12h6',
  },
  {
    to: '/keys',
    label: msg`Keys`,
    anyOf: ['crypto.read'],
    icon: 'M10 6.500a3 3 0 1 1-1.600-2.650L14 3v2.500h-2V7h-2z',
  },
  {
    to: '/access',
    label: msg`Access`,
    anyOf: ['identity.read', 'policy.read'],
    icon: 'M8 7.500a2.750 2.750 0 1 0 0-5.500 2.750 2.750 0 0 0 0 5.500M2.500 14a5.500 5.500 0 0 1 11 0',
  },
  {
    to: '/datamap',
    label: msg`Data map`,
    anyOf: ['datamap.read'],
    icon: 'M2 3h4v4H2zM10 3h4v4h-4zM6 11h4v3H6zM4 7v2.500h8V7M8 9.500V11',
  },
  {
    to: '/data',
    label: msg`Contacts`,
    anyOf: ['gateway.read'],
    icon: 'M2.500 3h11v10h-11zM2.500 6.500h11M6.500 6.500V13',
  },
];

/** The sections that a person may open. */
export function visibleSections(permissions: Permissions | undefined): readonly Section[] {
  return sections.filter(
    (section) =>
      section.anyOf.length === 0 || section.anyOf.some((action) => permissions?.actions[action] === true),
  );
}
