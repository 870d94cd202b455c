import {
  ChevronsDownUp,
  CircleAlert,
  Focus,
  Gauge,
  ListTree,
  Maximize2,
  ScrollText,
  Spline,
  UnfoldHorizontal,
  Workflow,
  ZoomIn,
  ZoomOut,
} from 'lucide-react';
import { type CSSProperties, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { ApiError } from '../api/client';
import { serverNow } from '../api/clock';
import type { RunKey } from '../api/types';
import { runsAddress, useQuery } from '../app/address';
import { useKeys, useNow, useTitle } from '../app/hooks';
import { type Offer, palette } from '../app/offers';
import { setSetting, useSettings } from '../app/settings';
import { useFlow } from '../graph/useFlow';
import { FlowViews, MergedLogs } from '../later';
import { plural } from '../model/format';
import { idleGaps, Squeeze } from '../model/idle';
import { PHASE_NAMES, PHASE_WORDS, phaseNumber } from '../model/phases';
import { Expansion, type Filter, flatten, isFiltering, nextFailure, type Sort } from '../model/rows';
import { type Node, ROOT, type RunModel } from '../model/run';
import { AbortDialog } from '../run/AbortDialog';
import { Details } from '../run/Details';
import { Divider, nextSplit, USUAL } from '../run/Divider';
import { Header, PhaseStrip } from '../run/Header';
import { stampOf, type Window } from '../run/paint';
import { RecoverDialog } from '../run/RecoverDialog';
import { RerunDialog } from '../run/RerunDialog';
import { Timeline, type TimelineProps } from '../run/Timeline';
import { useRun } from '../run/useRun';
import { Button, Command, IconButton, Notice, SearchBox, Tabs } from '../ui/controls';
import { Problem } from '../ui/Problem';
import css from './RunPage.module.css';

export function RunPage({ project, domain, run: name }: { project: string; domain: string; run: string }) {
  const run = useMemo(() => ({ project, domain, name }), [project, domain, name]);
  const { detail, model, version, error, retry } = useRun(run);
  const [aborting, setAborting] = useState(false);
  const [again, setAgain] = useState<{ action: string; name: string } | null>(null);
  const [recovering, setRecovering] = useState(false);
  const rerunAction = useCallback((action: string, label: string) => setAgain({ action, name: label }), []);
  const ended = model?.finished ?? false;
  // After a minute nothing on the screen moves more than once a second.
  const young = detail === undefined || serverNow() - detail.created_ms < 60_000;
  const now = useNow(ended ? 30_000 : young ? 250 : 1_000);
  const word = detail ? PHASE_WORDS[model ? model.phase[ROOT]! : phaseNumber(detail.phase)] : '';
  useTitle(detail ? `${word} · ${detail.task_name} · ${name}` : `${name} · Godwit`);

  if (error instanceof ApiError && error.status === 404) {
    return (
      <main className={css.page}>
        <Notice title={`There is no run ${name}`} page>
          <p>
            It is not in {project}/{domain}: the id may be mistyped, or the run was deleted.{' '}
            <a href={runsAddress(project, domain)}>All runs</a>, or in the terminal:
          </p>
          <Command>flyte get run</Command>
        </Notice>
      </main>
    );
  }
  if (error) {
    return (
      <main className={css.page}>
        <Problem error={error} what={`run ${name}`} retry={retry} page />
      </main>
    );
  }
  return (
    <main className={css.page}>
      <div className={css.header}>
        {detail && (
          <Header
            detail={detail}
            model={model}
            now={now}
            onAbort={() => setAborting(true)}
            onRerun={() => rerunAction('a0', detail.task_name)}
            onRecover={() => setRecovering(true)}
          />
        )}
        {!detail && <div className={css.skeleton} aria-busy="true" />}
      </div>
      {model && (
        <Views run={run} model={model} version={version} now={now - model.base} onRerun={rerunAction} />
      )}
      <AbortDialog run={run} label={name} open={aborting} onClose={() => setAborting(false)} />
      <RecoverDialog run={run} open={recovering} onClose={() => setRecovering(false)} />
      <RerunDialog
        run={run}
        action={again?.action ?? 'a0'}
        label={again?.name ?? ''}
        open={again !== null}
        onClose={() => setAgain(null)}
      />
    </main>
  );
}

const VIEWS = ['timeline', 'graph', 'bottlenecks', 'logs'] as const;
const SORTS: [Sort, string][] = [
  ['call', 'In call order'],
  ['duration', 'Longest first'],
  ['queue', 'Longest queued first'],
  ['failures', 'Failures first'],
];
/** Runs with more actions read their critical path only when it is asked for. */
const PATH_AT_ONCE = 2_000;

function Views({
  run,
  model,
  version,
  now,
  onRerun,
}: {
  run: RunKey;
  model: RunModel;
  version: number;
  now: number;
  onRerun: (action: string, name: string) => void;
}) {
  const [query, setQuery] = useQuery();
  const view = VIEWS.find(each => each === query.get('view')) ?? 'timeline';
  const tab = query.get('tab') ?? 'summary';
  const attempt = Number(query.get('attempt')) || 0;
  const text = query.get('q') ?? '';
  const phaseText = query.get('phase') ?? '';
  const actionId = query.get('action');
  const zoomText = query.get('t');
  const line = Number(query.get('line')) || 0;
  const sort = SORTS.find(([name]) => name === query.get('sort'))?.[0] ?? 'call';
  const follow = query.get('follow') === '1';
  const stamp = stampOf(model, now);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the model changes in place; the stamp tells when to look again
  const gaps = useMemo(() => idleGaps(model, now), [model, stamp]);
  const idle = query.get('idle') !== '0';
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  const squeeze = useMemo(
    () => (idle || !gaps.length ? null : new Squeeze(gaps, model.extent(now))),
    [idle, gaps],
  );
  const critical = query.get('critical') ?? (model.finished && model.rows <= PATH_AT_ONCE ? '1' : '0');
  const field = useRef<HTMLInputElement>(null);
  const [expansion, setExpansion] = useState(() => Expansion.parse(model, query.get('open') ?? ''));
  const { details } = useSettings();

  const filter: Filter = useMemo(
    () => ({
      text: text.trim().toLowerCase(),
      phases: new Set(phaseText.split(',').filter(Boolean).map(phaseNumber).filter(Boolean)),
    }),
    [text, phaseText],
  );
  const changes = isFiltering(filter) ? version : model.structure;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the model changes in place; `changes` tells when rows may differ
  const rows = useMemo(
    () => flatten(model, expansion, filter, sort, now),
    [model, expansion, filter, changes, sort],
  );
  const named = actionId === null ? undefined : model.nodeById(actionId);
  const selected: Node = named ?? ROOT;
  const filtering = isFiltering(filter);

  // Revealed once for each selection: a person may close it again.
  useEffect(() => {
    setExpansion(before => before.revealing(model, selected));
  }, [model, selected]);

  const select = useCallback(
    (node: Node, push = true) => setQuery({ action: model.idOf(node), attempt: null, line: null }, push),
    [model, setQuery],
  );
  const choose = useCallback((node: Node) => select(node), [select]);
  const expand = useCallback(
    (next: Expansion) => {
      setExpansion(next);
      setQuery({ open: next.text(model) });
    },
    [model, setQuery],
  );
  const toggle = useCallback(
    (node: Node, open: boolean) => expand(expansion.with(node, open)),
    [expand, expansion],
  );
  const isOpen = useCallback(
    (node: Node) => (filtering ? expansion.said.get(node) !== false : expansion.isOpen(model, node)),
    [expansion, model, filtering],
  );

  const end = model.extent(now);
  const whole = useWhole(model, end);
  const zoomed = parseWindow(zoomText, whole);
  const shown = zoomed ?? whole;
  const zoomTo = useCallback(
    (window: Window | null) =>
      setQuery({ t: window && `${Math.max(0, Math.round(window.from))}-${Math.round(window.to)}` }),
    [setQuery],
  );
  const zoom = (factor: number) => {
    const [begin, finish] = model.spanOf(selected, now);
    const middle = Math.min(shown.to, Math.max(shown.from, (begin + finish) / 2));
    const length = (shown.to - shown.from) * factor;
    if (length >= whole.to) return zoomTo(null);
    const from = Math.max(0, Math.min(whole.to - length, middle - length / 2));
    zoomTo({ from, to: Math.max(from + 2, from + length) });
  };
  const pan = (step: number) => {
    if (!zoomed) return;
    const by = (shown.to - shown.from) * 0.25 * step;
    const shift = Math.max(-shown.from, Math.min(whole.to - shown.to, by));
    zoomTo({ from: shown.from + shift, to: shown.to + shift });
  };
  const failure = (step: 1 | -1) => {
    const next = nextFailure(model, selected, step);
    if (next >= 0) select(next);
  };
  const togglePhase = (phase: number) => {
    const chosen = new Set(filter.phases);
    if (!chosen.delete(phase)) chosen.add(phase);
    setQuery({ phase: [...chosen].map(one => PHASE_NAMES[one]).join(',') });
  };
  const setView = (next: string) => setQuery({ view: next === 'timeline' ? null : next }, true);
  const setTab = (next: string) => {
    if (!details) setSetting({ details: USUAL });
    setQuery({ tab: next === 'summary' ? null : next, action: model.idOf(selected) });
  };

  useEffect(
    () =>
      palette.provide(wanted => {
        if (wanted.length < 2) return [];
        const offers: Offer[] = [];
        for (let row = 0; row < model.rows && offers.length < 4; row++) {
          const name = model.nameOf(row);
          if (!name.toLowerCase().includes(wanted) && !model.ids[row]!.startsWith(wanted)) continue;
          const id = model.ids[row]!;
          offers.push({
            key: `action ${id}`,
            title: name,
            note: `action ${id.slice(0, 12)}`,
            phase: model.phase[row]!,
            go: () => select(row),
          });
        }
        return offers;
      }),
    [model, select],
  );

  useKeys((key, event) => {
    const at = rows.nodes.indexOf(selected);
    const go = (index: number) => {
      const node = rows.nodes[Math.max(0, Math.min(rows.nodes.length - 1, index))];
      if (node !== undefined) select(node, false);
      return true;
    };
    const inDetails = (event.target as HTMLElement).closest('aside');
    if (inDetails && /^(Arrow|Page|Home|End|Enter|\s)/.test(key)) return false;
    switch (key) {
      case 'ArrowDown':
      case 'j':
        return go(at + 1);
      case 'ArrowUp':
      case 'k':
        return go(at < 0 ? 0 : at - 1);
      case 'PageDown':
        return go(at + 20);
      case 'PageUp':
        return go(at - 20);
      case 'Home':
        return go(0);
      case 'End':
        return go(rows.nodes.length - 1);
      case 'ArrowRight':
        if (event.shiftKey) pan(1);
        else if (model.hasChildren(selected) && !isOpen(selected)) toggle(selected, true);
        else if (model.hasChildren(selected)) return go(at + 1);
        return true;
      case 'ArrowLeft':
        if (event.shiftKey) pan(-1);
        else if (model.hasChildren(selected) && isOpen(selected)) toggle(selected, false);
        else if (model.above(selected) !== -1) select(model.above(selected), false);
        return true;
      case 'Enter':
        if ((event.target as HTMLElement).closest('button, a')) return false;
        select(selected);
        return true;
      case '/':
        field.current?.focus();
        return true;
      case 'Escape':
        if (filtering) setQuery({ q: null, phase: null });
        else setQuery({ action: null, tab: null, attempt: null });
        return true;
      case 'e':
        failure(1);
        return true;
      case 'E':
        failure(-1);
        return true;
      case 't':
      case '1':
        setView('timeline');
        return true;
      case 'g':
      case '2':
        setView('graph');
        return true;
      case 'b':
      case '3':
        setView('bottlenecks');
        return true;
      case 'm':
      case '4':
        setView('logs');
        return true;
      case 'c':
        setQuery({ critical: critical === '1' ? '0' : '1' });
        return true;
      case 'f':
        setQuery({ follow: follow ? null : '1' });
        return true;
      case 'z': {
        const [begin, finish] = model.spanOf(selected, now);
        const room = Math.max(1, (finish - begin) * 0.05);
        zoomTo({ from: Math.max(0, begin - room), to: finish + room });
        return true;
      }
      case 'a':
        pan(-1);
        return true;
      case 'D':
        pan(1);
        return true;
      case 'r':
        onRerun(selected >= 0 ? model.ids[selected]! : 'a0', model.nameOf(selected >= 0 ? selected : ROOT));
        return true;
      case 'y':
        void navigator.clipboard?.writeText(location.href);
        return true;
      case '\\':
        setSetting({ details: nextSplit(details) });
        return true;
      case 'd':
        setTab('summary');
        return true;
      case 'i':
        setTab('io');
        return true;
      case 'l':
        setTab('logs');
        return true;
      case '[':
      case ']': {
        if (selected < 0) return false;
        const last = model.attempts[selected]!;
        const next = (attempt || last) + (key === '[' ? -1 : 1);
        if (next >= 1 && next <= last) setQuery({ attempt: String(next) });
        return true;
      }
      case 'w':
      case '+':
        zoom(0.5);
        return true;
      case 's':
      case '-':
        zoom(2);
        return true;
      case '0':
        zoomTo(null);
        return true;
      default:
        return false;
    }
  });

  return (
    <>
      <PhaseStrip model={model} version={version} chosen={filter.phases} onToggle={togglePhase} />
      <div className={css.tabs}>
        <Tabs
          tabs={[
            { id: 'timeline', label: 'Timeline', icon: <ListTree size={15} /> },
            { id: 'graph', label: 'Graph', icon: <Workflow size={15} /> },
            { id: 'bottlenecks', label: 'Time & bottlenecks', icon: <Gauge size={15} /> },
            { id: 'logs', label: 'Logs', icon: <ScrollText size={15} /> },
          ]}
          value={view}
          onChange={setView}
          label="Views"
          panelId="view-panel"
        />
        <div className={css.tools}>
          <div className={css.filter}>
            <SearchBox
              value={text}
              onChange={value => setQuery({ q: value })}
              label="Filter actions"
              keys="/"
              inputRef={field}
              onKeyDown={event => {
                if (event.key === 'Escape') {
                  if (text) setQuery({ q: null });
                  else event.currentTarget.blur();
                } else if (event.key === 'Enter' || event.key === 'ArrowDown') {
                  event.preventDefault();
                  event.currentTarget.blur();
                  const hit = rows.nodes.find(
                    node => node >= 0 && model.nameOf(node).toLowerCase().includes(filter.text),
                  );
                  if (filtering && hit !== undefined) select(hit);
                }
              }}
            />
          </div>
          <IconButton
            label="Next failure"
            keys="e"
            disabled={model.counts[6]! + model.counts[8]! === 0}
            onClick={() => failure(1)}
          >
            <CircleAlert size={16} />
          </IconButton>
          {view === 'timeline' && (
            <>
              <select
                className={css.sort}
                aria-label="Order of siblings"
                value={sort}
                onChange={event =>
                  setQuery({ sort: event.target.value === 'call' ? null : event.target.value })
                }
              >
                {SORTS.map(([name, words]) => (
                  <option key={name} value={name}>
                    {words}
                  </option>
                ))}
              </select>
              <IconButton
                label="Critical path"
                keys="c"
                pressed={critical === '1'}
                onClick={() => setQuery({ critical: critical === '1' ? '0' : '1' })}
              >
                <Spline size={15} />
              </IconButton>
              <IconButton
                label="Follow rows"
                keys="f"
                pressed={follow}
                onClick={() => setQuery({ follow: follow ? null : '1' })}
              >
                <Focus size={15} />
              </IconButton>
              {gaps.length > 0 && (
                <IconButton
                  label="Leave out idle time"
                  pressed={!idle}
                  onClick={() => setQuery({ idle: idle ? '0' : null })}
                >
                  <UnfoldHorizontal size={15} />
                </IconButton>
              )}
              <IconButton label="Collapse all" onClick={() => expand(new Expansion(new Map(), true))}>
                <ChevronsDownUp size={16} />
              </IconButton>
              <IconButton label="Zoom out" keys="s" disabled={!zoomed} onClick={() => zoom(2)}>
                <ZoomOut size={16} />
              </IconButton>
              <IconButton label="Zoom in" keys="w" onClick={() => zoom(0.5)}>
                <ZoomIn size={16} />
              </IconButton>
              <IconButton
                label="Show the whole time"
                keys="0"
                disabled={!zoomed}
                onClick={() => zoomTo(null)}
              >
                <Maximize2 size={15} />
              </IconButton>
            </>
          )}
        </div>
      </div>
      <div className={css.main}>
        <div className={css.view} role="tabpanel" id="view-panel" aria-labelledby={`view-panel-${view}`}>
          {filtering && view === 'timeline' && (
            <div className={css.found} role="status">
              {plural(rows.matched, 'action')} of {plural(model.rows, 'action')} shown
              <Button onClick={() => setQuery({ q: null, phase: null })}>Clear the filter</Button>
            </div>
          )}
          {actionId !== null && named === undefined && (
            <div className={css.found} role="status">
              There is no action <code>{actionId}</code> in this run.
            </div>
          )}
          {filtering && rows.nodes.length === 0 && view === 'timeline' ? (
            <Notice title="No action matches">
              <p>Nothing in this run has this name, id or status.</p>
            </Notice>
          ) : view === 'logs' ? (
            <MergedLogs
              run={run}
              model={model}
              selected={selected}
              zoomed={zoomed}
              onOpen={(node, which, number) =>
                setQuery(
                  { action: model.idOf(node), tab: 'logs', attempt: String(which), line: String(number) },
                  true,
                )
              }
            />
          ) : view !== 'timeline' ? (
            <FlowViews
              run={run}
              model={model}
              version={version}
              view={view}
              selected={selected}
              onSelect={choose}
              onView={setView}
              now={now}
            />
          ) : (
            <FlowTimeline
              asked={critical === '1'}
              run={run}
              model={model}
              version={version}
              rows={rows}
              selected={selected}
              isOpen={isOpen}
              onSelect={choose}
              onToggle={toggle}
              whole={whole}
              shown={shown}
              onZoom={zoomTo}
              follow={follow}
              squeeze={squeeze}
              now={now}
            />
          )}
        </div>
        <Divider width={details} />
        <div
          className={css.side}
          data-open={actionId !== null}
          data-away={!details}
          style={{ '--details': `${details}px` } as CSSProperties}
        >
          <Details
            run={run}
            model={model}
            node={selected}
            tab={tab}
            attempt={attempt}
            line={line}
            onLine={number => setQuery({ line: String(number), tab: 'logs', action: model.idOf(selected) })}
            now={now}
            onTab={setTab}
            onAttempt={next => setQuery({ attempt: String(next) })}
            onSelect={choose}
            onRerun={onRerun}
            onClose={() => setQuery({ action: null, tab: null, attempt: null })}
          />
        </div>
      </div>
    </>
  );
}

/** The timeline, with the critical path when it is asked for. */
function FlowTimeline({ asked, ...rest }: Omit<TimelineProps, 'flow'> & { asked: boolean }) {
  return asked ? <PathTimeline {...rest} /> : <Timeline {...rest} flow={null} />;
}

function PathTimeline(props: Omit<TimelineProps, 'flow'>) {
  const { flow } = useFlow(props.run, props.model.finished);
  return <Timeline {...props} flow={flow} />;
}

/** The whole time axis. While the run goes on it grows in steps, so that not everything moves all the time. */
function useWhole(model: RunModel, end: number): Window {
  const to = end * 1.02;
  const step = model.finished ? 0 : Math.max(250, 2 ** Math.floor(Math.log2(to / 100)));
  const rounded = step ? Math.ceil(to / step) * step : to;
  return useMemo(() => ({ from: 0, to: Math.max(1, rounded) }), [rounded]);
}

function parseWindow(text: string | null, whole: Window): Window | null {
  const [from, to] = (text ?? '').split('-').map(Number);
  if (from === undefined || to === undefined || !(to > from) || from >= whole.to) return null;
  return { from: Math.max(0, from), to };
}
