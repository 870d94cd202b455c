import { useQuery } from '@tanstack/react-query';
import { GitCompareArrows, LifeBuoy, RotateCcw, Square } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import { EVERY_RUN, listRuns } from '../api/client';
import type { RunDetail } from '../api/types';
import { runAddress } from '../app/address';
import { clock, count, duration, elapsed, plural } from '../model/format';
import { BAR_ORDER, CHIP_ORDER, isTerminal, PHASE_TOKENS, PHASE_WORDS, phaseNumber } from '../model/phases';
import { ROOT, type RunModel } from '../model/run';
import { Button, buttonClass, CopyButton } from '../ui/controls';
import { PhaseGlyph, PhasePill } from '../ui/PhaseGlyph';
import css from './Header.module.css';

/** What is it, is it fine, what can I do. */
export function Header({
  detail,
  model,
  now,
  onAbort,
  onRerun,
  onRecover,
}: {
  detail: RunDetail;
  model: RunModel | null;
  now: number;
  onAbort: () => void;
  onRerun: () => void;
  onRecover: () => void;
}) {
  const phase = model ? model.phase[ROOT]! : phaseNumber(detail.phase);
  const ended = isTerminal(phase);
  let length = detail.duration_ms ?? null;
  if (!isTerminal(phaseNumber(detail.phase))) {
    // The model may know the end before `detail` has been fetched again.
    length = model?.finished
      ? model.ended[ROOT]! - model.queued[ROOT]!
      : Math.max(0, now - detail.created_ms);
  }
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
        {detail.relation && (
          <div>
            <dt>{RELATIONS[detail.relation] ?? detail.relation}</dt>
            <dd>
              <Link href={runAddress({ ...detail, name: detail.related_run })}>{detail.related_run}</Link>
            </dd>
          </div>
        )}
      </dl>
      <div className={css.acts}>
        {!ended && (
          <Button look="danger" onClick={onAbort}>
            <Square size={14} /> Abort
          </Button>
        )}
        <Partner detail={detail} />
        {ended && !GOOD.has(phase) && detail.mode === 'server' && (
          <Button onClick={onRecover} title="Take over what succeeded and run only the rest">
            <LifeBuoy size={14} /> Recover
          </Button>
        )}
        <Button look="primary" onClick={onRerun} title="Run it again, with other inputs if you like (r)">
          <RotateCcw size={14} /> Rerun
        </Button>
      </div>
      <span className="sr" aria-live="polite">
        Run {PHASE_WORDS[phase]}
      </span>
    </div>
  );
}

const RELATIONS: Record<string, string> = { rerun: 'Rerun of', recover: 'Recovers' };
const GOOD = new Set([5, 10]);

/** The run to compare with: the one it was made from, else the last of the same task before it. */
function Partner({ detail }: { detail: RunDetail }) {
  const listed = useQuery({
    queryKey: ['partner', detail.project, detail.domain, detail.name],
    queryFn: ({ signal }) =>
      listRuns(
        { ...EVERY_RUN, project: detail.project, domain: detail.domain, task: detail.task_name },
        '',
        signal,
      ),
    enabled: !detail.related_run,
    staleTime: 60_000,
  });
  const earlier = listed.data?.runs.filter(
    run => run.name !== detail.name && run.created_ms < detail.created_ms,
  );
  const best = earlier?.find(run => run.phase === 'succeeded') ?? earlier?.[0];
  const other = detail.related_run || best?.name;
  if (!other) return null;
  return (
    <Link
      href={`${runAddress({ ...detail, name: other })}/compare/${encodeURIComponent(detail.name)}`}
      className={buttonClass}
      title={`Compare with ${other}`}
    >
      <GitCompareArrows size={14} /> Compare
    </Link>
  );
}

/** All actions by phase: a bar, and chips that filter. */
export function PhaseStrip({
  model,
  version,
  chosen,
  onToggle,
}: {
  model: RunModel;
  version: number;
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
      {!model.finished && <Pace model={model} version={version} />}
    </div>
  );
}

const WINDOW = 30_000;
const MANY = 20;

/** How fast actions end, and how long the rest would take at that pace; only where there are enough to tell. */
function Pace({ model, version }: { model: RunModel; version: number }) {
  const seen = useRef<[at: number, done: number][]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the model changes in place and tells by its version
  useEffect(() => {
    const done = model.counts.reduce((sum, n, phase) => sum + (isTerminal(phase) ? n : 0), 0);
    const now = performance.now();
    const kept = seen.current.filter(([at]) => now - at < WINDOW);
    if (now - (kept[kept.length - 1]?.[0] ?? 0) > 500) kept.push([now, done]);
    seen.current = kept;
  }, [model, version]);
  const [first, last] = [seen.current[0], seen.current[seen.current.length - 1]];
  if (!first || !last || last[1] - first[1] < MANY) return null;
  const rate = ((last[1] - first[1]) / (last[0] - first[0])) * 1000;
  const left = model.rows - last[1];
  return (
    <span className={css.pace} data-testid="pace">
      <b className="num">{rate < 10 ? rate.toFixed(1) : count(Math.round(rate))}</b> done/s
      <span>
        about <b className="num">{elapsed((left / rate) * 1000)}</b> left
      </span>
    </span>
  );
}
