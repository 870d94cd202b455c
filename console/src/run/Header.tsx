import { Square } from 'lucide-react';
import type { RunDetail } from '../api/types';
import { clock, count, duration, elapsed, plural } from '../model/format';
import { BAR_ORDER, CHIP_ORDER, isTerminal, PHASE_TOKENS, PHASE_WORDS, phaseNumber } from '../model/phases';
import { ROOT, type RunModel } from '../model/run';
import { Button, CopyButton } from '../ui/controls';
import { PhaseGlyph, PhasePill } from '../ui/PhaseGlyph';
import css from './Header.module.css';

/** What is it, is it fine, what can I do. */
export function Header({
  detail,
  model,
  now,
  onAbort,
}: {
  detail: RunDetail;
  model: RunModel | null;
  now: number;
  onAbort: () => void;
}) {
  const phase = model ? model.phase[ROOT]! : phaseNumber(detail.phase);
  const ended = isTerminal(phase);
  const length = ended ? (detail.duration_ms ?? null) : Math.max(0, now - detail.created_ms);
  const facts: [string, string, string?][] = [
    [ended ? 'Duration' : 'Elapsed', ended ? duration(length) : elapsed(length ?? 0), 'duration'],
    ['Started', clock(detail.created_ms, now)],
    [
      'Mode',
      detail.mode === 'local' ? `Local${detail.owner_pid ? ` · pid ${detail.owner_pid}` : ''}` : 'Server',
    ],
  ];
  if (detail.task_version) facts.push(['Version', detail.task_version.slice(0, 12)]);
  if (detail.created_by) facts.push(['Owner', detail.created_by]);
  if (detail.relation)
    facts.push([`${detail.relation[0]!.toUpperCase()}${detail.relation.slice(1)} of`, detail.related_run]);
  return (
    <div className={css.header}>
      <PhasePill phase={phase} />
      <h1>{detail.task_name}</h1>
      <CopyButton text={detail.name} label="Copy the run's id" />
      <dl className={css.facts}>
        {facts.map(([term, value, id]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd className="num" data-testid={id}>
              {value}
            </dd>
          </div>
        ))}
      </dl>
      {!ended && (
        <Button look="danger" onClick={onAbort}>
          <Square size={14} /> Abort
        </Button>
      )}
      <span className="sr" aria-live="polite">
        Run {PHASE_WORDS[phase]}
      </span>
    </div>
  );
}

/** All actions by phase: a bar, and chips that filter. */
export function PhaseStrip({
  model,
  chosen,
  onToggle,
}: {
  model: RunModel;
  chosen: ReadonlySet<number>;
  onToggle: (phase: number) => void;
}) {
  const total = model.rows || 1;
  return (
    <div className={css.strip}>
      <div className={css.bar} aria-hidden="true">
        {BAR_ORDER.filter(phase => model.counts[phase]! > 0).map(phase => (
          <i
            key={phase}
            style={{
              flexGrow: Math.max(model.counts[phase]!, total / 110),
              background: `var(--bar-${PHASE_TOKENS[phase]})`,
            }}
          />
        ))}
      </div>
      <b className="num" data-testid="actions">
        {plural(model.rows, 'action')}
      </b>
      {CHIP_ORDER.filter(phase => model.counts[phase]! > 0 || chosen.has(phase)).map(phase => (
        <button
          key={phase}
          type="button"
          className={css.chip}
          aria-pressed={chosen.has(phase)}
          onClick={() => onToggle(phase)}
        >
          <PhaseGlyph phase={phase} />
          <b className="num">{count(model.counts[phase]!)}</b> {PHASE_WORDS[phase]!.toLowerCase()}
        </button>
      ))}
    </div>
  );
}
