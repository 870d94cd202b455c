import type { Json, Widget } from '../api/types';

/** Between what a person types and the JSON that is sent. `error` says what is expected instead. */
export type Parsed = { value: Json } | { error: string };

const WORDS = ['NaN', 'Infinity', '-Infinity'];

/** Widgets whose value is written in one field. */
export function isPlain(widget: Widget): boolean {
  return ['int', 'float', 'str', 'datetime', 'duration', 'uri', 'json', 'none'].includes(widget.kind);
}

export function parse(widget: Widget, text: string): Parsed {
  const trimmed = text.trim();
  switch (widget.kind) {
    case 'int': {
      if (!/^-?\d+$/.test(trimmed)) return { error: 'A whole number, such as 5' };
      const number = Number(trimmed);
      return { value: Number.isSafeInteger(number) ? number : trimmed };
    }
    case 'float': {
      if (WORDS.includes(trimmed)) return { value: trimmed };
      const number = Number(trimmed);
      if (trimmed === '' || !Number.isFinite(number)) return { error: 'A number, such as 0.5' };
      return { value: number };
    }
    case 'datetime':
      return /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$/.test(trimmed)
        ? { value: trimmed }
        : { error: 'An instant, such as 2026-01-31T12:00:00+00:00' };
    case 'duration':
      return /^-?P/.test(trimmed)
        ? { value: trimmed }
        : trimmed !== '' && Number.isFinite(Number(trimmed))
          ? { value: Number(trimmed) }
          : { error: 'Seconds, or a length of time such as PT1H30M' };
    case 'uri':
      return trimmed ? { value: trimmed } : { error: 'An address, such as s3://bucket/key' };
    case 'json':
      try {
        return { value: JSON.parse(text) as Json };
      } catch (error) {
        return { error: `JSON: ${(error as Error).message}` };
      }
    case 'none':
      return { value: null };
    default:
      return { value: text };
  }
}

export function write(widget: Widget, value: Json | undefined): string {
  if (value === undefined) return '';
  if (widget.kind === 'json') return JSON.stringify(value, null, 2);
  return typeof value === 'string' ? value : value === null ? '' : String(value);
}

/** What a new value of the kind begins as. */
export function blank(widget: Widget): Json {
  switch (widget.kind) {
    case 'int':
    case 'float':
      return 0;
    case 'bool':
      return false;
    case 'enum':
      return widget.options[0] ?? '';
    case 'list':
      return [];
    case 'object':
      return Object.fromEntries(Object.entries(widget.fields).map(([name, field]) => [name, blank(field)]));
    case 'optional':
    case 'none':
    case 'json':
      return null;
    default:
      return '';
  }
}

export function same(one: Json | undefined, other: Json | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** `KEY=VALUE`, one a line; what has no `=` is a key without a value. */
export function pairs(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    const key = (at < 0 ? line : line.slice(0, at)).trim();
    if (key) found[key] = at < 0 ? '' : line.slice(at + 1).trim();
  }
  return found;
}

export function lines(values: Record<string, string>): string {
  return Object.entries(values)
    .map(([key, value]) => (value ? `${key}=${value}` : key))
    .join('\n');
}

/** A JSON value as Python writes it. */
export function python(value: Json): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${python(item)}`)
    .join(', ')}}`;
}

/** One word for a shell. */
export function shell(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}
