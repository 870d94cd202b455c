import {
  type InfiniteData,
  useInfiniteQuery,
  useQueryClient,
  useQuery as useTasks,
} from '@tanstack/react-query';
import { ChevronDown } from 'lucide-react';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { abort, getTasks, listRuns, type RunFilter } from '../api/client';
import { heardNow, serverNow } from '../api/clock';
import { live, runsTopic } from '../api/live';
import type { RunList, RunRow } from '../api/types';
import { runAddress, useQuery } from '../app/address';
import { useKeys, useNow, useTitle } from '../app/hooks';
import { ago, clock, count, duration, elapsed, plural } from '../model/format';
import {
  CHIP_ORDER,
  isTerminal,
  PAUSED,
  PHASE_NAMES,
  PHASE_TOKENS,
  PHASE_WORDS,
  phaseNumber,
} from '../model/phases';
import { Button, buttonClass, Command, Dialog, Notice, SearchBox } from '../ui/controls';
import { PhaseGlyph, PhaseWord } from '../ui/PhaseGlyph';
import { Problem } from '../ui/Problem';
import css from './RunsPage.module.css';
import { TaskCards, TaskTable } from './Tasks';

export function RunsPage({ project, domain }: { project: string; domain: string }) {
  useTitle(`Runs · ${project}/${domain} · Godwit`);
  const [query, setQuery] = useQuery();
  const [, navigate] = useLocation();
  const search = query.get('q') ?? '';
  const phases = (query.get('phase') ?? '').split(',').filter(Boolean);
  const filter: RunFilter = {
    project,
    domain,
    phases,
    search,
    task: query.get('task') ?? '',
    owner: query.get('owner') ?? '',
    mode: query.get('mode') ?? '',
    label: query.get('label') ?? '',
    after: sinceOf(query.get('since') ?? ''),
    paused: query.get('paused') === '1',
  };
  const filtering = FILTERS.some(name => query.has(name));
  const clear = () => setQuery(Object.fromEntries(FILTERS.map(name => [name, null])));
  const grouped = query.get('group') === 'task';
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const tasks = useQueryTasks(project, domain);
  const field = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLTableSectionElement>(null);
  const listed = useRuns(filter);
  const rows = listed.rows;

  useKeys(key => {
    if (key === '/') {
      field.current?.focus();
      return true;
    }
    if (key === 'Escape' && (filtering || picked.size > 0)) {
      if (picked.size > 0) setPicked(new Set());
      else clear();
      return true;
    }
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[key];
    if (!step) return false;
    const links = [...(table.current?.querySelectorAll<HTMLElement>('a[data-run]') ?? [])];
    const at = links.indexOf(document.activeElement as HTMLElement);
    links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + step))]?.focus();
    return true;
  });

  const longest = Math.max(1, ...rows.map(row => row.duration_ms ?? 0));
  const anyLive = rows.some(row => !isTerminal(phaseNumber(row.phase)));
  const now = useNow(anyLive ? 1000 : 15_000);
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Runs</h1>
        <span className={css.total} data-testid="total">
          {listed.total === null ? '' : `${count(listed.total)} ${filtering ? 'found' : 'in all'}`}
        </span>
        <div className={css.filters}>
          <div className={css.search}>
            <SearchBox
              value={search}
              onChange={value => setQuery({ q: value })}
              label="Search by run or task"
              keys="/"
              inputRef={field}
              onKeyDown={event => {
                if (event.key !== 'Escape') return;
                if (search) setQuery({ q: null });
                else event.currentTarget.blur();
              }}
            />
          </div>
          <PhaseFilter chosen={phases} onChange={chosen => setQuery({ phase: chosen.join(',') })} />
          <Choice
            label="Task"
            value={filter.task}
            options={(tasks.data?.tasks ?? []).map(task => [task.name, task.name])}
            onChange={value => setQuery({ task: value })}
          />
          <Choice
            label="Owner"
            value={filter.owner}
            options={(tasks.data?.owners ?? []).map(owner => [owner, owner])}
            onChange={value => setQuery({ owner: value })}
          />
          <Choice
            label="Mode"
            value={filter.mode}
            options={[
              ['server', 'Server'],
              ['local', 'Local'],
            ]}
            onChange={value => setQuery({ mode: value })}
          />
          <Choice
            label="Started"
            value={query.get('since') ?? ''}
            options={SINCE}
            onChange={value => setQuery({ since: value })}
          />
          <button
            type="button"
            className={css.choose}
            aria-pressed={filter.paused}
            data-active={filter.paused}
            onClick={() => setQuery({ paused: filter.paused ? null : '1' })}
          >
            Needs input
          </button>
          <button
            type="button"
            className={css.choose}
            aria-pressed={grouped}
            data-active={grouped}
            onClick={() => setQuery({ group: grouped ? null : 'task' })}
          >
            Group by task
          </button>
        </div>
      </div>
      {filter.label && (
        <p className={css.active}>
          With label <span className={css.label}>{filter.label}</span>
          <Button onClick={() => setQuery({ label: null })}>Any label</Button>
        </p>
      )}
      {!grouped && (tasks.data?.tasks.length ?? 0) > 0 && (
        <TaskCards
          tasks={tasks.data!.tasks.slice(0, 4)}
          chosen={filter.task}
          onChoose={task => setQuery({ task })}
        />
      )}
      {picked.size > 0 && (
        <Picked
          place={{ project, domain }}
          rows={rows.filter(row => picked.has(row.name))}
          onClear={() => setPicked(new Set())}
        />
      )}
      {listed.fresh.length > 0 && (
        <Button className={css.fresh} onClick={listed.takeFresh}>
          Show {plural(listed.fresh.length, 'new run')}
        </Button>
      )}
      {grouped ? (
        <TaskTable tasks={tasks.data?.tasks ?? []} onChoose={task => setQuery({ task, group: null })} />
      ) : listed.error && rows.length === 0 ? (
        <Problem error={listed.error} what="the runs" retry={listed.retry} />
      ) : rows.length > 0 ? (
        <div
          className={css.card}
          onPointerEnter={() => listed.hold(true)}
          onPointerLeave={() => listed.hold(false)}
        >
          <table className={css.table}>
            <thead>
              <tr>
                <th scope="col" className={css.pick}>
                  <span className="sr">Choose</span>
                </th>
                <th scope="col">Run</th>
                <th scope="col">Status</th>
                <th scope="col">Actions</th>
                <th scope="col">Duration</th>
                <th scope="col">Started</th>
                <th scope="col">Labels</th>
                <th scope="col">Owner</th>
              </tr>
            </thead>
            <tbody ref={table}>
              {rows.map(row => (
                <Row
                  key={row.name}
                  row={row}
                  now={now}
                  longest={longest}
                  picked={picked.has(row.name)}
                  onPick={on => {
                    const next = new Set(picked);
                    if (on) next.add(row.name);
                    else next.delete(row.name);
                    setPicked(next);
                  }}
                  onLabel={label => setQuery({ label })}
                  onOpen={() => navigate(runAddress(row))}
                />
              ))}
            </tbody>
          </table>
          {listed.more && (
            <div className={css.more}>
              <Button onClick={listed.fetchMore} disabled={listed.fetching}>
                {listed.fetching ? 'Loading…' : 'Show more'}
              </Button>
            </div>
          )}
        </div>
      ) : listed.loading ? (
        <div className={css.card} aria-busy="true" style={{ height: 320 }} />
      ) : filtering ? (
        <Notice title="No run matches">
          <p>
            Nothing in {project}/{domain} matches all of the filters.
          </p>
          <Button onClick={clear}>Clear the filters</Button>
        </Notice>
      ) : (
        <Notice title="No runs yet">
          <p>
            Nothing has run in {project}/{domain}. Start something:
          </p>
          <Command>flyte run my_script.py pipeline --x 5</Command>
        </Notice>
      )}
    </main>
  );
}

