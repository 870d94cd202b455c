import { useQuery } from '@tanstack/react-query';
import { ChevronLeft, ChevronRight, RotateCcw, Square, X } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { getAction, getIO } from '../api/client';
import { heardNow } from '../api/clock';
import type { ActionDetail, ActionIO, RunKey } from '../api/types';
import type { Lineage as Lineages, Link } from '../graph/flow';
import { useFlow } from '../graph/useFlow';
import { Code, Logs, Report } from '../later';
import { plural } from '../model/format';
import { isTerminal, QUEUED, RUNNING, WAITING } from '../model/phases';
import { isGroup, KIND_TASK, type Node, type RunModel } from '../model/run';
import { Button, CopyButton, IconButton, Tabs } from '../ui/controls';
import { PhaseGlyph, PhaseWord } from '../ui/PhaseGlyph';
import { Problem } from '../ui/Problem';
import { AbortDialog } from './AbortDialog';
import css from './Details.module.css';
import { Events } from './Events';
import { GroupSummary } from './GroupSummary';
import { Lineage } from './Lineage';
import { Links } from './Links';
import { Question } from './Question';
import { Summary } from './Summary';
import { Task } from './Task';
import { Values } from './Values';

const TABS = [
  { id: 'summary', label: 'Summary' },
  { id: 'io', label: 'Inputs & outputs' },
  { id: 'logs', label: 'Logs' },
  { id: 'report', label: 'Report' },
  { id: 'events', label: 'Events' },
  { id: 'task', label: 'Task' },
  { id: 'code', label: 'Code' },
];
/** Runs with more actions read how data flowed only when a view asks for it. */
const TOLD_AT_ONCE = 2_000;
const TOLD_LIVE = 300;
const OF_TASKS = new Set(['task', 'code']);
/** Tabs whose content scrolls by itself. */
const FILLING = new Set(['logs', 'report', 'code']);

interface Props {
  run: RunKey;
  model: RunModel;
  node: Node;
  tab: string;
  attempt: number;
  line: number;
  now: number;
  onTab: (tab: string) => void;
  onAttempt: (attempt: number) => void;
  onLine: (line: number) => void;
  onSelect: (node: Node) => void;
  onRerun: (action: string, name: string) => void;
  onClose: () => void;
}

/** One action or group in depth, beside whatever view is open. */
export function Details(props: Props) {
  const { model, node, tab, now, onTab, onSelect, onClose } = props;
  const group = isGroup(node);
  const siblings = model.above(node) === -1 ? [node] : model.childrenOf(model.above(node));
  const at = siblings.indexOf(node);
  const above = model.above(node);
  return (
    <aside className={css.details} aria-label="Details" data-testid="details">
      <div className={css.head}>
        <PhaseGlyph phase={model.phaseOf(node)} size={16} />
        <h2 data-testid="selected">{model.nameOf(node)}</h2>
        {group && (
          <span className={css.soft}>group of {plural(model.childrenOf(node).length, 'action')}</span>
        )}
        <span className={css.gap} />
        <IconButton label="Previous sibling" disabled={at <= 0} onClick={() => onSelect(siblings[at - 1]!)}>
          <ChevronLeft size={16} />
        </IconButton>
        <IconButton
          label="Next sibling"
          disabled={at < 0 || at >= siblings.length - 1}
          onClick={() => onSelect(siblings[at + 1]!)}
        >
          <ChevronRight size={16} />
        </IconButton>
        <span className={css.close}>
          <IconButton label="Close the details" keys="Esc" onClick={onClose}>
            <X size={16} />
          </IconButton>
        </span>
      </div>
      {group ? (
        <>
          <div className={css.facts}>
            in {above === -1 ? 'the run' : model.nameOf(above)}
            <PhaseWord phase={model.phaseOf(node)} />
          </div>
          <div className={css.body}>
            <GroupSummary model={model} node={node} now={now} onSelect={onSelect} />
          </div>
        </>
      ) : (
        <ActionDetails
          {...props}
          key={node}
          tab={TABS.some(({ id }) => id === tab) ? tab : 'summary'}
          onTab={onTab}
          now={now}
        />
      )}
    </aside>
  );
}

