const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const two = (value: number): string => String(value).padStart(2, '0');

/** A length of time in at most two units: 220ms, 9.1s, 26m 02s, 1h 41m, 3d 4h. */
export function duration(ms: number | null | undefined): string {
  if (ms == null || !Number.isFinite(ms)) return '–';
  const value = Math.max(0, ms);
  if (value < 999.5) return `${Math.round(value)}ms`;
  if (value < 9_950) return `${(value / SECOND).toFixed(1)}s`;
  if (value < 59_500) return `${Math.round(value / SECOND)}s`;
  const seconds = Math.round(value / SECOND);
  if (value < HOUR) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  if (value < DAY) return `${Math.floor(value / HOUR)}h ${two(Math.floor((value % HOUR) / MINUTE))}m`;
  return `${Math.floor(value / DAY)}d ${Math.floor((value % DAY) / HOUR)}h`;
}

/** A length of time that is still growing: whole seconds, so that it does not flicker. */
export function elapsed(ms: number): string {
  return ms < MINUTE
    ? `${Math.max(0, Math.floor(ms / SECOND))}s`
    : duration(Math.floor(ms / SECOND) * SECOND);
}

export function ago(at: number, now: number): string {
  const past = now - at;
  if (past < 5 * SECOND) return 'just now';
  if (past < 90 * SECOND) return `${Math.round(past / SECOND)}s ago`;
  if (past < 90 * MINUTE) return `${Math.round(past / MINUTE)}m ago`;
  if (past < 36 * HOUR) return `${Math.round(past / HOUR)}h ago`;
  return `${Math.round(past / DAY)}d ago`;
}

export function clock(at: number, now: number): string {
  const date = new Date(at);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const today = new Date(now);
  if (date.toDateString() === today.toDateString()) return `Today ${time}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${time}`;
}

/** A moment of the day with milliseconds, for logs and events. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A number that must stay narrow: 9,806 but 99.8k. */
export function compact(value: number): string {
  if (value < 10_000) return count(value);
  if (value < 1_000_000) return `${(value / 1000).toFixed(1)}k`;
  return `${(value / 1_000_000).toFixed(1)}M`;
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  let scaled = value / 1024;
  let unit = 0;
  while (scaled >= 1000 && unit < units.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${scaled.toFixed(scaled < 10 ? 1 : 0)} ${units[unit]}`;
}

export function percent(part: number, whole: number): string {
  if (!whole) return '';
  const value = (100 * part) / whole;
  return value > 0 && value < 1 ? '<1%' : `${Math.round(value)}%`;
}

export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}