function Row({
  row,
  now,
  longest,
  picked,
  onPick,
  onLabel,
  onOpen,
}: {
  row: RunRow;
  now: number;
  longest: number;
  picked: boolean;
  onPick: (on: boolean) => void;
  onLabel: (label: string) => void;
  onOpen: () => void;
}) {
  const phase = phaseNumber(row.phase);
  const ended = isTerminal(phase);
  const length = ended ? row.duration_ms : Math.max(0, now - row.created_ms);
  const failed = (row.by_phase.failed ?? 0) + (row.by_phase.timed_out ?? 0);
  const width = Math.max(3, 100 * Math.min(1, Math.sqrt((length ?? 0) / Math.max(longest, length ?? 0))));
  const labels = Object.entries(row.labels);
  return (
    // The whole row is a larger target for the pointer; the link in it is what keyboards and readers use.
    <tr
      data-picked={picked}
      onClick={event => !(event.target as Element).closest('a, button, label') && onOpen()}
    >
      <td className={css.pick}>
        <label>
          <input
            type="checkbox"
            checked={picked}
            aria-label={`Choose ${row.name}`}
            onChange={event => onPick(event.target.checked)}
          />
        </label>
      </td>
      <td>
        <Link href={runAddress(row)} data-run={row.name} className={css.task}>
          {row.task_name}
        </Link>
        <div className={css.id}>
          {row.name}
          {row.relation && <span> ↻ {row.relation}</span>}
          {row.mode === 'local' && <span className={css.tag}>local</span>}
        </div>
      </td>
      <td>
        <PhaseWord phase={!ended && (row.by_phase.paused ?? 0) > 0 ? PAUSED : phase} />
      </td>
      <td className="num">
        {count(row.actions)}
        {failed > 0 && <span className={css.failed}>{count(failed)} failed</span>}
      </td>
      <td>
        <div className={css.duration}>
          <span className="num">{ended ? duration(length) : elapsed(length ?? 0)}</span>
          <i style={{ width: `${0.78 * width}px`, background: `var(--bar-${PHASE_TOKENS[phase]})` }} />
        </div>
      </td>
      <td className={css.soft} title={clock(row.created_ms, now)}>
        {ago(row.created_ms, now)}
      </td>
      <td>
        <div className={css.labels}>
          {labels.slice(0, 3).map(([key, value]) => (
            <button
              key={key}
              type="button"
              className={css.label}
              title="Only runs with this label"
              onClick={() => onLabel(value ? `${key}=${value}` : key)}
            >
              {value ? `${key}=${value}` : key}
            </button>
          ))}
          {labels.length > 3 && <span className={css.soft}>+{labels.length - 3}</span>}
        </div>
      </td>
      <td className={css.soft}>{row.created_by || '—'}</td>
    </tr>
  );
}

