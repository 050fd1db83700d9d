import { Trans, useLingui, Plural } from '@lingui/react/macro';
import { Link } from '@tanstack/react-router';
import type { PlanDocument, PlanStep } from '../../api/types.ts';
import { StateTag, type Tone } from '../../ui/state-tag.tsx';
import { useRequestWords } from './request-words.ts';

const tones: Record<string, Tone> = {
  delete: 'bad',
  shred: 'bad',
  fields: 'busy',
  null: 'busy',
  pseudonymise: 'busy',
  keep: 'warn',
  export: 'good',
};

/** The plan as a tree: systems, collections, fields, with rows, and what stays and why. */
export function PlanTree(props: { document: unknown }) {
  const { t } = useLingui();
  const plan = readPlan(props.document);
  if (plan === null) {
    return (
      <pre className="gh-pre" tabIndex={0}>
        {JSON.stringify(props.document, null, 2)}
      </pre>
    );
  }
  const systems = [...new Set(plan.steps.map((step) => step.system))];
  return (
    <div className="gh-stack">
      <PlanTotals plan={plan} />
      <ul className="gh-tree" aria-label={t`Plan`} data-testid="plan-tree">
        {systems.map((system) => (
          <li key={system}>
            <div className="gh-tree-line">
              <span className="gh-tree-name">{system}</span>
              <Rows count={sum(plan.steps.filter((step) => step.system === system))} />
            </div>
            <ul>
              {plan.steps
                .filter((step) => step.system === system)
                .map((step) => (
                  <StepLine key={step.collection} step={step} />
                ))}
            </ul>
          </li>
        ))}
      </ul>
      {(plan.warnings ?? []).map((warning) => (
        <p key={warning} className="gh-keep">
          {warning}
        </p>
      ))}
    </div>
  );
}

function readPlan(document: unknown): PlanDocument | null {
  const value: unknown = typeof document === 'string' ? JSON.parse(document) : document;
  const steps = (value as { steps?: unknown } | null)?.steps;
  return Array.isArray(steps) ? (value as PlanDocument) : null; // the format the request engine seals
}

function sum(steps: readonly PlanStep[]): number {
  return steps.reduce((total, step) => total + step.rows, 0);
}

function Rows(props: { count: number }) {
  return (
    <span className="gh-tree-count">
      <Plural value={props.count} one="# row" other="# rows" />
    </span>
  );
}

function PlanTotals(props: { plan: PlanDocument }) {
  const words = useRequestWords();
  const totals = props.plan.totals ?? {};
  return (
    <p className="gh-row">
      {Object.entries(totals)
        .filter(([, count]) => count > 0)
        .map(([action, count]) => (
          <StateTag key={action} tone={tones[action] ?? 'idle'}>
            {words.action(action)} {count}
          </StateTag>
        ))}
      {props.plan.identity === undefined ? null : (
        <span className="gh-muted gh-small">
          <Plural
            value={props.plan.identity.subjects.length}
            one="# data subject found"
            other="# data subjects found"
          />
        </span>
      )}
    </p>
  );
}

function StepLine(props: { step: PlanStep }) {
  const { step } = props;
  const words = useRequestWords();
  const kept = step.fields.filter((field) => field.action === 'keep');
  return (
    <li data-testid={`plan-${step.collection}`}>
      <div className="gh-tree-line">
        <Link to="/datamap" search={{ collection: step.collection }} className="gh-tree-name">
          {step.collection}
        </Link>
        <Rows count={step.rows} />
        <StateTag tone={tones[step.action] ?? 'idle'}>{words.action(step.action)}</StateTag>
      </div>
      <p className="gh-small gh-muted">
        <code>{step.path}</code>
      </p>
      {step.exemption === null ? null : (
        <p className="gh-keep" data-testid="exemption">
          <strong>
            <Trans>Stays:</Trans>
          </strong>{' '}
          {step.exemption.basis} · {step.exemption.citation} · <code>{step.exemption.code}</code>
          {step.exemption.until === null ? null : <Trans> · for {step.exemption.until}</Trans>}
        </p>
      )}
      {step.note === null ? null : <p className="gh-small gh-muted">{step.note}</p>}
      {step.fields.length === 0 ? null : (
        <details open={kept.length > 0 && step.exemption === null}>
          <summary>
            <Plural value={step.fields.length} one="# field" other="# fields" />
          </summary>
          <ul>
            {step.fields.map((field) => (
              <li key={field.field} className="gh-tree-line">
                <code>{field.field}</code>
                <span className="gh-muted">{words.action(field.action)}</span>
                {field.exemption === null ? null : <code className="gh-muted">{field.exemption}</code>}
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}
