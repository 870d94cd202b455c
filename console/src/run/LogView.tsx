import { ArrowDown, ArrowDownToLine, Braces, Clock, Download, WrapText } from 'lucide-react';
import { type KeyboardEvent, memo, type ReactNode, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { useSize } from '../app/hooks';
import { setSetting, useSettings } from '../app/settings';
import { duration, plural, timeOfDay } from '../model/format';
import { folded, Heights, LEVELS, type LogLine, levelOf, type Search } from '../model/logs';
import { IconButton, SearchBox } from '../ui/controls';
import css from './Logs.module.css';
import { spans } from './LogText';

const LINE = 20;
const AROUND = 10;
/** Room beside the text: the padding of a line and the gaps between its parts, in characters. */
const GAPS = 6;
const TIME = 12;
const NEXT_TIMES = { clock: 'since', since: 'off', off: 'clock' } as const;
const TIMES_WORDS = { clock: 'Times of day', since: 'Times since the start', off: 'No times' };

export interface LogViewProps<T extends LogLine> {
  label: string;
  testId: string;
  lines: readonly T[];
  /** Another whenever lines may have come. */
  version: unknown;
  /** What stands before a line's text, and how many characters that takes. */
  lead: (line: T) => ReactNode;
  leadWidth: number;
  keyOf: (line: T) => string | number;
  /** The instant that times are counted from. */
  origin: number;
  typed: string;
  onType: (text: string) => void;
  searchLabel: string;
  onSearchKey?: (event: KeyboardEvent<HTMLInputElement>) => void;
  matches?: ReactNode;
  /** What is marked in a line at a position. */
  marked: (position: number) => Search;
  /** The position of the line to be seen; another object each time that it is to be gone to. */
  target: { at: number } | null;
  /** The position of the line that stands out. */
  current: number;
  download: string;
  tools?: ReactNode;
  notes?: ReactNode;
  empty: string;
}

/** Lines of logs as far as they are on the screen: followed, broken or not, with their colours and their times. */
export function LogView<T extends LogLine>(props: LogViewProps<T>) {
  const { lines, version, target, typed, leadWidth } = props;
  const { wrap, fold, times } = useSettings();
  const [scroller, width, height] = useSize<HTMLDivElement>();
  const [scrollTop, setScrollTop] = useState(0);
  const [follow, setFollow] = useState(true);
  const field = useRef<HTMLInputElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const [cell, setCell] = useState(7.2);
  useLayoutEffect(() => {
    const wide = probe.current?.getBoundingClientRect().width;
    if (wide) setCell(wide / 100);
  }, []);

  const side = leadWidth + (times === 'off' ? 0 : TIME + 1) + GAPS;
  const columns = wrap && width ? Math.max(20, Math.floor(width / cell) - side) : 0;
  const [kept] = useState(() => new Heights());
  // biome-ignore lint/correctness/useExhaustiveDependencies: lines come to the same list; `version` tells
  const heights = useMemo(() => kept.of(lines, columns, fold), [kept, lines, columns, fold, version]);

  // Before anything is told of the new height: a scroll seen between the two would look like leaving the end.
  // biome-ignore lint/correctness/useExhaustiveDependencies: every new line moves the end
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && follow) element.scrollTop = element.scrollHeight;
  }, [follow, version, height, columns, scroller]);
  // When the last line was written that was there when the end was left.
  const [left, setLeft] = useState(0);
  let fresh = 0;
  while (!follow && (lines[lines.length - 1 - fresh]?.at ?? 0) > left) fresh++;
  const setFollowing = (on: boolean) => {
    setFollow(on);
    if (!on) setLeft(lines[lines.length - 1]?.at ?? 0);
  };

  // biome-ignore lint/correctness/useExhaustiveDependencies: gone to once for each target
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element || !target) return;
    setFollowing(false);
    element.scrollTop = heights.above(target.at) * LINE - element.clientHeight / 2;
  }, [target]);

  const first = Math.max(0, heights.lineAt(scrollTop / LINE) - AROUND);
  const last = Math.min(lines.length, heights.lineAt((scrollTop + height) / LINE) + AROUND);
  const widest = columns ? 0 : longest(lines.slice(first, last), fold);
  const broad = useRef(0);
  broad.current = lines.length ? Math.max(broad.current, widest) : 0;
  return (
    <section
      className={css.logs}
      aria-label={props.label}
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
            onChange={props.onType}
            label={props.searchLabel}
            inputRef={field}
            onKeyDown={event => {
              props.onSearchKey?.(event);
              if (event.key !== 'Escape') return;
              event.preventDefault();
              if (typed) props.onType('');
              else event.currentTarget.blur();
            }}
          >
            {props.matches}
          </SearchBox>
        </div>
        <div className={css.tools}>
          {props.tools}
          <IconButton label="Break long lines" pressed={wrap} onClick={() => setSetting({ wrap: !wrap })}>
            <WrapText size={15} />
          </IconButton>
          <IconButton
            label="JSON lines as message and fields"
            pressed={fold}
            onClick={() => setSetting({ fold: !fold })}
          >
            <Braces size={15} />
          </IconButton>
          <IconButton
            label={TIMES_WORDS[times]}
            pressed={times !== 'off'}
            onClick={() => setSetting({ times: NEXT_TIMES[times] })}
          >
            <Clock size={15} />
          </IconButton>
          <IconButton label="Follow the end" pressed={follow} onClick={() => setFollowing(!follow)}>
            <ArrowDownToLine size={15} />
          </IconButton>
          <a
            className={css.download}
            href={props.download}
            download
            aria-label="Download the log"
            title="Download"
          >
            <Download size={15} />
          </a>
        </div>
      </div>
      {props.notes}
      <div
        ref={scroller}
        className={css.lines}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        role="log"
        aria-label={`Lines: ${props.label}`}
        aria-live="off"
        data-testid={props.testId}
        data-wrap={columns > 0}
        onScroll={event => {
          const element = event.currentTarget;
          setScrollTop(element.scrollTop);
          const atEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - LINE;
          if (follow !== atEnd && !(atEnd && typed)) setFollowing(atEnd);
        }}
      >
        <span ref={probe} className={css.probe} aria-hidden="true">
          {'0'.repeat(100)}
        </span>
        {lines.length === 0 ? (
          <p className={css.empty}>{props.empty}</p>
        ) : (
          <div
            className={css.sheet}
            style={{
              height: heights.total * LINE,
              minWidth: columns ? 0 : `calc(${broad.current + side}ch + 28px)`,
            }}
          >
            {lines.slice(first, last).map((line, i) => (
              <Line
                key={props.keyOf(line)}
                line={line}
                top={heights.above(first + i) * LINE}
                side={side}
                columns={columns}
                time={timeOf(line.at, times, props.origin)}
                text={fold ? folded(line) : line.text}
                marked={props.marked(first + i)}
                current={props.current === first + i}
              >
                {props.lead(line)}
              </Line>
            ))}
          </div>
        )}
      </div>
      {fresh > 0 && (
        <button type="button" className={css.fresh} onClick={() => setFollowing(true)}>
          <ArrowDown size={13} /> {plural(fresh, 'new line')}
        </button>
      )}
    </section>
  );
}

