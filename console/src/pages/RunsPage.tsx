import { type InfiniteData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronDown } from 'lucide-react';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { listRuns } from '../api/client';
import { heardNow } from '../api/clock';
import { live, runsTopic } from '../api/live';
import type { RunList, RunRow } from '../api/types';
import { runAddress, useQuery } from '../app/address';
import { useKeys, useNow, useTitle } from '../app/hooks';
import { ago, clock, count, duration, elapsed, plural } from '../model/format';
import { CHIP_ORDER, isTerminal, PHASE_NAMES, PHASE_TOKENS, PHASE_WORDS, phaseNumber } from '../model/phases';
import { Button, Command, Notice, SearchBox } from '../ui/controls';
import { PhaseGlyph, PhaseWord } from '../ui/PhaseGlyph';
import { Problem } from '../ui/Problem';
import css from './RunsPage.module.css';

export function RunsPage({ project, domain }: { project: string; domain: string }) {
  useTitle(`Runs · ${project}/${domain} · Godwit`);
  const [query, setQuery] = useQuery();
  const [, navigate] = useLocation();
  const search = query.get('q') ?? '';
  const phases = (query.get('phase') ?? '').split(',').filter(Boolean);
  const filtering = search !== '' || phases.length > 0;
  const field = useRef<HTMLInputElement>(null);
  const table = useRef<HTMLTableSectionElement>(null);
  const listed = useRuns(project, domain, phases, search);
  const rows = listed.rows;

  useKeys(key => {
    if (key === '/') {
      field.current?.focus();
      return true;
    }
    if (key === 'Escape' && filtering) {
      setQuery({ q: null, phase: null });
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
        </div>
      </div>
      {listed.fresh.length > 0 && (
        <Button className={css.fresh} onClick={listed.takeFresh}>
          Show {plural(listed.fresh.length, 'new run')}
        </Button>
      )}
      {listed.error && rows.length === 0 ? (
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
            {search && <>Nothing is called “{search}”</>}
            {search && phases.length > 0 && ' and '}
            {phases.length > 0 && (
              <>is {phases.map(name => PHASE_WORDS[phaseNumber(name)]!.toLowerCase()).join(' or ')}</>
            )}
            .
          </p>
          <Button onClick={() => setQuery({ q: null, phase: null })}>Clear the filters</Button>
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
  onOpen,
}: {
  row: RunRow;
  now: number;
  longest: number;
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
    <tr onClick={event => !(event.target as Element).closest('a') && onOpen()}>
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
        <PhaseWord phase={phase} />
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
            <span key={key} className={css.label}>
              {value ? `${key}=${value}` : key}
            </span>
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
function useRuns(project: string, domain: string, phases: string[], search: string) {
  const client = useQueryClient();
  const phaseText = phases.join(',');
  const key = useMemo(
    () => ['runs', project, domain, phaseText, search] as const,
    [project, domain, phaseText, search],
  );
  const list = useInfiniteQuery({
    queryKey: key,
    initialPageParam: '',
    queryFn: async ({ pageParam, signal }) => {
      const filter = { project, domain, phases: phaseText ? phaseText.split(',') : [], search };
      const page = await listRuns(filter, pageParam, signal);
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
    const wanted = (row: RunRow) =>
      (!phaseText || phaseText.split(',').includes(row.phase)) &&
      (!search || `${row.name} ${row.task_name}`.toLowerCase().includes(search.toLowerCase()));
    return live.subscribe(runsTopic(project, domain), watch, event => {
      if (event.event !== 'runs') return;
      const rows = event.data.runs as RunRow[];
      const known = new Set(
        client
          .getQueryData<InfiniteData<RunList>>(key)
          ?.pages.flatMap(page => page.runs.map(row => row.name)),
      );
      client.setQueryData<InfiniteData<RunList>>(key, data => data && merge(data, rows));
      const arrived = rows.filter(row => !known.has(row.name) && wanted(row));
      if (!arrived.length) return;
      if (held.current) {
        setFresh(before => [...arrived, ...before.filter(row => !arrived.some(a => a.name === row.name))]);
      } else {
        client.setQueryData<InfiniteData<RunList>>(key, data => data && prepend(data, arrived));
      }
    });
  }, [client, key, project, domain, phaseText, search, watch]);

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
