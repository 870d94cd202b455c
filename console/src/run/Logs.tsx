import Anser from 'anser';
import { ArrowDownToLine, Download } from 'lucide-react';
import { type KeyboardEvent, memo, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { followLog, logUrl } from '../api/logs';
import type { RunKey } from '../api/types';
import { useSize } from '../app/hooks';
import { bytes, count, plural, timeOfDay } from '../model/format';
import { type LogLine, LogModel, split } from '../model/logs';
import { IconButton, SearchBox } from '../ui/controls';
import css from './Logs.module.css';

const LINE = 20;
const NOTHING = new LogModel();

/** One attempt's log: live, searched whole, with its colours. */
export function Logs({
  run,
  action,
  attempt,
  started,
}: {
  run: RunKey;
  action: string;
  attempt: number;
  started: boolean;
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

  const [wanted, setWanted] = useState('');
  const [current, setCurrent] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the model changes in place and tells by its version
  const found = useMemo(() => (wanted ? model.search(wanted) : []), [model, wanted, version]);
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
      if (wanted) setWanted('');
      else event.currentTarget.blur();
    }
  };
  const search = (value: string) => {
    setWanted(value);
    setCurrent(0);
    const first = value ? model.search(value)[0] : undefined;
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
            value={wanted}
            onChange={search}
            label="Search all lines"
            inputRef={field}
            onKeyDown={onSearchKey}
          >
            {wanted && (
              <span className="num" data-testid="matches">
                {here + 1}/{count(found.length)}
              </span>
            )}
          </SearchBox>
        </div>
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
                wanted={foundSet.has(first + i) ? wanted : ''}
                current={here >= 0 && found[here] === first + i}
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
}: {
  line: LogLine;
  top: number;
  digits: number;
  wanted: string;
  current: boolean;
}) {
  return (
    <div className={css.line} style={{ top }} data-current={current} data-stream={line.stream}>
      <span className={css.number} style={{ width: `${digits}ch` }}>
        {line.number + 1}
      </span>
      <time>{line.at ? timeOfDay(line.at) : ''}</time>
      <span className={css.stream} title={STREAMS[line.stream]}>
        {line.stream === 'o' ? ' ' : line.stream}
      </span>
      <span className={css.text}>{spans(line.text, wanted)}</span>
    </div>
  );
});

const BASE = ['30', '31', '32', '33', '34', '35', '36', '37'];
const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

function colour(name: string | null): string | undefined {
  const index = name === null ? -1 : NAMES.indexOf(name.replace(/^ansi-(bright-)?/, ''));
  return index < 0 ? undefined : `var(--ansi-${BASE[index]})`;
}

/** Text with its colours as elements; nothing of a line is ever taken as HTML. */
function spans(text: string, wanted: string) {
  const parts = text.includes('\x1b')
    ? Anser.ansiToJson(text, { use_classes: true, remove_empty: true })
    : null;
  const marked = (content: string) =>
    split(content, wanted).map(([part, hit], i) => (hit ? <mark key={i}>{part}</mark> : part));
  if (!parts) return marked(text);
  return parts.map((part, i) => (
    <span
      key={i}
      style={{
        color: colour(part.fg),
        fontWeight: part.decorations.includes('bold') ? 600 : undefined,
        fontStyle: part.decorations.includes('italic') ? 'italic' : undefined,
        opacity: part.decorations.includes('dim') ? 0.7 : undefined,
      }}
    >
      {marked(part.content)}
    </span>
  ));
}
