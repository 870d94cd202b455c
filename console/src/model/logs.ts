/** Lines of one attempt's log, bounded; searched whole. */

export interface LogLine {
  number: number;
  at: number;
  stream: string;
  text: string;
}

export const MAX_LINES = 200_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: this is what escape sequences begin with
const COLOUR = /\x1b\[[0-9;]*m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: everything else a terminal would act upon
const ESCAPES = /\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-9;?]*[ -/]*[@-ln-~]|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are never shown as such
const CONTROLS = /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g;
const BIDI = /[\u202a-\u202e\u2066-\u2069]/g;

/** What a terminal would show of a line: the last of its rewrites, colours kept, everything else dropped. */
export function visible(text: string): string {
  const rewrites = text.replace(/\r+$/, '').split('\r');
  return rewrites[rewrites.length - 1]!.replace(ESCAPES, '')
    .replace(CONTROLS, '\ufffd')
    .replace(BIDI, char => `<U+${char.charCodeAt(0).toString(16).toUpperCase()}>`);
}

/** The line without any escape sequence: what a search looks at. */
export function plain(text: string): string {
  return text.replace(COLOUR, '');
}

export class LogModel {
  lines: LogLine[] = [];
  /** Lines at the start that are not held: skipped by the server, or pushed out by newer ones. */
  missing = 0;
  skippedBytes = 0;
  version = 0;
  state: 'loading' | 'live' | 'ended' | 'lost' = 'loading';
  widest = 0;
  private readonly listeners = new Set<() => void>();

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  getVersion = (): number => this.version;

  begin(firstLine: number, skippedBytes: number): void {
    this.missing = firstLine;
    this.skippedBytes = skippedBytes;
    this.set('live');
  }

  append(lines: readonly [number, number, string, string][]): void {
    for (const [number, at, stream, raw] of lines) {
      const text = visible(raw);
      this.lines.push({ number, at, stream, text });
      if (text.length > this.widest) this.widest = text.length;
    }
    if (this.lines.length > MAX_LINES) {
      const surplus = this.lines.length - MAX_LINES;
      this.lines = this.lines.slice(surplus);
      this.missing += surplus;
    }
    this.changed();
  }

  set(state: LogModel['state']): void {
    this.state = state;
    this.changed();
  }

  /** Positions of the lines that match; of a text, upper and lower case alike. */
  search(wanted: Search): number[] {
    const found: number[] = [];
    const low = typeof wanted === 'string' ? wanted.toLowerCase() : '';
    for (let i = 0; i < this.lines.length; i++) {
      const text = plain(this.lines[i]!.text);
      if (typeof wanted === 'string' ? text.toLowerCase().includes(low) : text.search(wanted) >= 0)
        found.push(i);
    }
    return found;
  }

  private changed(): void {
    this.version++;
    for (const listener of this.listeners) listener();
  }
}

/** What is searched for: a text in any case, or a pattern. */
export type Search = string | RegExp;

/** What is typed, as a search; `broken` while it is no pattern. */
export function pattern(typed: string, regex: boolean, exact: boolean): Search | 'broken' {
  if (!typed || (!regex && !exact)) return typed;
  try {
    const source = regex ? typed : typed.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    return new RegExp(source, exact ? 'g' : 'gi');
  } catch {
    return 'broken';
  }
}

export const LEVELS = ['debug', 'info', 'warning', 'error'] as const;
const LEVEL = /\b(?:(DEBUG|TRACE)|(INFO|NOTICE)|(WARN(?:ING)?)|(ERROR|CRITICAL|FATAL|Traceback))\b/;

/** Where a line stands among `LEVELS`; -1 when it does not say. As the server judges. */
export function levelOf(text: string): number {
  const match = LEVEL.exec(text.slice(0, 120));
  return match ? [1, 2, 3, 4].findIndex(group => match[group] !== undefined) : -1;
}

/** The parts of a text that match and those between: `[text, matched]`, in order. */
export function split(text: string, wanted: Search): [string, boolean][] {
  if (!wanted) return [[text, false]];
  const parts: [string, boolean][] = [];
  let at = 0;
  for (const [next, length] of places(text, wanted)) {
    if (next > at) parts.push([text.slice(at, next), false]);
    parts.push([text.slice(next, next + length), true]);
    at = next + length;
  }
  if (at < text.length || !parts.length) parts.push([text.slice(at), false]);
  return parts;
}

function* places(text: string, wanted: Search): Generator<[at: number, length: number]> {
  if (typeof wanted !== 'string') {
    for (const match of text.matchAll(wanted)) if (match[0]) yield [match.index, match[0].length];
    return;
  }
  const [low, part] = [text.toLowerCase(), wanted.toLowerCase()];
  for (let at = low.indexOf(part); at >= 0; at = low.indexOf(part, at + part.length)) yield [at, part.length];
}