function longest(lines: readonly LogLine[], fold: boolean): number {
  return lines.reduce((most, line) => Math.max(most, (fold ? folded(line) : line.text).length), 0);
}

function timeOf(at: number, times: keyof typeof NEXT_TIMES, origin: number): string | null {
  if (times === 'off') return null;
  if (!at) return '';
  return times === 'clock' ? timeOfDay(at) : `+${duration(Math.max(0, at - origin))}`;
}

const Line = memo(
  function Line({
    line,
    top,
    columns,
    time,
    text,
    marked,
    current,
    children,
  }: {
    line: LogLine;
    top: number;
    /** Of what stands before the text: another when that is to be drawn anew. */
    side: number;
    columns: number;
    time: string | null;
    text: string;
    marked: Search;
    current: boolean;
    children: ReactNode;
  }) {
    return (
      <div
        className={css.line}
        style={{ top }}
        data-current={current}
        data-stream={line.stream}
        data-level={LEVELS[levelOf(text)]}
      >
        {children}
        {time !== null && <time>{time}</time>}
        <span className={css.text} style={columns ? { width: `${columns + 0.5}ch` } : undefined}>
          {spans(text, marked)}
        </span>
      </div>
    );
  },
  (a, b) =>
    a.line === b.line &&
    a.top === b.top &&
    a.side === b.side &&
    a.columns === b.columns &&
    a.time === b.time &&
    a.text === b.text &&
    a.marked === b.marked &&
    a.current === b.current,
);