function PhaseFilter({ chosen, onChange }: { chosen: string[]; onChange: (chosen: string[]) => void }) {
  const id = useId();
  const menu = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const place = () => {
    const box = button.current!.getBoundingClientRect();
    menu.current!.style.top = `${box.bottom + 4}px`;
    menu.current!.style.left = `${Math.max(8, box.right - 200)}px`;
  };
  return (
    <>
      <button
        type="button"
        ref={button}
        className={css.choose}
        popoverTarget={id}
        onClick={place}
        data-active={chosen.length > 0}
      >
        Status{chosen.length > 0 && ` · ${chosen.length}`}
        <ChevronDown size={14} aria-hidden="true" />
      </button>
      <div id={id} ref={menu} popover="auto" className={css.menu} role="group" aria-label="Status">
        {CHIP_ORDER.map(phase => {
          const name = PHASE_NAMES[phase]!;
          const on = chosen.includes(name);
          return (
            <label key={name}>
              <input
                type="checkbox"
                checked={on}
                onChange={() => onChange(on ? chosen.filter(other => other !== name) : [...chosen, name])}
              />
              <PhaseGlyph phase={phase} />
              {PHASE_WORDS[phase]}
            </label>
          );
        })}
      </div>
    </>
  );
}

/** The list, kept true by the live stream: rows change in place, new ones wait while the pointer is over the table. */
function useRuns(filter: RunFilter) {
  const client = useQueryClient();
  const { project, domain } = filter;
  const text = JSON.stringify(filter);
  const key = useMemo(() => ['runs', text] as const, [text]);
  const list = useInfiniteQuery({
    queryKey: key,
    initialPageParam: '',
    queryFn: async ({ pageParam, signal }) => {
      const page = await listRuns(JSON.parse(text) as RunFilter, pageParam, signal);
      heardNow(page.now_ms);
      return page;
    },
    getNextPageParam: page => page.cursor || undefined,
    placeholderData: previous => previous,
  });
  const [fresh, setFresh] = useState<RunRow[]>([]);
  const held = useRef(false);
  const watch = list.isPlaceholderData ? undefined : list.data?.pages[0]?.watch;

  useEffect(() => {
    setFresh([]);
    if (watch === undefined) return;
    const asked = JSON.parse(text) as RunFilter;
    return live.subscribe(runsTopic(project, domain), watch, event => {
      if (event.event !== 'runs') return;
      const rows = event.data.runs as RunRow[];
      const known = new Set(
        client
          .getQueryData<InfiniteData<RunList>>(key)
          ?.pages.flatMap(page => page.runs.map(row => row.name)),
      );
      client.setQueryData<InfiniteData<RunList>>(key, data => data && merge(data, rows));
      const arrived = rows.filter(row => !known.has(row.name) && isWanted(row, asked));
      if (!arrived.length) return;
      if (held.current) {
        setFresh(before => [...arrived, ...before.filter(row => !arrived.some(a => a.name === row.name))]);
      } else {
        client.setQueryData<InfiniteData<RunList>>(key, data => data && prepend(data, arrived));
      }
    });
  }, [client, key, project, domain, text, watch]);

  const takeFresh = () => {
    client.setQueryData<InfiniteData<RunList>>(key, data => data && prepend(data, fresh));
    setFresh([]);
  };
  const pages = list.data?.pages;
  return {
    rows: pages?.flatMap(page => page.runs) ?? [],
    total: pages?.[0] ? pages[0].total : null,
    loading: list.isPending,
    error: list.error,
    retry: () => void list.refetch(),
    more: list.hasNextPage,
    fetching: list.isFetchingNextPage,
    fetchMore: () => void list.fetchNextPage(),
    fresh,
    takeFresh,
    hold: (on: boolean) => {
      held.current = on;
    },
  };
}

