import { describe, expect, test } from 'vitest';
import type { Widget } from '../src/api/types';
import { blank, lines, pairs, parse, python, shell, write } from '../src/model/form';
import { levelOf, pattern, split } from '../src/model/logs';
import { definedAt, shaded } from '../src/model/python';

describe('forms', () => {
  test.each<[Widget['kind'], string, unknown]>([
    ['int', ' 5 ', 5],
    ['int', '9007199254740993', '9007199254740993'],
    ['float', '0.5', 0.5],
    ['float', 'NaN', 'NaN'],
    ['str', ' as it is ', ' as it is '],
    ['duration', '90', 90],
    ['duration', 'PT1H30M', 'PT1H30M'],
    ['datetime', '2026-01-31T12:00', '2026-01-31T12:00'],
    ['json', '{"a": [1]}', { a: [1] }],
  ])('%s takes %j', (kind, text, value) => {
    expect(parse({ kind } as Widget, text)).toEqual({ value });
  });

  test.each<[Widget['kind'], string]>([
    ['int', '1.5'],
    ['int', ''],
    ['float', ''],
    ['float', 'much'],
    ['datetime', 'soon'],
    ['duration', 'long'],
    ['uri', ' '],
    ['json', '{'],
  ])('%s refuses %j with what it wants', (kind, text) => {
    expect(parse({ kind } as Widget, text)).toHaveProperty('error');
  });

  test('what is written is what is read', () => {
    const widget: Widget = { kind: 'json' };
    expect(parse(widget, write(widget, { a: null }))).toEqual({ value: { a: null } });
  });

  test('new values begin as something of their kind', () => {
    expect(blank({ kind: 'object', fields: { n: { kind: 'int' }, on: { kind: 'bool' } } })).toEqual({
      n: 0,
      on: false,
    });
    expect(blank({ kind: 'enum', options: ['a', 'b'] })).toBe('a');
  });

  test('pairs are read a line at a time', () => {
    expect(pairs('a=1=2\n\n b \n')).toEqual({ a: '1=2', b: '' });
    expect(lines({ a: '1', b: '' })).toBe('a=1\nb');
  });

  test('values are written for Python and for a shell', () => {
    expect(python({ a: [true, null, 1.5, 'x"'] })).toBe('{"a": [True, None, 1.5, "x\\""]}');
    expect(shell('plain-1.5')).toBe('plain-1.5');
    expect(shell("it's $HOME")).toBe(`'it'"'"'s $HOME'`);
  });
});

describe('searches', () => {
  test('a text is found in any case, a pattern as it says', () => {
    expect(split('Batch batch', 'BATCH')).toEqual([
      ['Batch', true],
      [' ', false],
      ['batch', true],
    ]);
    expect(split('a1 b22', pattern('\\d+', true, false) as RegExp)).toEqual([
      ['a', false],
      ['1', true],
      [' b', false],
      ['22', true],
    ]);
    expect(split('Ab ab', pattern('ab', false, true) as RegExp)).toEqual([
      ['Ab ', false],
      ['ab', true],
    ]);
    expect(pattern('(', true, false)).toBe('broken');
    expect(pattern('(', false, true)).toBeInstanceOf(RegExp);
  });

  test('levels are read off the beginning of a line', () => {
    expect(
      ['DEBUG x', '2026 INFO x', '[WARN] x', 'ERROR', 'information', `${' '.repeat(200)}ERROR`].map(levelOf),
    ).toEqual([0, 1, 2, 3, -1, -1]);
  });
});

describe('Python text', () => {
  test('is cut into lines with shades, strings over lines among them', () => {
    const parts = shaded('def f(x):  # why\n    return """a\nb""" + 1\n', true);
    expect(parts[0]).toEqual([
      ['def', 'keyword'],
      [' ', ''],
      ['f', 'name'],
      ['(', ''],
      ['x', ''],
      ['):  ', ''],
      ['# why', 'comment'],
    ]);
    expect(parts[1]!.at(-1)).toEqual(['"""a', 'string']);
    expect(parts[2]![0]).toEqual(['b"""', 'string']);
    expect(parts.map(line => line.map(([part]) => part).join('')).join('\n')).toBe(
      'def f(x):  # why\n    return """a\nb""" + 1\n',
    );
  });

  test('is searched for where a function is defined', () => {
    expect(definedAt('x = 1\n\n@env.task\nasync def main():\n', 'main')).toBe(3);
    expect(definedAt('x = 1', 'main')).toBe(-1);
  });
});
