import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, useId, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { EVERY_RUN, getTasks, listRuns } from '../api/client';
import { PHASE_WORDS, phaseNumber } from '../model/phases';
import { useModal } from '../ui/controls';
import { PhaseGlyph } from '../ui/PhaseGlyph';
import { runAddress, runsAddress } from './address';
import { palette } from './offers';
import css from './Palette.module.css';
import { setTheme } from './theme';

interface Entry {
  key: string;
  title: string;
  note: string;
  phase?: number;
  go: () => void;
}

const SHOWN = 12;

/** Go to anything: places, tasks, runs, and what the open page offers. */
export function Palette({
  project,
  domain,
  open,
  onClose,
}: {
  project: string;
  domain: string;
  open: boolean;
  onClose: () => void;
}) {
  const modal = useModal(open, onClose);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside it closes it, as Escape does
    <dialog
      {...modal}
      className={css.dialog}
      aria-label="Go to anything"
      onClick={event => event.target === event.currentTarget && onClose()}
    >
      {open && <Search project={project} domain={domain} onClose={onClose} />}
    </dialog>
  );
}

function Search({ project, domain, onClose }: { project: string; domain: string; onClose: () => void }) {
  const [, navigate] = useLocation();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const list = useId();
  const wanted = text.trim().toLowerCase();
  const runs = useQuery({
    queryKey: ['palette', project, domain, wanted],
    queryFn: ({ signal }) => listRuns({ ...EVERY_RUN, project, domain, search: wanted }, '', signal),
    placeholderData: before => before,
  });
  const tasks = useQuery({
    queryKey: ['tasks', project, domain],
    queryFn: ({ signal }) => getTasks(project, domain, signal),
  });
  const entries = useMemo(() => {
    const base = runsAddress(project, domain);
    const places: Entry[] = [
      ['Runs', base],
      ['Failed runs', `${base}?phase=failed,timed_out`],
      ['Runs that need input', `${base}?paused=1`],
      ['Tasks', base.replace('/v2/runs/', '/v2/tasks/')],
    ].map(([title, href]) => ({ key: href!, title: title!, note: 'place', go: () => navigate(href!) }));
    for (const theme of ['light', 'dark'] as const) {
      places.push({
        key: theme,
        title: `Use the ${theme} theme`,
        note: 'setting',
        go: () => setTheme(theme),
      });
    }
    const known: Entry[] = (tasks.data?.tasks ?? []).map(task => ({
      key: `task ${task.name}`,
      title: task.name,
      note: 'task',
      go: () => navigate(`${base}?task=${encodeURIComponent(task.name)}`),
    }));
    const found: Entry[] = (runs.data?.runs ?? []).map(run => ({
      key: `run ${run.name}`,
      title: run.name,
      note: `${run.task_name} · ${PHASE_WORDS[phaseNumber(run.phase)]}`,
      phase: phaseNumber(run.phase),
      go: () => navigate(runAddress(run)),
    }));
    const own = palette.offers(wanted);
    const matching = (list: Entry[]) => list.filter(each => each.title.toLowerCase().includes(wanted));
    return [...own, ...matching(places), ...matching(known).slice(0, 5), ...found].slice(0, SHOWN);
  }, [project, domain, wanted, runs.data, tasks.data, navigate]);
  const here = Math.min(at, entries.length - 1);
  const take = (entry: Entry | undefined) => {
    if (!entry) return;
    onClose();
    entry.go();
  };
  const key = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setAt((here + step + entries.length) % Math.max(1, entries.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      take(entries[here]);
    }
  };
  return (
    <>
      <input
        className={css.input}
        // biome-ignore lint/a11y/noAutofocus: it was opened in order to type
        autoFocus
        value={text}
        placeholder="Go to a run, a task, an action or a place"
        aria-label="Go to"
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={here >= 0 ? `${list}-${here}` : undefined}
        spellCheck={false}
        autoComplete="off"
        onChange={event => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={key}
      />
      <div className={css.list} role="listbox" id={list} aria-label="Found">
        {entries.map((entry, i) => (
          // biome-ignore lint/a11y/useFocusableInteractive: focus stays in the field
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field takes the keys
          <div
            key={entry.key}
            id={`${list}-${i}`}
            role="option"
            aria-selected={i === here}
            className={css.entry}
            onClick={() => take(entry)}
            onPointerMove={() => setAt(i)}
          >
            {entry.phase !== undefined && <PhaseGlyph phase={entry.phase} />}
            <b>{entry.title}</b>
            <span>{entry.note}</span>
          </div>
        ))}
      </div>
      {entries.length === 0 && <p className={css.none}>Nothing is called “{text}”.</p>}
    </>
  );
}