/** Whether a run that came belongs into the list as it is filtered. */
function isWanted(row: RunRow, filter: RunFilter): boolean {
  const [key, value] = filter.label.split(/=(.*)/s) as [string, string | undefined];
  return (
    (!filter.phases.length || filter.phases.includes(row.phase)) &&
    (!filter.search || `${row.name} ${row.task_name}`.toLowerCase().includes(filter.search.toLowerCase())) &&
    (!filter.task || row.task_name === filter.task) &&
    (!filter.owner || row.created_by === filter.owner) &&
    (!filter.mode || row.mode === filter.mode) &&
    (!filter.label || (key in row.labels && (value === undefined || row.labels[key] === value))) &&
    row.created_ms >= filter.after &&
    (!filter.paused || (row.by_phase.paused ?? 0) > 0)
  );
}

const FILTERS = ['q', 'phase', 'task', 'owner', 'mode', 'label', 'since', 'paused'];
const SINCE: [string, string][] = [
  ['1h', 'Last hour'],
  ['1d', 'Last day'],
  ['7d', 'Last 7 days'],
  ['30d', 'Last 30 days'],
];

/** The instant that `1h` or `7d` names, to the minute so that it does not change with every look. */
function sinceOf(text: string): number {
  const match = /^(\d{1,4})([hd])$/.exec(text);
  if (!match) return 0;
  const length = Number(match[1]) * (match[2] === 'h' ? 3_600_000 : 86_400_000);
  return Math.floor((serverNow() - length) / 60_000) * 60_000;
}

