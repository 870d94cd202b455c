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

  /** Positions of the lines that contain the text, upper and lower case alike. */
  search(text: string): number[] {
    const wanted = text.toLowerCase();
    const found: number[] = [];
    for (let i = 0; i < this.lines.length; i++) {
      if (plain(this.lines[i]!.text).toLowerCase().includes(wanted)) found.push(i);
    }
    return found;
  }

  private changed(): void {
    this.version++;
    for (const listener of this.listeners) listener();
  }
}

/** The parts of a text that match and those between: `[text, matched]`, in order. */
export function split(text: string, wanted: string): [string, boolean][] {
  if (!wanted) return [[text, false]];
  const low = text.toLowerCase();
  const part = wanted.toLowerCase();
  const parts: [string, boolean][] = [];
  let at = 0;
  for (let next = low.indexOf(part); next >= 0; next = low.indexOf(part, at)) {
    if (next > at) parts.push([text.slice(at, next), false]);
    parts.push([text.slice(next, next + part.length), true]);
    at = next + part.length;
  }
  if (at < text.length) parts.push([text.slice(at), false]);
  return parts;
}
