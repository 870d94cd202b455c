import { useQuery } from '@tanstack/react-query';
import { CaseSensitive, Regex } from 'lucide-react';
import { type KeyboardEvent, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { followLog, getLogPart, logUrl, searchSkipped } from '../api/logs';
import type { RunKey } from '../api/types';
import { bytes, count, plural } from '../model/format';
import { type LogLine, LogModel, pattern, type Search, search, visible } from '../model/logs';
import { Button, IconButton } from '../ui/controls';
import css from './Logs.module.css';
import { LogView } from './LogView';

const NOTHING = new LogModel();
const STREAMS: Record<string, string> = { o: 'stdout', e: 'stderr', s: 'system' };
/** Lines before the one that is gone to, when it lies in the part that is not held. */
const BEFORE = 200;

/** One attempt's log: live, searched whole, with its colours. */
export function Logs({
  run,
  action,
  attempt,
  started,
  origin,
  line: asked,
  onLine,
}: {
  run: RunKey;
  action: string;
  attempt: number;
  started: boolean;
  /** When the action began. */
  origin: number;
  /** The line to show, from 1; 0 for none. */
  line: number;
  onLine: (line: number) => void;
}) {
  const [model, setModel] = useState(NOTHING);
  const project = run.project;
  const { domain, name } = run;
  useEffect(() => {
    if (!started) return;
    const [fresh, stop] = followLog({ project, domain, name }, action, attempt);
    setModel(fresh);
    return stop;
  }, [project, domain, name, action, attempt, started]);
  const version = useSyncExternalStore(model.subscribe, model.getVersion);

  const [typed, setTyped] = useState('');
  const [regex, setRegex] = useState(false);
  const [exact, setExact] = useState(false);
  const [stream, setStream] = useState('');
  /** The first line of an older part that is looked at instead of the end; -1: the end is. */
  const [part, setPart] = useState(-1);
  const early = asked > 0 && model.state !== 'loading' && asked - 1 < model.missing;
  useEffect(() => setPart(early ? Math.max(0, asked - 1 - BEFORE) : -1), [early, asked]);
  const older = useQuery({
    queryKey: ['log part', project, domain, name, action, attempt, part],
    queryFn: ({ signal }) => getLogPart(run, action, attempt, part, signal),
    enabled: part >= 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const held = part >= 0 ? older.data : model.lines;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the model changes in place and tells by its version
  const lines = useMemo(
    () => (stream ? (held ?? []).filter(line => line.stream === stream) : (held ?? [])),
    [held, stream, version],
  );

  const wanted = useMemo(() => pattern(typed, regex, exact), [typed, regex, exact]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above
  const found = useMemo(
    () => (wanted && wanted !== 'broken' ? search(lines, wanted) : []),
    [lines, wanted, version],
  );
  const foundSet = useMemo(() => new Set(found), [found]);
  const [chosen, setChosen] = useState(0);
  const here = found.length ? Math.min(chosen, found.length - 1) : -1;
  const [target, setTarget] = useState<{ at: number } | null>(null);
  const show = (index: number) => {
    const next = (index + found.length) % found.length;
    setChosen(next);
    setTarget({ at: found[next]! });
  };
  const type = (text: string) => {
    setTyped(text);
    setChosen(0);
    const next = pattern(text, regex, exact);
    const first = next && next !== 'broken' ? search(lines, next)[0] : undefined;
    if (first !== undefined) setTarget({ at: first });
  };

  // A link to a line is followed once the line is there.
  const shownLine = useRef('');
  const askedAt = asked ? lines.findIndex(line => line.number === asked - 1) : -1;
  const askedFor = `${asked}/${part}`;
  useEffect(() => {
    if (askedAt < 0 || shownLine.current === askedFor) return;
    shownLine.current = askedFor;
    setTarget({ at: askedAt });
  }, [askedAt, askedFor]);

  const digits = String((lines[lines.length - 1]?.number ?? 0) + 1).length;
  return (
    <LogView
      label="Logs"
      testId="log"
      lines={lines}
      version={version}
      keyOf={line => line.number}
      leadWidth={digits + 2}
      lead={line => <Lead line={line} digits={digits} onLine={onLine} />}
      origin={origin}
      typed={typed}
      onType={type}
      searchLabel="Search all lines"
      onSearchKey={(event: KeyboardEvent) => {
        if (event.key !== 'Enter' || !found.length) return;
        event.preventDefault();
        show(here + (event.shiftKey ? -1 : 1));
      }}
      matches={
        wanted && (
          <span className="num" data-testid="matches">
            {wanted === 'broken' ? 'no pattern' : `${here + 1}/${count(found.length)}`}
          </span>
        )
      }
      marked={at => (foundSet.has(at) ? (wanted as Search) : '')}
      target={target}
      current={here >= 0 ? found[here]! : askedAt}
      download={logUrl(run, action, attempt)}
      empty={part >= 0 ? '' : emptyText(model, started)}
      tools={
        <>
          <select
            aria-label="Written to"
            className={css.select}
            value={stream}
            onChange={event => setStream(event.target.value)}
          >
            <option value="">All</option>
            {Object.entries(STREAMS).map(([letter, words]) => (
              <option key={letter} value={letter}>
                {words}
              </option>
            ))}
          </select>
          <IconButton label="Match case" pressed={exact} onClick={() => setExact(!exact)}>
            <CaseSensitive size={16} />
          </IconButton>
          <IconButton label="Regular expression" pressed={regex} onClick={() => setRegex(!regex)}>
            <Regex size={15} />
          </IconButton>
        </>
      }
      notes={
        <>
          {part >= 0 ? (
            <p className={css.note}>
              An older part, from line {count(part + 1)} on.{' '}
              <Button
                onClick={() => {
                  setPart(-1);
                  setTarget({ at: Math.max(0, model.lines.length - 1) });
                }}
              >
                Back to the end
              </Button>
            </p>
          ) : (
            model.missing > 0 && (
              <p className={css.note}>
                The first {plural(model.missing, 'line')}
                {model.skippedBytes > 0 && ` (${bytes(model.skippedBytes)})`} are not shown here.{' '}
                <Button onClick={() => onLine(1)}>From the beginning</Button>
              </p>
            )
          )}
          {model.missing > 0 && wanted && wanted !== 'broken' && (
            <Skipped
              run={run}
              action={action}
              attempt={attempt}
              typed={typed}
              regex={regex}
              exact={exact}
              before={model.missing}
              onLine={onLine}
            />
          )}
          {model.state === 'lost' && (
            <p className={css.note}>The connection to this log broke; trying again…</p>
          )}
        </>
      }
    />
  );
}

/** What the server finds in the part of the log that this page does not hold. */
function Skipped({
  run,
  action,
  attempt,
  typed,
  regex,
  exact,
  before,
  onLine,
}: {
  run: RunKey;
  action: string;
  attempt: number;
  typed: string;
  regex: boolean;
  exact: boolean;
  before: number;
  onLine: (line: number) => void;
}) {
  const text = useLate(typed);
  const found = useQuery({
    queryKey: ['log search', run, action, attempt, text, exact, before],
    queryFn: ({ signal }) => searchSkipped(run, action, attempt, text, exact, before, signal),
    enabled: !regex && text !== '',
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (regex) {
    return <p className={css.note}>Patterns are looked for only in the lines that are held here.</p>;
  }
  if (!found.data) return found.isFetching ? <p className={css.note}>Searching what is not shown…</p> : null;
  const { lines, found: total, complete } = found.data;
  if (!total && complete) return <p className={css.note}>No match in the lines that are not shown.</p>;
  return (
    <details className={css.skipped} data-testid="skipped">
      <summary>
        {complete ? '' : 'At least '}
        {plural(total, 'match', 'matches')} in the lines that are not shown
      </summary>
      <ul>
        {lines.map(([number, , , line]) => (
          <li key={number}>
            <button type="button" onClick={() => onLine(number + 1)}>
              {count(number + 1)}
            </button>
            {visible(line).slice(0, 300)}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The value once it has stayed for a moment. */
function useLate(value: string): string {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(value), 250);
    return () => clearTimeout(timer);
  }, [value]);
  return late;
}

function emptyText(model: LogModel, started: boolean): string {
  if (!started) return 'It has not started yet, so there is no log.';
  if (model.state === 'ended') return 'Nothing was written to the log.';
  if (model.state === 'live') return 'Nothing has been written yet.';
  return '';
}

function Lead({ line, digits, onLine }: { line: LogLine; digits: number; onLine: (line: number) => void }) {
  return (
    <>
      <button
        type="button"
        tabIndex={-1}
        className={css.number}
        style={{ width: `${digits}ch` }}
        title="Link to this line"
        onClick={() => onLine(line.number + 1)}
      >
        {line.number + 1}
      </button>
      <span className={css.stream} title={STREAMS[line.stream]}>
        {line.stream === 'o' ? ' ' : line.stream}
      </span>
    </>
  );
}
