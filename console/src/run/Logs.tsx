import { ArrowDownToLine, CaseSensitive, Clock, Download, Regex } from 'lucide-react';
import { type KeyboardEvent, memo, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { followLog, logUrl } from '../api/logs';
import type { RunKey } from '../api/types';
import { useSize } from '../app/hooks';
import { bytes, count, plural, timeOfDay } from '../model/format';
import { LEVELS, type LogLine, LogModel, levelOf, pattern, type Search } from '../model/logs';
import { IconButton, SearchBox } from '../ui/controls';
import css from './Logs.module.css';
import { spans } from './LogText';

const LINE = 20;
const NOTHING = new LogModel();

/** One attempt's log: live, searched whole, with its colours. */
export function Logs({
  run,
  action,
  attempt,
  started,
  line: asked,
  onLine,
}: {
  run: RunKey;
  action: string;
  attempt: number;
  started: boolean;
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
  const [times, setTimes] = useState(true);
  const wanted = useMemo(() => pattern(typed, regex, exact), [typed, regex, exact]);
  const [current, setCurrent] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the model changes in place and tells by its version
  const found = useMemo(
    () => (wanted && wanted !== 'broken' ? model.search(wanted) : []),
    [model, wanted, version],
  );
  const foundSet = useMemo(() => new Set(found), [found]);
  const here = found.length ? Math.min(current, found.length - 1) : -1;

  const [scroller, , height] = useSize<HTMLDivElement>();
  const [scrollTop, setScrollTop] = useState(0);
  const [follow, setFollow] = useState(true);
  const field = useRef<HTMLInputElement>(null);
  const lines = model.lines;

  // biome-ignore lint/correctness/useExhaustiveDependencies: every new line moves the end
  useEffect(() => {
    const element = scroller.current;
    if (element && follow) element.scrollTop = element.scrollHeight;
  }, [follow, version, height, scroller]);

  // A link to a line is followed once the line is there.
  const shownLine = useRef(0);
  useEffect(() => {
    const element = scroller.current;
    const at = asked - 1 - (lines[0]?.number ?? 0);
    if (!element || !asked || shownLine.current === asked || at < 0 || at >= lines.length) return;
    shownLine.current = asked;
    setFollow(false);
    element.scrollTop = at * LINE - element.clientHeight / 2;
  });

  const show = (index: number) => {
    const next = (index + found.length) % found.length;
    setCurrent(next);
    setFollow(false);
    const element = scroller.current;
    if (element) element.scrollTop = found[next]! * LINE - element.clientHeight / 2;
  };
  const onSearchKey = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === 'Enter' && found.length) {
      event.preventDefault();
      show(here + (event.shiftKey ? -1 : 1));
    } else if (event.key === 'Escape') {
      event.preventDefault();
      if (typed) setTyped('');
      else event.currentTarget.blur();
    }
  };
  const search = (value: string) => {
    setTyped(value);
    setCurrent(0);
    const next = pattern(value, regex, exact);
    const first = next && next !== 'broken' ? model.search(next)[0] : undefined;
    if (first === undefined || !scroller.current) return;
    setFollow(false);
    scroller.current.scrollTop = first * LINE - scroller.current.clientHeight / 2;
  };

  const first = Math.max(0, Math.floor(scrollTop / LINE) - 10);
  const last = Math.min(lines.length, Math.ceil((scrollTop + height) / LINE) + 10);
  const digits = String((lines[lines.length - 1]?.number ?? 0) + 1).length;
  return (
    <section
      className={css.logs}
      aria-label="Logs"
      onKeyDown={event => {
        if (event.key !== 'f' || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        field.current?.select();
      }}
    >
      <div className={css.bar}>
        <div className={css.search}>
          <SearchBox
            value={typed}
            onChange={search}
            label="Search all lines"
            inputRef={field}
            onKeyDown={onSearchKey}
          >
            {wanted && (
              <span className="num" data-testid="matches">
                {wanted === 'broken' ? 'no pattern' : `${here + 1}/${count(found.length)}`}
              </span>
            )}
          </SearchBox>
        </div>
        <IconButton label="Match case" pressed={exact} onClick={() => setExact(!exact)}>
          <CaseSensitive size={16} />
        </IconButton>
        <IconButton label="Regular expression" pressed={regex} onClick={() => setRegex(!regex)}>
          <Regex size={15} />
        </IconButton>
        <IconButton label="Times" pressed={times} onClick={() => setTimes(!times)}>
          <Clock size={15} />
        </IconButton>
        <IconButton label="Follow the end" pressed={follow} onClick={() => setFollow(!follow)}>
          <ArrowDownToLine size={15} />
        </IconButton>
        <a
          className={css.download}
          href={logUrl(run, action, attempt)}
          download
          aria-label="Download the log"
          title="Download"
        >
          <Download size={15} />
        </a>
      </div>
      {model.missing > 0 && (
        <p className={css.note}>
          The first {plural(model.missing, 'line')}
          {model.skippedBytes > 0 && ` (${bytes(model.skippedBytes)})`} are not shown here; the download has
          them.
        </p>
      )}
      <div
        ref={scroller}
        className={css.lines}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        role="log"
        aria-label="Log lines"
        aria-live="off"
        data-testid="log"
        data-times={times}
        onScroll={event => {
          const element = event.currentTarget;
          setScrollTop(element.scrollTop);
          const atEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - LINE;
          if (follow !== atEnd && (atEnd ? !wanted : true)) setFollow(atEnd);
        }}
      >
        {lines.length === 0 ? (
          <p className={css.empty}>{emptyText(model, started)}</p>
        ) : (
          <div
            className={css.sheet}
            style={{ height: lines.length * LINE, minWidth: `calc(${model.widest + digits + 18}ch + 24px)` }}
          >
            {lines.slice(first, last).map((line, i) => (
              <Line
                key={line.number}
                line={line}
                top={(first + i) * LINE}
                digits={digits}
                wanted={foundSet.has(first + i) ? (wanted as Search) : ''}
                current={(here >= 0 && found[here] === first + i) || line.number + 1 === asked}
                onLine={onLine}
              />
            ))}
          </div>
        )}
      </div>
      {model.state === 'lost' && <p className={css.note}>The connection to this log broke; trying again…</p>}
    </section>
  );
}

function emptyText(model: LogModel, started: boolean): string {
  if (!started) return 'It has not started yet, so there is no log.';
  if (model.state === 'ended') return 'Nothing was written to the log.';
  if (model.state === 'live') return 'Nothing has been written yet.';
  return '';
}

const STREAMS: Record<string, string> = { o: 'stdout', e: 'stderr', s: 'system' };

const Line = memo(function Line({
  line,
  top,
  digits,
  wanted,
  current,
  onLine,
}: {
  line: LogLine;
  top: number;
  digits: number;
  wanted: Search;
  current: boolean;
  onLine: (line: number) => void;
}) {
  return (
    <div
      className={css.line}
      style={{ top }}
      data-current={current}
      data-stream={line.stream}
      data-level={LEVELS[levelOf(line.text)]}
    >
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
      <time>{line.at ? timeOfDay(line.at) : ''}</time>
      <span className={css.stream} title={STREAMS[line.stream]}>
        {line.stream === 'o' ? ' ' : line.stream}
      </span>
      <span className={css.text}>{spans(line.text, wanted)}</span>
    </div>
  );
});
