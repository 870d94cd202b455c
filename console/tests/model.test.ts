import { describe, expect, it } from 'vitest';
import { Columns } from '../src/model/decode';
import { density, peak } from '../src/model/density';
import { idleGaps, Squeeze, squeezed } from '../src/model/idle';
import { FAILED, QUEUED, RUNNING, SUCCEEDED } from '../src/model/phases';
import { Expansion, flatten, nextFailure } from '../src/model/rows';
import { isGroup, type Node, RunModel } from '../src/model/run';
import { groupStats, timeSpent } from '../src/model/stats';
import { pack, type Short } from './pack';

const load = (actions: Short[], seq = 1) => RunModel.from(new Columns(pack(actions, seq)));
const change = (model: RunModel, actions: Short[], seq: number) =>
  model.apply(new Columns(pack(actions, seq, true)));
const NO_FILTER = { text: '', phases: new Set<number>() };
const tree = (model: RunModel, filter = NO_FILTER) => {
  const { nodes, depths } = flatten(model, new Expansion(), filter);
  return nodes.map((node, i) => `${'  '.repeat(depths[i]!)}${model.nameOf(node)}`);
};

const PIPELINE: Short[] = [
  { id: 'a0', name: 'pipeline', phase: SUCCEEDED, queued: 0, running: 10, ended: 400 },
  {
    id: 'b',
    parent: 'a0',
    name: 'step_one',
    phase: SUCCEEDED,
    queued: 20,
    starting: 25,
    running: 40,
    ended: 190,
    order: 0,
  },
  {
    id: 'c',
    parent: 'a0',
    name: 'step_two',
    phase: SUCCEEDED,
    queued: 200,
    running: 220,
    ended: 390,
    order: 1,
  },
];

describe('a snapshot', () => {
  it('becomes the tree of calls, in call order', () => {
    const model = load([PIPELINE[0]!, PIPELINE[2]!, PIPELINE[1]!]);
    expect(tree(model)).toEqual(['pipeline', '  step_one', '  step_two']);
    expect(model.finished).toBe(true);
    expect(model.extent(9_999)).toBe(400);
  });

  it('keeps ids that are not ASCII whole', () => {
    expect(load([{ id: 'a0' }, { id: 'grüße', parent: 'a0' }]).ids).toEqual(['a0', 'grüße']);
  });

  it('is refused when it is something else', () => {
    expect(() => new Columns(new TextEncoder().encode('<html></html>').buffer as ArrayBuffer)).toThrow(
      /not a run/,
    );
  });

  it('gathers siblings of a group under one node, where its first member was called', () => {
    const model = load([
      { id: 'a0', phase: RUNNING },
      { id: 'x', parent: 'a0', order: 0 },
      { id: 'g1', parent: 'a0', name: 'fold', group: 'folds', order: 1, phase: SUCCEEDED },
      { id: 'y', parent: 'a0', order: 2 },
      { id: 'g2', parent: 'a0', name: 'fold', group: 'folds', order: 3, phase: FAILED },
    ]);
    expect(tree(model)).toEqual(['a0', '  x', '  folds', '    fold', '    fold', '  y']);
    const group = model.nodeById('group:a0/folds')!;
    expect(isGroup(group)).toBe(true);
    expect(model.idOf(group)).toBe('group:a0/folds');
    expect([model.totalBelow(group), model.failedBelow(group), model.totalBelow(0)]).toEqual([2, 1, 4]);
  });
});