function useQueryTasks(project: string, domain: string) {
  return useTasks({
    queryKey: ['tasks', project, domain],
    queryFn: ({ signal }) => getTasks(project, domain, signal),
    refetchInterval: 15_000,
  });
}

/** One of some, or any. */
function Choice({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: [value: string, word: string][];
  onChange: (value: string) => void;
}) {
  const known = !value || options.some(([each]) => each === value);
  return (
    <select
      className={css.choose}
      aria-label={label}
      data-active={value !== ''}
      value={value}
      onChange={event => onChange(event.target.value)}
    >
      <option value="">{value ? `Any ${label.toLowerCase()}` : label}</option>
      {!known && <option value={value}>{value}</option>}
      {options.map(([each, word]) => (
        <option key={each} value={each}>
          {word}
        </option>
      ))}
    </select>
  );
}

/** What can be done with the runs that are chosen. */
function Picked({
  place,
  rows,
  onClear,
}: {
  place: { project: string; domain: string };
  rows: RunRow[];
  onClear: () => void;
}) {
  const [asking, setAsking] = useState(false);
  const [problem, setProblem] = useState('');
  const open = rows.filter(row => !isTerminal(phaseNumber(row.phase)));
  const [newer, older] = [...rows].sort((a, b) => b.created_ms - a.created_ms);
  const abortAll = async () => {
    setProblem('');
    const failed: string[] = [];
    for (const row of open) {
      try {
        await abort({ ...place, name: row.name }, undefined, '');
      } catch (error) {
        failed.push(`${row.name}: ${(error as Error).message}`);
      }
    }
    if (failed.length) setProblem(failed.join(' '));
    else {
      setAsking(false);
      onClear();
    }
  };
  return (
    <div className={css.picked} role="region" aria-label="Chosen runs">
      <b>{plural(rows.length, 'run')} chosen</b>
      {rows.length === 2 && (
        <Link
          className={buttonClass}
          href={`${runAddress({ ...place, name: older!.name })}/compare/${encodeURIComponent(newer!.name)}`}
        >
          Compare
        </Link>
      )}
      {open.length > 0 && (
        <Button look="danger" onClick={() => setAsking(true)}>
          Abort {open.length}
        </Button>
      )}
      <Button onClick={onClear}>Clear</Button>
      <Dialog open={asking} onClose={() => setAsking(false)} title={`Abort ${plural(open.length, 'run')}?`}>
        <p>Every action of these runs that has not ended is stopped. What has ended stays as it is.</p>
        <ul className={css.list}>
          {open.slice(0, 8).map(row => (
            <li key={row.name}>
              <code>{row.name}</code> {row.task_name}
            </li>
          ))}
          {open.length > 8 && <li>and {open.length - 8} more</li>}
        </ul>
        {problem && <p role="alert">{problem}</p>}
        <div className={css.buttons}>
          <Button onClick={() => setAsking(false)}>Keep them running</Button>
          <Button look="danger" onClick={() => void abortAll()}>
            Abort
          </Button>
        </div>
      </Dialog>
    </div>
  );
}

function merge(data: InfiniteData<RunList>, rows: RunRow[]): InfiniteData<RunList> {
  const byName = new Map(rows.map(row => [row.name, row]));
  const pages = data.pages.map(page => ({
    ...page,
    runs: page.runs.map(row => byName.get(row.name) ?? row),
  }));
  return { ...data, pages };
}

function prepend(data: InfiniteData<RunList>, rows: RunRow[]): InfiniteData<RunList> {
  const [first, ...rest] = data.pages;
  if (!first) return data;
  const newest = [...rows].sort((a, b) => b.created_ms - a.created_ms);
  const pages = [{ ...first, runs: [...newest, ...first.runs], total: first.total + rows.length }, ...rest];
  return { ...data, pages };
}
