import { Trans, useLingui } from '@lingui/react/macro';
import { Modal, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { Permissions } from '../api/types.ts';
import { visibleSections, type Section } from './sections.tsx';

type Command = {
  readonly id: string;
  readonly label: string;
  readonly to: Section['to'] | { readonly seq: string };
};

function useCommands(permissions: Permissions | undefined, text: string): readonly Command[] {
  const { t } = useLingui();
  const found: Command[] = visibleSections(permissions)
    .map((section) => ({ id: section.to, label: t(section.label), to: section.to }))
    .filter((command) => command.label.toLowerCase().includes(text.trim().toLowerCase()));
  if (/^\d+$/.test(text.trim()) && permissions?.actions['audit.read'] === true) {
    found.push({ id: 'event', label: t`Event ${text.trim()} of the trail`, to: { seq: text.trim() } });
  }
  return found;
}

/** The command palette: ctrl or cmd with K, type, arrows, enter. */
export function Palette(props: { permissions: Permissions | undefined }) {
  const { t } = useLingui();
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const commands = useCommands(props.permissions, text);
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setOpen((was) => !was);
    };
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);
  const run = (command: Command | undefined): void => {
    if (command === undefined) return;
    setOpen(false);
    setText('');
    void navigate(
      typeof command.to === 'string' ? { to: command.to } : { to: '/trail/$seq', params: command.to },
    );
  };
  const onKey = (key: string): void => {
    if (key === 'ArrowDown') setAt(Math.min(at + 1, commands.length - 1));
    if (key === 'ArrowUp') setAt(Math.max(at - 1, 0));
    if (key === 'Enter') run(commands[at]);
  };
  return (
    <>
      <button
        type="button"
        className="gh-side-button"
        onClick={() => setOpen(true)}
        data-testid="palette-button"
      >
        <Trans>Go to…</Trans> <kbd>Ctrl K</kbd>
      </button>
      <Modal
        opened={open}
        onClose={() => setOpen(false)}
        title={t`Go to`}
        size="md"
        closeButtonProps={{ 'aria-label': t`Close` }}
      >
        <div className="gh-stack">
          <TextInput
            data-autofocus
            aria-label={t`Section or event number`}
            placeholder={t`Section or event number`}
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-list"
            aria-activedescendant={commands[at] === undefined ? undefined : `palette-${at}`}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              setAt(0);
            }}
            onKeyDown={(event) => onKey(event.key)}
          />
          <div id="palette-list" role="listbox" aria-label={t`Commands`} className="gh-palette">
            {commands.map((command, index) => (
              <div
                key={command.id}
                id={`palette-${index}`}
                role="option"
                aria-selected={index === at}
                onClick={() => run(command)}
                tabIndex={-1}
              >
                {command.label}
              </div>
            ))}
          </div>
        </div>
      </Modal>
    </>
  );
}
