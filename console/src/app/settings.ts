import { useSyncExternalStore } from 'react';

/** What a person prefers, kept in this browser. */
interface Settings {
  /** Keys of one letter do something. */
  letters: boolean;
  /** Long lines of a log are broken. */
  wrap: boolean;
  /** Log lines that are JSON are shown as a message and its fields. */
  fold: boolean;
  times: 'clock' | 'since' | 'off';
  /** Width of the details beside a run's views, in pixels; 0: put away. */
  details: number;
}

const KEY = 'godwit.settings';
const USUAL: Settings = { letters: true, wrap: false, fold: true, times: 'clock', details: 440 };
const listeners = new Set<() => void>();

function read(): Settings {
  try {
    return { ...USUAL, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>) };
  } catch {
    return USUAL;
  }
}

let settings = read();

export const getSettings = (): Settings => settings;

export function setSetting(change: Partial<Settings>): void {
  settings = { ...settings, ...change };
  localStorage.setItem(KEY, JSON.stringify(settings));
  for (const listener of listeners) listener();
}

export function useSettings(): Settings {
  return useSyncExternalStore(listener => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, getSettings);
}