function ActionDetails({
  run,
  model,
  node,
  tab,
  attempt,
  line,
  now,
  onTab,
  onAttempt,
  onLine,
  onSelect,
  onRerun,
}: Props) {
  const [aborting, setAborting] = useState(false);
  const id = model.ids[node]!;
  const phase = model.phase[node]!;
  const ended = isTerminal(phase);
  const attempts = model.attempts[node]!;
  const key = [run.project, run.domain, run.name, id];
  const detail = useQuery({
    queryKey: ['action', ...key, phase, attempts],
    queryFn: async ({ signal }) => {
      const answer = await getAction(run, id, signal);
      heardNow(answer.now_ms);
      return answer.action;
    },
    placeholderData: previous => (previous?.name === id ? previous : undefined),
    staleTime: ended ? Number.POSITIVE_INFINITY : 0,
    // Its links and its report come while it runs, and change nothing in the run's record.
    refetchInterval: phase === RUNNING ? 3_000 : false,
  });
  const io = useQuery({
    queryKey: ['io', ...key, ended],
    queryFn: ({ signal }) => getIO(run, id, signal),
    placeholderData: previous => previous,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const [place, setPlace] = useState('');
  const shown = attempt > 0 && attempt <= attempts ? attempt : Math.max(1, attempts);
  const isTask = model.kind[node] === KIND_TASK;
  const tried = detail.data?.tries.find(one => one.number === shown);
  const reported = tried?.report ?? false;
  const tabs = TABS.filter(({ id: name }) => (name === 'report' ? reported : isTask || !OF_TASKS.has(name)));
  const { flow } = useFlow(run, model.finished, model.rows <= (model.finished ? TOLD_AT_ONCE : TOLD_LIVE));
  const lineage = useMemo(() => flow?.lineage(model, node), [flow, model, node]);
  const linked = (links: Link[] | undefined, words: string) => (
    <Lineage links={links} words={words} model={model} onSelect={onSelect} />
  );
  const sides = (
    <Sides run={run} id={id} io={io.data} error={io.error} phase={phase} lineage={lineage} linked={linked} />
  );
  const openCode = (where: string) => {
    setPlace(where);
    onTab('code');
  };
  return (
    <>
      <div className={css.facts}>
        <code title={id}>{id.length > 14 ? `${id.slice(0, 12)}…` : id}</code>
        <CopyButton text={id} label="Copy the action's id" />
        {model.envOf(node) && <span>{model.envOf(node)}</span>}
        <PhaseWord phase={phase} />
        {attempts > 1 && (
          <label className={css.attempt}>
            attempt
            <select value={shown} onChange={event => onAttempt(Number(event.target.value))}>
              {Array.from({ length: attempts }, (_, i) => (
                <option key={i} value={i + 1}>
                  {i + 1}
                </option>
              ))}
            </select>
            of {attempts}
          </label>
        )}
        <span className={css.gap} />
        {isTask && node !== 0 && (
          <Button className={css.abort} onClick={() => onRerun(id, model.nameOf(node))}>
            <RotateCcw size={12} /> Rerun this
          </Button>
        )}
        {!ended && node !== 0 && (
          <Button look="danger" className={css.abort} onClick={() => setAborting(true)}>
            <Square size={12} /> Abort
          </Button>
        )}
      </div>
      <Links links={tried?.links} />
      <div className={css.tabs}>
        <Tabs
          tabs={tabs}
          value={tabs.some(each => each.id === tab) ? tab : 'summary'}
          onChange={onTab}
          label="Details"
          panelId="details-panel"
        />
      </div>
      <div
        className={FILLING.has(tab) ? css.fill : css.body}
        role="tabpanel"
        id="details-panel"
        aria-labelledby={`details-panel-${tab}`}
        tabIndex={FILLING.has(tab) ? undefined : 0}
      >
        {tab === 'logs' ? (
          isTask ? (
            <Logs
              run={run}
              action={id}
              attempt={shown}
              origin={model.base + Math.max(model.queued[node]!, model.running[node]!)}
              line={line}
              onLine={onLine}
              started={
                (attempts > 0 && phase !== QUEUED && phase !== WAITING) ||
                attempts > 1 ||
                (ended && attempts > 0)
              }
            />
          ) : (
            <p className={css.none}>
              A {model.kind[node] === 1 ? 'trace' : 'condition'} has no log of its own.
            </p>
          )
        ) : tab === 'report' && reported ? (
          <Report run={run} action={id} attempt={shown} live={!ended} />
        ) : tab === 'code' && isTask ? (
          <Code key={place} run={run} action={id} place={place} />
        ) : detail.error && !detail.data ? (
          <Problem error={detail.error} what={`action ${id}`} retry={() => void detail.refetch()} />
        ) : tab === 'io' ? (
          sides
        ) : detail.data ? (
          tab === 'events' ? (
            <Events detail={detail.data} />
          ) : tab === 'task' && isTask ? (
            <Task detail={detail.data} />
          ) : (
            <>
              <Question run={run} detail={detail.data} />
              <Summary
                model={model}
                row={node}
                detail={detail.data}
                attempt={attempt}
                now={now}
                onSelect={onSelect}
                onLogs={() => onTab('logs')}
                onCode={openCode}
                onRerun={isTask ? () => onRerun(id, model.nameOf(node)) : undefined}
              />
              {sides}
              <Placement detail={detail.data} />
              {model.childrenOf(node).length > 1 && (
                <GroupSummary
                  model={model}
                  node={node}
                  now={now}
                  onSelect={onSelect}
                  title="Direct children"
                />
              )}
            </>
          )
        ) : null}
      </div>
      <AbortDialog
        run={run}
        action={id}
        label={model.nameOf(node)}
        open={aborting}
        onClose={() => setAborting(false)}
      />
    </>
  );
}

function Sides({
  run,
  id,
  io,
  error,
  phase,
  lineage,
  linked,
}: {
  run: RunKey;
  id: string;
  io: ActionIO | undefined;
  error: Error | null;
  phase: number;
  lineage: Lineages | undefined;
  linked: (links: Link[] | undefined, words: string) => ReactNode;
}) {
  if (!io) return error ? <Problem error={error} what="the values" /> : null;
  const noOutputs = isTerminal(phase)
    ? phase === 5 || phase === 10
      ? 'It returned nothing.'
      : `No outputs: it ${ENDED[phase] ?? 'ended'}.`
    : 'No outputs yet.';
  return (
    <>
      <h3>Inputs</h3>
      <Values
        run={run}
        action={id}
        which="inputs"
        side={io.inputs}
        empty="It takes no inputs."
        origin={name => linked(lineage?.inputs.get(name), 'from')}
      />
      {linked(lineage?.handedOn, 'Handed on to')}
      <h3>Outputs</h3>
      <Values
        run={run}
        action={id}
        which="outputs"
        side={io.outputs}
        empty={noOutputs}
        origin={name => linked(lineage?.outputs.get(name), 'from')}
      />
      {linked(lineage?.usedBy, 'Used by')}
    </>
  );
}

const ENDED: Record<number, string> = { 6: 'failed', 7: 'was aborted', 8: 'timed out' };

const CACHE_WORDS: Record<string, string> = {
  disabled: 'Off',
  miss: 'Miss: it ran',
  hit: 'Hit',
  populated: 'Miss: it ran, and the result was kept',
  skipped: 'Skipped',
};

function Placement({ detail }: { detail: ActionDetail }) {
  const { limits, cache } = detail;
  const seconds = (value: number | null) => (value === null ? null : `${value} s`);
  const worker = detail.tries[detail.tries.length - 1]?.worker;
  const resources = [
    limits.cpu !== null && `${limits.cpu} CPU`,
    limits.memory_bytes !== null && `${(limits.memory_bytes / 2 ** 30).toFixed(1)} GiB`,
    limits.gpu > 0 && `${limits.gpu} GPU`,
  ].filter(Boolean);
  const rows: [string, string | null | undefined][] = [
    ['Task', detail.task_name],
    ['Version', detail.task_version],
    ['Worker', worker],
    ['Resources', resources.join(' · ')],
    [
      'Cache',
      `${CACHE_WORDS[cache.status] ?? cache.status}${detail.recovered_from ? ` · from ${detail.recovered_from}` : ''}`,
    ],
    [
      'Retries',
      limits.user_retries
        ? `${limits.user_failures} failed of ${limits.user_retries + 1} allowed`
        : 'None declared',
    ],
    ['Losses', limits.system_losses ? `${limits.system_losses} of ${limits.system_retries} forgiven` : null],
    ['Time limit', seconds(limits.max_runtime_s)],
    ['Queue limit', seconds(limits.max_queued_s)],
    ['Deadline', seconds(limits.deadline_s)],
    [
      'Aborted',
      detail.abort_reason === null
        ? null
        : `${detail.abort_reason}${detail.aborted_by ? ` (${detail.aborted_by})` : ''}`,
    ],
  ];
  return (
    <>
      <h3>Placement</h3>
      <dl className={css.table}>
        {rows
          .filter((row): row is [string, string] => Boolean(row[1]))
          .map(([term, value]) => (
            <div key={term}>
              <dt>{term}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </>
  );
}
