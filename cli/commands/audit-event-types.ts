import { listEventTypes, ocsfVersion } from '../../audit/index.ts';
import { allEvents } from '../../server/index.ts';
import type { Command } from '../command.ts';

type EventType = ReturnType<typeof listEventTypes>[number];

/** `gatehouse audit event-types`: needs no house. */
export const eventTypesCommand: Command = {
  name: 'audit event-types',
  summary:
    'Every type of event that a log can hold, with its OCSF class; as a page for docs/ with --markdown',
  usage: 'gatehouse audit event-types [--markdown] [--json]',
  options: { markdown: { type: 'boolean' } },
  run: async (input) => {
    const types = listEventTypes(allEvents);
    if (input.json) input.io.out(JSON.stringify({ items: types }));
    else if (input.values['markdown'] === true) input.io.out(eventTypesPage(types));
    else for (const type of types) input.io.out(line(type));
    return 0;
  },
};

const line = ({ action, version, ocsf }: EventType): string =>
  `${`${action}@${version}`.padEnd(40)} ${ocsf.typeUid}  ${ocsf.className}: ${ocsf.activityName}`;

/** docs/audit/events.md. */
function eventTypesPage(types: readonly EventType[]): string {
  const rows = types.map(
    ({ action, version, category, summary, ocsf }) =>
      `- \`${action}\` ${version}, ${category}, OCSF ${ocsf.typeUid} ${ocsf.className}: ${ocsf.activityName}. ${summary.replace(/\.$/, '')}.`,
  );
  return `# Events

Every type of event that a log can hold, as \`gatehouse audit event-types --markdown\` prints it; with the shape of each detail: \`GET /v1/audit/event-types\`. OCSF is ${ocsfVersion}.

${rows.join('\n')}
`.trimEnd();
}
