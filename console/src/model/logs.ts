/** Lines of one attempt's log, bounded; searched whole. */

export interface LogLine {
  number: number;
  at: number;
  stream: string;
  text: string;
  /** What `folded` made of the text, once it was asked. */
  folded?: string;
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

const MESSAGE = ['message', 'msg', 'event', 'text'];
const LEVEL_KEYS = ['level', 'levelname', 'severity', 'log.level'];
/** Said by the line's own time and level already. */
const SAID = new Set([...MESSAGE, ...LEVEL_KEYS, 'time', 'timestamp', 'ts', 'asctime', '@timestamp']);

/** A line that is a JSON record as its level, its message and its other fields; any other line as it is. */
export function folded(line: { text: string; folded?: string }): string {
  line.folded ??= fold(line.text);
  return line.folded;
}

function fold(text: string): string {
  if (!text.startsWith('{') || !text.endsWith('}')) return text;
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return text;
  }
  const message = MESSAGE.map(key => record[key]).find(value => typeof value === 'string');
  if (message === undefined) return text;
  const level = LEVEL_KEYS.map(key => record[key]).find(value => typeof value === 'string');
  const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const fields = Object.entries(record)
    .filter(([key, value]) => !SAID.has(key) || (MESSAGE.includes(key) && value !== message))
    .map(([key, value]) => ` \x1b[34m${oneLine(key)}=\x1b[0m${oneLine(shown(value))}`);
  return `${level ? `${oneLine(level as string).toUpperCase()} ` : ''}${oneLine(message as string)}${fields.join('')}`;
}

const oneLine = (text: string) => visible(text.replace(/\r?\n/g, ' ⏎ '));

/** How many rows each line takes when rows hold so many characters, as sums, so that any place is found at once. */
export class Heights {
  private sums = new Int32Array(1024);
  private known = 0;
  private lines: readonly LogLine[] = [];
  private key = '';

  /** `columns` 0: every line is one row. */
  of(lines: readonly LogLine[], columns: number, folding: boolean): Heights {
    const key = `${columns}/${folding}`;
    if (key !== this.key || lines !== this.lines) this.known = 0;
    this.key = key;
    this.lines = lines;
    if (!columns) return this;
    if (this.sums.length <= lines.length) {
      const larger = new Int32Array(2 * lines.length);
      larger.set(this.sums);
      this.sums = larger;
    }
    for (; this.known < lines.length; this.known++) {
      const line = lines[this.known]!;
      const cells = width(plain(folding ? folded(line) : line.text));
      this.sums[this.known + 1] = this.sums[this.known]! + Math.max(1, Math.ceil(cells / columns));
    }
    return this;
  }

  /** Rows above a line. */
  above(line: number): number {
    return this.key.startsWith('0/') ? line : this.sums[line]!;
  }

  get total(): number {
    return this.above(this.lines.length);
  }

  /** The line that a row belongs to. */
  lineAt(row: number): number {
    if (this.key.startsWith('0/')) return Math.min(this.lines.length, Math.max(0, Math.floor(row)));
    let [low, high] = [0, this.lines.length];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.sums[middle]! <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

export const TAB = 4;

/** Cells that a text takes; characters of other scripts may take two. */
function width(text: string): number {
  let cells = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 9) cells += TAB - 1;
    else if (code > 0x2e7f) cells++;
  }
  return cells;
}

export class LogModel {
  lines: LogLine[] = [];
  /** Lines at the start that are not held: skipped by the server, or pushed out by newer ones. */
  missing = 0;
  skippedBytes = 0;
  version = 0;
  state: 'loading' | 'live' | 'ended' | 'lost' = 'loading';
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

  private changed(): void {
    this.version++;
    for (const listener of this.listeners) listener();
  }
}

/** Positions of the lines that match; of a text, upper and lower case alike. */
export function search(lines: readonly LogLine[], wanted: Search): number[] {
  const found: number[] = [];
  const low = typeof wanted === 'string' ? wanted.toLowerCase() : '';
  for (let i = 0; i < lines.length; i++) {
    const text = plain(lines[i]!.text);
    if (typeof wanted === 'string' ? text.toLowerCase().includes(low) : text.search(wanted) >= 0)
      found.push(i);
  }
  return found;
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