describe('a delta', () => {
  it('changes what is known and adds what is new', () => {
    const model = load([
      { id: 'a0', phase: RUNNING },
      { id: 'b', parent: 'a0', phase: RUNNING },
    ]);
    const told: number[] = [];
    model.subscribe(() => told.push(model.version));
    change(
      model,
      [
        { id: 'b', parent: 'a0', phase: FAILED, ended: 50 },
        { id: 'c', parent: 'b', phase: QUEUED },
      ],
      5,
    );
    expect(told).toHaveLength(1);
    expect(tree(model)).toEqual(['a0', '  b', '    c']);
    expect(Array.from(model.counts)).toEqual([0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    expect(model.failedBelow(0)).toBe(1);
  });

  it('may bring a child before its parent', () => {
    const model = load([{ id: 'a0', phase: RUNNING }]);
    change(model, [{ id: 'leaf', parent: 'middle', phase: SUCCEEDED, group: 'g' }], 2);
    expect(tree(model)).toEqual(['a0']);
    change(model, [{ id: 'middle', parent: 'a0', phase: RUNNING }], 3);
    expect(tree(model)).toEqual(['a0', '  middle', '    g', '      leaf']);
    expect(model.countsBelow(0)[SUCCEEDED]).toBe(1);
    change(model, [{ id: 'leaf', parent: 'middle', phase: FAILED, group: 'g' }], 4);
    expect([model.countsBelow(0)[SUCCEEDED], model.countsBelow(0)[FAILED]]).toEqual([0, 1]);
  });

  it('is ignored when it is older than what is known, and harmless when it comes twice', () => {
    const model = load([{ id: 'a0', phase: RUNNING }], 10);
    expect(change(model, [{ id: 'a0', phase: QUEUED }], 9)).toEqual([]);
    expect(model.phaseOf(0)).toBe(RUNNING);
    const news: Short[] = [{ id: 'b', parent: 'a0', phase: SUCCEEDED }];
    change(model, news, 11);
    change(model, news, 11);
    expect([model.rows, model.totalBelow(0), model.counts[SUCCEEDED]]).toEqual([2, 1, 1]);
  });

  it('leaves the same run behind as a snapshot of the end would, whatever the order', () => {
    let random = 42;
    const next = (below: number) => {
      random = (random * 1103515245 + 12345) % 2147483648;
      return random % below;
    };
    const actions: Short[] = [{ id: 'a0', phase: RUNNING, order: 0 }];
    for (let i = 1; i < 400; i++) {
      const parent = actions[next(Math.min(i, 40))]!.id;
      actions.push({
        id: `n${i}`,
        parent,
        order: i,
        phase: 1 + next(10),
        group: next(3) ? '' : `g${next(2)}`,
      });
    }
    const model = new RunModel();
    model.apply(new Columns(pack([{ ...actions[0]!, phase: QUEUED }], 1)));
    const shuffled = [...actions].sort(() => next(3) - 1);
    for (let i = 0; i < shuffled.length; i += 7) {
      const early = shuffled.slice(i, i + 7).map(action => ({ ...action, phase: QUEUED }));
      change(model, early, i + 2);
      change(model, shuffled.slice(i, i + 7), i + 3);
    }
    const whole = load(actions);
    expect(tree(model)).toEqual(tree(whole));
    expect(Array.from(model.counts)).toEqual(Array.from(whole.counts));
    const below = (one: RunModel) => one.ids.map((id, row) => [id, ...one.countsBelow(row)]).sort();
    expect(below(model)).toEqual(below(whole));
  });
});

describe('the tree', () => {
  const model = load([
    { id: 'a0', name: 'main', phase: RUNNING },
    { id: 'b', parent: 'a0', name: 'ingest', phase: SUCCEEDED },
    { id: 'c', parent: 'b', name: 'read', phase: FAILED },
    { id: 'd', parent: 'a0', name: 'score', phase: FAILED },
  ]);

  it('shows what matches a filter together with everything above it', () => {
    expect(tree(model, { text: 'rea', phases: new Set() })).toEqual(['main', '  ingest', '    read']);
    expect(tree(model, { text: '', phases: new Set([FAILED]) })).toEqual([
      'main',
      '  ingest',
      '    read',
      '  score',
    ]);
    expect(flatten(model, new Expansion(), { text: 'rea', phases: new Set() }).matched).toBe(1);
    expect(tree(model, { text: 'nothing', phases: new Set() })).toEqual([]);
  });

  it('closes and reveals', () => {
    const closed = new Expansion().with(0, false);
    expect(flatten(model, closed, NO_FILTER).nodes).toEqual([0]);
    expect(flatten(model, closed.revealing(model, 2), NO_FILTER).nodes).toEqual([0, 1, 2, 3]);
  });

  it('goes from failure to failure and around', () => {
    expect(nextFailure(model, 0, 1)).toBe(2);
    expect(nextFailure(model, 2, 1)).toBe(3);
    expect(nextFailure(model, 3, 1)).toBe(2);
    expect(nextFailure(model, 3, -1)).toBe(2);
    expect(nextFailure(load(PIPELINE), 0, 1)).toBe(-1);
  });

  it('of ten thousand siblings is flat and quick', () => {
    const many: Short[] = [{ id: 'a0', phase: RUNNING }];
    for (let i = 0; i < 250; i++)
      many.push({ id: `n${i}`, parent: 'a0', name: 'shard', group: 'all', order: i });
    const wide = load(many);
    expect(tree(wide)).toHaveLength(2);
    expect(
      flatten(wide, new Expansion().with(wide.nodeById('group:a0/all')!, true), NO_FILTER).nodes,
    ).toHaveLength(252);
  });
});

describe('time', () => {
  const model = load(PIPELINE);

  it('spent by an action adds up to its length', () => {
    expect(timeSpent(model, 1, 0)).toEqual([
      [1, 5],
      [3, 15],
      [4, 150],
    ]);
  });

  it('as density counts leaves, not the parent that waits for them', () => {
    const found = density(model, 0, 0, 400, 4, 0);
    expect(Array.from(found.running).map(value => Math.round(value * 100) / 100)).toEqual([
      0.6, 0.9, 0.8, 0.9,
    ]);
    expect(peak(model, 0, 0)).toBe(1);
  });

  it('of members that follow each other at once is no overlap', () => {
    const row = (id: string, running: number, ended: number): Short => ({
      id,
      parent: 'a0',
      running,
      ended,
      phase: SUCCEEDED,
    });
    const three = load([{ id: 'a0' }, row('x', 0, 10), row('y', 10, 20), row('z', 15, 30)]);
    expect(peak(three, 0, 0)).toBe(2);
  });
});

it('failures of one cause are told once', () => {
  const bad = (id: string, cause: string): Short => ({
    id,
    parent: 'a0',
    phase: FAILED,
    running: 0,
    ended: 5,
    error: { code: 'ValueError', cause, kind: 'user' },
  });
  const model = load([
    { id: 'a0' },
    bad('x', 'shard # is bad'),
    bad('y', 'shard # is bad'),
    bad('z', 'other'),
  ]);
  const { causes } = groupStats(model, 0);
  expect(causes.map(({ cause, count }) => [cause.cause, count])).toEqual([
    ['shard # is bad', 2],
    ['other', 1],
  ]);
});

it('nodes below the root are named once each', () => {
  const model = load(PIPELINE);
  const seen = new Set<Node>(model.rowsBelow(0));
  expect([...seen].sort()).toEqual([1, 2]);
});

describe('idle time', () => {
  const model = () =>
    RunModel.from(
      new Columns(
        pack(
          [
            { id: 'a0', phase: 5, queued: 0, running: 0, ended: 100_000 },
            { id: 'one', parent: 'a0', phase: 5, queued: 0, running: 100, ended: 1_000, cuts: [500] },
            { id: 'asked', parent: 'a0', kind: 2, phase: 5, queued: 1_000, ended: 98_000 },
            { id: 'two', parent: 'a0', phase: 5, queued: 98_000, running: 98_100, ended: 100_000 },
          ],
          1,
        ),
      ),
    );

  it('is where only people were waited for', () =>
    expect(idleGaps(model(), 0)).toEqual([{ from: 1_000, to: 98_000 }]));

  it('is squeezed, and every place of the axis is still a moment', () => {
    const squeeze = new Squeeze(idleGaps(model(), 0), 100_000);
    expect([0, 1_000, 98_000, 100_000].map(at => squeeze.to(at))).toEqual([0, 1_000, 1_090, 3_090]);
    for (const at of [0, 500, 1_000, 50_000, 98_000, 99_123, 101_000])
      expect(squeeze.from(squeeze.to(at))).toBeCloseTo(at);
    expect(squeeze.around({ from: 500, to: 99_000 })).toEqual([
      { from: 500, to: 1_000 },
      { from: 98_000, to: 99_000 },
    ]);
    const drawn = squeezed(model(), squeeze);
    expect([...drawn.ended]).toEqual([3_090, 1_000, 1_090, 3_090]);
    expect(drawn.cuts.get(1)).toEqual([500]);
    expect(drawn.nameOf(3)).toBe('two');
  });
});
