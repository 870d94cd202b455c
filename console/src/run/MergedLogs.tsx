import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { ArrowDownToLine, Link2 } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { getMergedLogs } from '../api/client';
import type { MergedLine, RunKey } from '../api/types';
import { useQuery as useAddress } from '../app/address';
import { useSize } from '../app/hooks';
import { count, timeOfDay } from '../model/format';
import { LEVELS, levelOf, visible } from '../model/logs';
import type { Node, RunModel } from '../model/run';
import { IconButton, SearchBox } from '../ui/controls';
import { Problem } from '../ui/Problem';
import css from './Logs.module.css';
import { spans } from './LogText';

const LINE = 20;
const EVERY = 2_000;
const LIMIT = 2_000;

/** What all actions of a run wrote, by time: the newest lines, each a way to its action. */
export function MergedLogs({
  run,
  model,
  selected,
  zoomed,
  onOpen,
}: {
  run: RunKey;
  model: RunModel;
  selected: Node;
  /** The part of the time axis to look at; null: all of it. */
  zoomed: { from: number; to: number } | null;
  onOpen: (node: Node, attempt: number, line: number) => void;
}) {
  const [address, setAddress] = useAddress();
  const text = address.get('find') ?? '';
  const level = address.get('level') ?? '';
  const only = address.get('only') === '1' && selected > 0;
  const [follow, setFollow] = useState(true);
  const [scroller, , height] = useSize<HTMLDivElement>();
  const [scrollTop, setScrollTop] = useState(0);
  const field = useRef<HTMLInputElement>(null);

  const asked = new URLSearchParams({ limit: String(LIMIT) });
  if (text) asked.set('q', text);
  if (level) asked.set('level', level);
  if (only) asked.set('action', model.ids[selected]!);
  if (zoomed) {
    asked.set('from', String(Math.floor(model.base + zoomed.from)));
    asked.set('to', String(Math.ceil(model.base + zoomed.to)));
  }
  const found = useQuery({
    queryKey: ['logs', run.project, run.domain, run.name, asked.toString(), model.finished],
    queryFn: ({ signal }) => getMergedLogs(run, asked, signal),
    refetchInterval: model.finished ? false : EVERY,
    placeholderData: keepPreviousData,
  });
  const lines = found.data?.lines ?? [];
  // biome-ignore lint/correctness/useExhaustiveDependencies: every answer may move the end
  useEffect(() => {
    const element = scroller.current;
    if (element && follow) element.scrollTop = element.scrollHeight;
  }, [follow, found.data, height, scroller]);

  const first = Math.max(0, Math.floor(scrollTop / LINE) - 10);
  const last = Math.min(lines.length, Math.ceil((scrollTop + height) / LINE) + 10);
  return (
    <section
      className={css.logs}
      aria-label="Logs of the run"
      onKeyDown={event => {
        if (event.key !== 'f' || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        field.current?.select();
      }}
    >
      <div className={css.bar}>
        <div className={css.search}>
          <SearchBox
            value={text}
            onChange={value => setAddress({ find: value })}
            label="Search the logs of all actions"
            inputRef={field}
            onKeyDown={event =>
              event.key === 'Escape' && (text ? setAddress({ find: null }) : field.current?.blur())
            }
          />
        </div>
        <select
          aria-label="Level"
          className={css.select}
          value={level}
          onChange={event => setAddress({ level: event.target.value })}
        >
          <option value="">Any level</option>
          {LEVELS.map(name => (
            <option key={name} value={name}>
              {name} and worse
            </option>
          ))}
        </select>
        <label className={css.only}>
          <input
            type="checkbox"
            checked={only}
            disabled={selected <= 0}
            onChange={event => setAddress({ only: event.target.checked ? '1' : null })}
          />
          only {selected > 0 ? model.nameOf(selected) : 'the chosen action'}
        </label>
        <IconButton label="Follow the end" pressed={follow} onClick={() => setFollow(!follow)}>
          <ArrowDownToLine size={15} />
        </IconButton>
        <IconButton
          label="Copy a link to this view"
          onClick={() => void navigator.clipboard?.writeText(location.href)}
        >
          <Link2 size={15} />
        </IconButton>
      </div>
      {zoomed && (
        <p className={css.note}>Only what was written in the part of the time axis that is zoomed into.</p>
      )}
      {found.data && !found.data.complete && (
        <p className={css.note}>
          The newest {count(lines.length)} lines; there are more. Narrow the search, or open the log of one
          action.
        </p>
      )}
      {found.error && !found.data ? (
        <Problem error={found.error} what="the logs" retry={() => void found.refetch()} />
      ) : (
        <div
          ref={scroller}
          className={css.lines}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
          tabIndex={0}
          role="log"
          aria-label="Log lines of all actions"
          aria-live="off"
          data-testid="merged"
          onScroll={event => {
            const element = event.currentTarget;
            setScrollTop(element.scrollTop);
            setFollow(element.scrollTop + element.clientHeight >= element.scrollHeight - LINE);
          }}
        >
          {lines.length === 0 ? (
            <p className={css.empty}>
              {found.isPending
                ? ''
                : text || level || only
                  ? 'No line of any log matches.'
                  : 'Nothing has been written yet.'}
            </p>
          ) : (
            <div className={css.sheet} style={{ height: lines.length * LINE, minWidth: 'max-content' }}>
              {lines.slice(first, last).map((line, i) => (
                <Line
                  key={`${line[1]}/${line[2]}/${line[3]}`}
                  line={line}
                  top={(first + i) * LINE}
                  wanted={text}
                  model={model}
                  onOpen={onOpen}
                />
              ))}
            </div>
          )}
        </div>
      )}
    </section>
  );
}

function Line({
  line,
  top,
  wanted,
  model,
  onOpen,
}: {
  line: MergedLine;
  top: number;
  wanted: string;
  model: RunModel;
  onOpen: (node: Node, attempt: number, line: number) => void;
}) {
  const [at, id, attempt, number, stream, text] = line;
  const row = model.rowById(id);
  const name = row === undefined ? id.slice(0, 8) : model.nameOf(row);
  return (
    <div className={css.line} style={{ top }} data-stream={stream} data-level={LEVELS[levelOf(text)]}>
      <time>{at ? timeOfDay(at) : ''}</time>
      <button
        type="button"
        className={css.action}
        title={`${name} (${id}), attempt ${attempt}, line ${number + 1}`}
        disabled={row === undefined}
        onClick={() => row !== undefined && onOpen(row, attempt, number + 1)}
      >
        {name}
      </button>
      <span className={css.text}>{spans(visible(text), wanted)}</span>
    </div>
  );
}
