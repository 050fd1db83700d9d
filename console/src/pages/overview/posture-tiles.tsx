import { Trans, useLingui } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import type { Overview, Posture } from '../../api/types.ts';
import { Empty } from '../../ui/loaded.tsx';
import { StateTag } from '../../ui/state-tag.tsx';
import { postureTones } from './posture.ts';

type Place =
  | '/requests'
  | '/trail'
  | '/keys'
  | '/keys/providers'
  | '/keys/inventory'
  | '/keys/certificates'
  | '/access'
  | '/datamap';

/** Where a finding is mended: by its own id, else by its guard. */
const places: Readonly<Record<string, Place>> = {
  'crypto.root': '/keys/providers',
  'crypto.cryptoperiods': '/keys/inventory',
  'crypto.certificates': '/keys/certificates',
  'crypto.canaries': '/trail',
  dsr: '/requests',
  audit: '/trail',
  crypto: '/keys',
  identity: '/access',
  policy: '/access',
  datamap: '/datamap',
};

/** One tile for each control: its word, its number, what is the matter, and the way there. */
export function PostureTiles(props: { overview: Overview }) {
  const { t } = useLingui();
  const tiles = props.overview.posture;
  const words: Record<Posture['state'], string> = {
    ok: t`In order`,
    attention: t`Needs attention`,
    failing: t`Failing`,
  };
  if (tiles.length === 0) {
    return (
      <Empty title={<Trans>No control reports to you</Trans>}>
        <Trans>
          Your role works with people’s data, not with its controls. The sections at the side are yours; ask a
          security admin if one is missing.
        </Trans>
      </Empty>
    );
  }
  return (
    <div className="gh-tiles" data-testid="posture">
      {tiles.map((tile) => (
        <Tile key={tile.id} tile={tile} word={words[tile.state]} />
      ))}
    </div>
  );
}

function Tile(props: { tile: Posture; word: string }) {
  const { tile } = props;
  const place = places[tile.id] ?? places[tile.guard];
  return (
    <section className="gh-tile" data-testid={`tile-${tile.id}`}>
      <h2>{tile.title}</h2>
      {tile.value === '' ? null : <p className="gh-tile-value">{tile.value}</p>}
      <StateTag tone={postureTones[tile.state]}>{props.word}</StateTag>
      {tile.detail === '' ? null : <p className="gh-small gh-muted">{tile.detail}</p>}
      {place === undefined || tile.state === 'ok' ? null : (
        <Link to={place} className="gh-small">
          <Trans>See to it</Trans>
        </Link>
      )}
    </section>
  );
}
