import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link2 } from 'lucide-react';
import { useMemo } from 'react';
import { getMergedLogs, mergedLogsUrl } from '../api/logs';
import type { RunKey } from '../api/types';
import { useQuery as useAddress } from '../app/address';
import { count } from '../model/format';
import { LEVELS, type LogLine, visible } from '../model/logs';
import type { Node, RunModel } from '../model/run';
import { IconButton } from '../ui/controls';
import { Problem } from '../ui/Problem';
import css from './Logs.module.css';
import { LogView } from './LogView';

const EVERY = 2_000;
const LIMIT = 2_000;
const NAME = 20;

interface Line extends LogLine {
  action: string;
  attempt: number;
}

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

  const asked = new URLSearchParams();
  if (text) asked.set('q', text);
  if (level) asked.set('level', level);
  if (only) asked.set('action', model.ids[selected]!);
  if (zoomed) {
    asked.set('from', String(Math.floor(model.base + zoomed.from)));
    asked.set('to', String(Math.ceil(model.base + zoomed.to)));
  }
  const found = useQuery({
    queryKey: ['logs', run.project, run.domain, run.name, asked.toString(), model.finished],
    queryFn: ({ signal }) =>
      getMergedLogs(run, new URLSearchParams([...asked, ['limit', String(LIMIT)]]), signal),
    refetchInterval: model.finished ? false : EVERY,
    placeholderData: keepPreviousData,
  });
  const lines = useMemo(
    () =>
      (found.data?.lines ?? []).map(
        ([at, action, attempt, number, stream, raw]): Line => ({
          at,
          action,
          attempt,
          number,
          stream,
          text: visible(raw),
        }),
      ),
    [found.data],
  );
  if (found.error && !found.data) {
    return <Problem error={found.error} what="the logs" retry={() => void found.refetch()} />;
  }
  return (
    <LogView
      label="Logs of the run"
      testId="merged"
      lines={lines}
      version={found.data}
      keyOf={line => `${line.action}/${line.attempt}/${line.number}`}
      leadWidth={NAME + 1}
      lead={line => <Lead line={line} model={model} onOpen={onOpen} />}
      origin={model.base}
      typed={text}
      onType={value => setAddress({ find: value })}
      searchLabel="Search the logs of all actions"
      marked={() => text}
      target={null}
      current={-1}
      download={mergedLogsUrl(run, asked)}
      empty={
        found.isPending
          ? ''
          : text || level || only
            ? 'No line of any log matches.'
            : 'Nothing has been written yet.'
      }
      tools={
        <>
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
          <IconButton
            label="Copy a link to this view"
            onClick={() => void navigator.clipboard?.writeText(location.href)}
          >
            <Link2 size={15} />
          </IconButton>
        </>
      }
      notes={
        <>
          {zoomed && (
            <p className={css.note}>
              Only what was written in the part of the time axis that is zoomed into.
            </p>
          )}
          {found.data && !found.data.complete && (
            <p className={css.note}>
              The newest {count(lines.length)} lines; there are more. Narrow the search, download, or open the
              log of one action.
            </p>
          )}
        </>
      }
    />
  );
}

function Lead({
  line,
  model,
  onOpen,
}: {
  line: Line;
  model: RunModel;
  onOpen: (node: Node, attempt: number, line: number) => void;
}) {
  const row = model.rowById(line.action);
  const name = row === undefined ? line.action.slice(0, 8) : model.nameOf(row);
  return (
    <button
      type="button"
      className={css.action}
      title={`${name} (${line.action}), attempt ${line.attempt}, line ${line.number + 1}`}
      disabled={row === undefined}
      onClick={() => row !== undefined && onOpen(row, line.attempt, line.number + 1)}
    >
      {name}
    </button>
  );
}
