import {
  ChevronRight,
  Keyboard,
  KeyRound,
  LayoutGrid,
  ListTree,
  Moon,
  Play,
  Search,
  Sun,
  Zap,
} from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Link } from 'wouter';
import { live } from '../api/live';
import { Dialog, IconButton, Kbd } from '../ui/controls';
import { runsAddress } from './address';
import { useKeys, useLiveStatus, useNow } from './hooks';
import { Palette } from './Palette';
import css from './Shell.module.css';
import { setSetting, useSettings } from './settings';
import { setTheme, useTheme } from './theme';

const KEYS: [string[], string][] = [
  [['Ctrl K'], 'Go to anything'],
  [['/'], 'Filter'],
  [['↑', '↓', 'j', 'k'], 'Move between rows'],
  [['→', '←'], 'Open and close, go to the parent'],
  [['Enter'], 'Details of the row; open the run'],
  [['e', 'E'], 'Next and previous failure'],
  [['t', 'g', 'b', 'm'], 'Timeline, graph, time and bottlenecks, merged logs; also 1 to 4'],
  [['d', 'i', 'l'], 'Summary, inputs and outputs, logs'],
  [['[', ']'], 'Previous and next attempt'],
  [['w', 's'], 'Zoom the time axis in and out'],
  [['a', 'D'], 'Move along the time axis while zoomed; also ⇧← and ⇧→'],
  [['z', 'c'], 'Zoom to the action; critical path'],
  [['f'], 'Let the time axis follow the rows on the screen'],
  [['r'], 'Rerun, with other inputs if you like'],
  [['y'], 'Copy a link to this view'],
  [['\\'], 'Details beside the view: usual, wide, put away'],
  [['0'], 'Show the whole time'],
  [['Esc'], 'Leave the field, clear the filter, close the details'],
  [['?'], 'This help'],
];

const PLACES = [
  { id: 'runs', label: 'Runs', icon: <Play size={18} /> },
  { id: 'tasks', label: 'Tasks', icon: <ListTree size={18} /> },
  { id: 'triggers', label: 'Triggers', icon: <Zap size={18} /> },
  { id: 'apps', label: 'Apps', icon: <LayoutGrid size={18} /> },
  { id: 'secrets', label: 'Secrets', icon: <KeyRound size={18} /> },
];
const MAC = /Mac|iP(hone|ad)/.test(navigator.platform);

export function Logo() {
  return (
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path d="M3 4h18l-3.2 5.4H6.2z" fill="var(--accent)" />
      <path d="M7.6 11.4h8.8L12 20z" fill="color-mix(in srgb, var(--accent) 62%, var(--panel))" />
    </svg>
  );
}

/** The frame of every page: where one is, the rail of places, and how fresh the data is. */
export function Shell({
  project,
  domain,
  run,
  other,
  place = 'runs',
  children,
}: {
  project: string;
  domain: string;
  run?: string;
  /** The run it is compared with. */
  other?: string;
  place?: string;
  children: ReactNode;
}) {
  const theme = useTheme();
  useEffect(() => live.start(), []);
  const [help, setHelp] = useState(false);
  const [going, setGoing] = useState(false);
  const { letters } = useSettings();
  useKeys(key => {
    if (key !== '?') return false;
    setHelp(true);
    return true;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
      event.preventDefault();
      setGoing(true);
    };
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);
  const runs = runsAddress(project, domain);
  return (
    <div className={css.shell}>
      <header className={css.top}>
        <Link href={runs} className={css.logo} aria-label="Godwit: all runs">
          <Logo />
        </Link>
        <nav className={css.crumbs} aria-label="Where you are">
          <span>{project}</span>
          <i>/</i>
          <span>{domain}</span>
          <ChevronRight size={14} aria-hidden="true" />
          {run ? (
            <>
              <Link href={runs}>Runs</Link>
              <ChevronRight size={14} aria-hidden="true" />
              {other ? (
                <>
                  <Link href={`${runs}/${encodeURIComponent(run)}`}>{run}</Link>
                  <ChevronRight size={14} aria-hidden="true" />
                  <b aria-current="page">Compare</b>
                </>
              ) : (
                <code aria-current="page">{run}</code>
              )}
            </>
          ) : (
            <b aria-current="page">{PLACES.find(each => each.id === place)?.label ?? 'Runs'}</b>
          )}
        </nav>
        <button type="button" className={css.go} onClick={() => setGoing(true)} aria-label="Go to anything">
          <Search size={14} aria-hidden="true" />
          <span>Search runs, tasks, actions</span>
          <Kbd>{MAC ? '⌘' : 'Ctrl '}K</Kbd>
        </button>
        <IconButton label="Keyboard" keys="?" onClick={() => setHelp(true)}>
          <Keyboard size={16} />
        </IconButton>
        <IconButton
          label={theme === 'dark' ? 'Light theme' : 'Dark theme'}
          onClick={() => setTheme(theme === 'dark' ? 'light' : 'dark')}
        >
          {theme === 'dark' ? <Sun size={16} /> : <Moon size={16} />}
        </IconButton>
      </header>
      <nav className={css.rail} aria-label="Places">
        {PLACES.map(({ id, label, icon }) => (
          <Link
            key={id}
            href={id === 'runs' ? runs : runs.replace('/v2/runs/', `/v2/${id}/`)}
            aria-label={label}
            aria-current={id === place ? 'page' : undefined}
            title={label}
            className={css.place}
          >
            {icon}
          </Link>
        ))}
      </nav>
      <div className={css.content}>
        <Freshness />
        {children}
      </div>
      <Palette project={project} domain={domain} open={going} onClose={() => setGoing(false)} />
      <Dialog open={help} onClose={() => setHelp(false)} title="Keyboard">
        <dl className={css.keys}>
          {KEYS.map(([keys, meaning]) => (
            <div key={meaning}>
              <dt>
                {keys.map(key => (
                  <Kbd key={key}>{key}</Kbd>
                ))}
              </dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
        <label className={css.letters}>
          <input
            type="checkbox"
            checked={letters}
            onChange={event => setSetting({ letters: event.target.checked })}
          />
          Keys of one character do something. Without, Ctrl K, the arrows and the mouse lead everywhere.
        </label>
      </Dialog>
    </div>
  );
}

/** Says so when what is on the screen may be old. */
function Freshness() {
  const status = useLiveStatus();
  const lost = status.state === 'lost';
  useNow(1000, lost);
  if (!lost) return null;
  const age = status.heard ? Math.max(0, Math.round((Date.now() - status.heard) / 1000)) : null;
  return (
    <div className={css.stale} role="status">
      <b>Reconnecting…</b> {age === null ? 'The server was not heard yet.' : `Data from ${age} s ago.`} If the
      server has stopped, start it again: <code>flyte start server</code>
    </div>
  );
}
