import { describe, expect, it } from 'vitest';
import { EventParser } from '../src/api/sse';
import { ago, bytes, compact, count, duration, elapsed, percent } from '../src/model/format';
import { folded, Heights, LogModel, MAX_LINES, plain, search, split, visible } from '../src/model/logs';

describe('words for numbers', () => {
  it.each([
    [0, '0ms'],
    [220, '220ms'],
    [999.7, '1.0s'],
    [9_100, '9.1s'],
    [21_300, '21s'],
    [59_700, '1m 00s'],
    [1_562_000, '26m 02s'],
    [6_060_000, '1h 41m'],
    [273_600_000, '3d 4h'],
  ])('%d ms is %s', (ms, text) => expect(duration(ms)).toBe(text));

  it.each([
    [0, '0'],
    [999, '999'],
    [1_000, '1,000'],
    [12_345_678, '12,345,678'],
  ])('%d actions are counted as %s', (value, text) => expect(count(value)).toBe(text));

  it('says nothing of what is not known', () => expect(duration(null)).toBe('–'));
  it('counts whole seconds while time goes on', () => expect(elapsed(9_999)).toBe('9s'));
  it('tells how long ago', () => {
    expect(ago(0, 2_000)).toBe('just now');
    expect(ago(0, 26 * 60_000)).toBe('26m ago');
  });
  it('keeps counts and sizes short', () => {
    expect([compact(9_806), compact(98_600), bytes(65_536), bytes(900)]).toEqual([
      '9,806',
      '98.6k',
      '64 KB',
      '900 B',
    ]);
    expect([percent(1, 1000), percent(1, 2), percent(0, 0)]).toEqual(['<1%', '50%', '']);
  });
});

describe('a log line', () => {
  it('keeps colours and drops every other escape sequence', () => {
    expect(visible('\x1b]0;title\x07\x1b[31mred\x1b[0m\x1b[2J\x1b[1A')).toBe('\x1b[31mred\x1b[0m');
    expect(visible('\x1b]52;c;aGVsbG8=\x1b\\safe')).toBe('safe');
  });
  it('shows control and direction characters for what they are', () => {
    expect(visible('a\x00b\u202ec')).toBe('a\ufffdb<U+202E>c');
  });
  it('shows the last of its rewrites', () => expect(visible('10%\r50%\r100%\r')).toBe('100%'));
  it('is searched without its colours', () => expect(plain('\x1b[31mslow\x1b[0m batch')).toBe('slow batch'));
  it('is split where it matches', () => {
    expect(split('Slow slow', 'SLOW')).toEqual([
      ['Slow', true],
      [' ', false],
      ['slow', true],
    ]);
    expect(split('none', 'x')).toEqual([['none', false]]);
  });
});

it('a line that is a JSON record is shown as its level, message and fields', () => {
  const shown = (record: unknown) => plain(folded({ text: JSON.stringify(record) }));
  expect(shown({ time: '12:00', level: 'error', msg: 'no rows', shard: 7, cfg: { a: 1 } })).toBe(
    'ERROR no rows shard=7 cfg={"a":1}',
  );
  expect(shown({ msg: 'two\nlines \x1b[2J', k: 'a\rb' })).toBe('two ⏎ lines  k=b');
  expect(shown({ nothing: 'to say' })).toBe('{"nothing":"to say"}');
  expect(folded({ text: '{broken}' })).toBe('{broken}');
});

it('broken lines are found by their rows', () => {
  const line = (text: string) => ({ number: 0, at: 0, stream: 'o', text });
  const lines = ['short', 'x'.repeat(25), '', '\x1b[31mred\x1b[0m'].map(line);
  const heights = new Heights().of(lines, 10, true);
  expect([0, 1, 2, 3, 4].map(at => heights.above(at))).toEqual([0, 1, 4, 5, 6]);
  expect([0, 1, 3, 4, 5].map(row => heights.lineAt(row))).toEqual([0, 1, 1, 2, 3]);
  lines.push(line('y'.repeat(11)));
  expect(heights.of(lines, 10, true).total).toBe(8);
  expect(heights.of(lines, 0, true).total).toBe(5);
});

it('a log is searched whole and bounded', () => {
  const model = new LogModel();
  const line = (i: number): [number, number, string, string] => [i, 0, 'o', `line ${i}`];
  model.append(Array.from({ length: MAX_LINES + 10 }, (_, i) => line(i)));
  expect([model.lines.length, model.missing, model.lines[0]!.number]).toEqual([MAX_LINES, 10, 10]);
  expect(search(model.lines, `LINE ${MAX_LINES + 9}`)).toEqual([MAX_LINES - 1]);
});

describe('an event stream', () => {
  it('is read whole however it is cut', () => {
    const text = 'id: run:a/b/c@7\nevent: delta\ndata: {"x":1}\n\nevent: beat\ndata: {}\n\n';
    for (let cut = 1; cut < text.length; cut++) {
      const parser = new EventParser();
      const events = [...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))];
      expect(events).toEqual([
        { id: 'run:a/b/c@7', event: 'delta', data: '{"x":1}' },
        { id: '', event: 'beat', data: '{}' },
      ]);
    }
  });
});
