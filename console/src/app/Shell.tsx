import { ChevronRight, Keyboard, Moon, Play, Sun } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Link } from 'wouter';
import { live } from '../api/live';
import { Dialog, IconButton, Kbd } from '../ui/controls';
import { runsAddress } from './address';
import { useKeys, useLiveStatus, useNow } from './hooks';
import css from './Shell.module.css';
import { setTheme, useTheme } from './theme';

const KEYS: [string[], string][] = [
  [['/'], 'Filter'],
  [['↑', '↓', 'j', 'k'], 'Move between rows'],
  [['→', '←'], 'Open and close, go to the parent'],
  [['Enter'], 'Details of the row; open the run'],
  [['e', 'E'], 'Next and previous failure'],
  [['t', 'g', 'b'], 'Timeline, graph, time & bottlenecks'],
  [['d', 'i', 'l'], 'Summary, inputs and outputs, logs'],
  [['[', ']'], 'Previous and next attempt'],
  [['w', 's'], 'Zoom the time axis in and out'],
  [['⇧←', '⇧→'], 'Move along the time axis while zoomed'],
  [['0'], 'Show the whole time'],
  [['Esc'], 'Leave the field, clear the filter, close the details'],
  [['?'], 'This help'],
];

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
  children,
}: {
  project: string;
  domain: string;
  run?: string;
  children: ReactNode;
}) {
  const theme = useTheme();
  useEffect(() => live.start(), []);
  const [help, setHelp] = useState(false);
  useKeys(key => {
    if (key !== '?') return false;
    setHelp(true);
    return true;
  });
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
              <code aria-current="page">{run}</code>
            </>
          ) : (
            <b aria-current="page">Runs</b>
          )}
        </nav>
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
        <Link href={runs} aria-label="Runs" title="Runs" className={css.place} data-here>
          <Play size={18} />
        </Link>
      </nav>
      <div className={css.content}>
        <Freshness />
        {children}
      </div>
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
