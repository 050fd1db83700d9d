import { useRouter } from '@tanstack/react-router';
import type { MouseEvent, ReactNode } from 'react';

/** A tab that is an address: it says itself whether it is the current one, and opens in place. */
export function TabLink(props: { href: string; current: boolean; children: ReactNode }) {
  const router = useRouter();
  const open = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    router.history.push(props.href);
  };
  return (
    <a href={props.href} aria-current={props.current ? 'page' : undefined} onClick={open}>
      {props.children}
    </a>
  );
}
