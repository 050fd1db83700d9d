import { useEffect, type ReactNode } from 'react';

/** A page: generous header, then dense content. The title names the browser tab too, after the part that is open. */
export function PageFrame(props: {
  title: string;
  part?: string;
  lead?: ReactNode;
  actions?: ReactNode;
  wide?: boolean;
  children: ReactNode;
}) {
  useEffect(() => {
    const { part, title } = props;
    document.title = `${part === undefined ? '' : `${part} · `}${title} · Gatehouse`;
  }, [props.part, props.title]);
  return (
    <div className={props.wide === true ? 'gh-page gh-page-wide' : 'gh-page'}>
      <header className="gh-page-head">
        <div>
          <h1>{props.title}</h1>
          {props.lead === undefined ? null : <p className="gh-lead">{props.lead}</p>}
        </div>
        {props.actions === undefined ? null : <div className="gh-actions">{props.actions}</div>}
      </header>
      {props.children}
    </div>
  );
}

/** A titled part of a page. */
export function Panel(props: { title?: ReactNode; aside?: ReactNode; children: ReactNode; testId?: string }) {
  return (
    <section className="gh-panel" data-testid={props.testId}>
      {props.title === undefined ? null : (
        <div className="gh-panel-head">
          <h2>{props.title}</h2>
          {props.aside}
        </div>
      )}
      {props.children}
    </section>
  );
}

/** Label and value pairs. */
export function Facts(props: { items: readonly (readonly [ReactNode, ReactNode])[] }) {
  return (
    <dl className="gh-facts">
      {props.items.map(([label, value], index) => (
        <div key={index}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
