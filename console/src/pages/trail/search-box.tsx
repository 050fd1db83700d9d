import { Trans, useLingui } from '@lingui/react/macro';
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useId, useRef, useState, type FormEvent, type KeyboardEvent } from 'react';
import { getQuery } from '../../api/queries.ts';
import type { EventTypes } from '../../api/types.ts';
import { useOperatorHelp, useProblemWords } from './operator-words.ts';
import { formatSearch, parseSearch, type SearchProblem } from './parse-search.ts';
import { operatorNames, type TrailFilter } from './trail-filter.ts';

type Offer = { readonly insert: string; readonly help: string };

const mostOffers = 12;

/** One box for words and operators: help on focus, completion of names and known values, errors that name the operator. */
export function SearchBox(props: { filter: TrailFilter; onApply: (next: TrailFilter) => void }) {
  const { t } = useLingui();
  const { filter, onApply } = props;
  const box = useRef<HTMLInputElement>(null);
  const list = useId();
  const [text, setText] = useState(() => joined(filter));
  const [problems, setProblems] = useState<readonly SearchProblem[]>([]);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const words = useProblemWords();
  const offers = useOffers(text, open);
  const submit = (event?: FormEvent): void => {
    event?.preventDefault();
    const parsed = parseSearch(text, new Date());
    setProblems(parsed.problems);
    if (parsed.problems.length > 0) return;
    setOpen(false);
    const { from = filter.from, to = filter.to, ...rest } = parsed.filter;
    onApply({
      ...rest,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
    });
  };
  const take = (offer: Offer): void => {
    const head = text.slice(0, text.length - lastWord(text).length);
    setText(head + offer.insert + (offer.insert.endsWith(':') ? '' : ' '));
    setAt(-1);
    setProblems([]);
    box.current?.focus();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') return setOpen(false);
    const chosen = offers[at];
    if (event.key === 'ArrowDown') {
      setOpen(true);
      setAt(Math.min(at + 1, offers.length - 1));
    } else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, -1));
    else if ((event.key === 'Enter' || event.key === 'Tab') && open && chosen !== undefined) take(chosen);
    else return;
    event.preventDefault();
  };
  const shown = open && offers.length > 0;
  return (
    <form className="gh-search" role="search" aria-label={t`Search the trail`} onSubmit={submit}>
      <div
        className="gh-search-field"
        onBlur={(event) => event.currentTarget.contains(event.relatedTarget) || setOpen(false)}
      >
        <TextInput
          ref={box}
          aria-label={t`Words and operators`}
          placeholder={t`words, or action:dsr.* outcome:denied from:24h`}
          maxLength={1000}
          value={text}
          spellCheck={false}
          autoComplete="off"
          role="combobox"
          aria-expanded={shown}
          aria-controls={list}
          aria-autocomplete="list"
          aria-activedescendant={shown && at >= 0 ? `${list}-${at}` : undefined}
          error={problems.length === 0 ? undefined : problems.map(words).join('; ')}
          onFocus={() => setOpen(true)}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setProblems([]);
            setOpen(true);
            setAt(-1);
          }}
          onKeyDown={onKey}
          data-testid="search-box"
        />
        <div
          id={list}
          role="listbox"
          aria-label={t`Operators`}
          className="gh-offers"
          hidden={!shown}
          data-testid="search-offers"
        >
          {offers.map((offer, index) => (
            <div
              key={offer.insert}
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === at}
              onMouseDown={(event) => {
                event.preventDefault();
                take(offer);
              }}
            >
              <code>{offer.insert}</code>
              <span className="gh-muted gh-small">{offer.help}</span>
            </div>
          ))}
        </div>
      </div>
      <Button type="submit">
        <Trans>Search</Trans>
      </Button>
      <Button
        variant="default"
        onClick={() => {
          setText('');
          setProblems([]);
          onApply({});
        }}
      >
        <Trans>Clear</Trans>
      </Button>
    </form>
  );
}

const joined = (filter: TrailFilter): string => {
  const text = formatSearch(filter);
  return text === '' ? '' : `${text} `;
};
const lastWord = (text: string): string => /\S*$/.exec(text)?.[0] ?? '';

function useOffers(text: string, open: boolean): readonly Offer[] {
  const { t } = useLingui();
  const help = useOperatorHelp();
  const types = useQuery({
    ...getQuery<EventTypes>('/v1/audit/event-types'),
    enabled: open,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const word = lastWord(text).toLowerCase();
  const [, name, value = ''] = /^([a-z]+):(.*)$/.exec(word) ?? [];
  if (name === undefined) {
    return [...operatorNames, 'from' as const, 'to' as const]
      .filter((one) => one.startsWith(word))
      .map((one) => ({ insert: `${one}:`, help: `${help[one][0]} · ${help[one][1]}` }));
  }
  const items = types.data?.items ?? [];
  const known: Record<string, readonly Offer[]> = {
    outcome: [
      { insert: 'outcome:success', help: t`it was done` },
      { insert: 'outcome:denied', help: t`it was refused` },
      { insert: 'outcome:failure', help: t`it went wrong` },
    ],
    action: actionOffers(items),
    category: [...new Set(items.map(({ category }) => category))].map((category) => ({
      insert: `category:${category}`,
      help: '',
    })),
    from: ['1h', '24h', '7d', '30d'].map((span) => ({ insert: `from:${span}`, help: help.from[0] })),
    to: ['1h', '24h', '7d'].map((span) => ({ insert: `to:${span}`, help: help.to[0] })),
  };
  return (known[name] ?? [])
    .filter(({ insert }) => insert.startsWith(`${name}:${value}`) && insert !== word)
    .slice(0, mostOffers);
}

function actionOffers(items: EventTypes['items']): readonly Offer[] {
  const rooms = new Set(items.map(({ action }) => action.split('.')[0]));
  return [
    ...[...rooms].map((room) => ({ insert: `action:${room}.*`, help: '' })),
    ...items.map(({ action, summary }) => ({ insert: `action:${action}`, help: summary })),
  ];
}
