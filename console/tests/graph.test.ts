import { describe, expect, it } from 'vitest';
import { labelOf, storyOf } from '../src/graph/arrows';
import { type Drawing, drawRun } from '../src/graph/draw';
import { Flow } from '../src/graph/flow';
import { everything, foldRun, NOTHING_SAID, type Said } from '../src/graph/fold';
import { Columns } from '../src/model/decode';
import { RunModel } from '../src/model/run';
import { pack, packFlow, type Short, type ShortEdge, type ShortSegment } from './pack';

const load = (actions: Short[]) => RunModel.from(new Columns(pack(actions, 1)));
const draw = (actions: Short[], edges: ShortEdge[], path: ShortSegment[] = [], said: Said = NOTHING_SAID) =>
  drawRun(load(actions), new Flow(packFlow(edges, path)), said);
const arrows = (drawing: Drawing) =>
  drawing.arrows.map(arrow => `${arrow.source.name} -${labelOf(arrow)}-> ${arrow.target.name}`);
const names = (drawing: Drawing) => drawing.items.map(item => item.name);
const place = (drawing: Drawing, name: string) => drawing.places.find(({ item }) => item.name === name)!;

const child = (id: string, more: Partial<Short> = {}): Short => ({
  id,
  parent: 'a0',
  phase: 5,
  queued: 0,
  ended: 10,
  ...more,
});
const PIPELINE: Short[] = [
  { id: 'a0', name: 'pipeline', phase: 5, queued: 0, ended: 100 },
  child('b', { name: 'step_one' }),
  child('c', { name: 'step_two', queued: 10, ended: 20 }),
];
const FLOWS: ShortEdge[] = [
  ['a0', 'b', 'x', 1],
  ['b', 'c', 'x'],
  ['c', 'a0', 'o0', 2],
];

/** No two items of one container overlap, and all lie inside it. */
function expectNoOverlap(drawing: Drawing): void {
  for (const a of drawing.places) {
    const outer = drawing.places.find(({ item }) => item === a.item.parent);
    if (outer) {
      expect(a.x).toBeGreaterThanOrEqual(outer.x);
      expect(a.y).toBeGreaterThan(outer.y);
      expect(a.x + a.width).toBeLessThanOrEqual(outer.x + outer.width + 0.01);
      expect(a.y + a.height).toBeLessThanOrEqual(outer.y + outer.height);
    }
    for (const b of drawing.places) {
      if (a === b || a.item.parent !== b.item.parent) continue;
      const apart =
        a.x + a.width <= b.x + 0.01 ||
        b.x + b.width <= a.x + 0.01 ||
        a.y + a.height <= b.y ||
        b.y + b.height <= a.y;
      expect(apart, `${a.item.key} and ${b.item.key}`).toBe(true);
    }
  }
}

describe('the first page', () => {
  const drawing = draw(PIPELINE, FLOWS, [
    ['a0', 0, 5],
    ['b', 5, 10],
    ['c', 10, 20],
    ['a0', 20, 100],
  ]);

  it('has a box for every action, the root too', () => {
    expect(names(drawing)).toEqual(['pipeline', 'step_one', 'step_two']);
    expectNoOverlap(drawing);
  });

  it('has one arrow: what goes into and out of the root is its border', () => {
    expect(arrows(drawing)).toEqual(['step_one -x-> step_two']);
    expect(drawing.routes).toHaveLength(1);
    expect(drawing.routes[0]!.label).toBe('x');
  });

  it('reads from top to bottom', () => {
    const [one, two] = [place(drawing, 'step_one'), place(drawing, 'step_two')];
    expect(two.y).toBeGreaterThan(one.y + one.height);
    expect(two.x).toBe(one.x);
  });

  it('knows the critical path', () => {
    expect(drawing.arrows[0]!.onPath).toBe(true);
    expect(drawing.onPath.get(place(drawing, 'step_two').item)).toBe(10);
    expect(drawing.onPath.get(place(drawing, 'pipeline').item)).toBe(85);
  });
});

it('draws boxes without arrows where no flow is known', () => {
  const drawing = drawRun(load(PIPELINE), null, NOTHING_SAID);
  expect(names(drawing)).toEqual(['pipeline', 'step_one', 'step_two']);
  expect(drawing.routes).toEqual([]);
  expect(place(drawing, 'step_two').y).toBeGreaterThan(place(drawing, 'step_one').y);
});

it('sets siblings that ran side by side side by side', () => {
  const drawing = draw([PIPELINE[0]!, child('l', { name: 'l' }), child('r', { name: 'r' })], []);
  expect(place(drawing, 'l').y).toBe(place(drawing, 'r').y);
  expectNoOverlap(drawing);
});

const MANY: Short[] = [{ id: 'a0', name: 'main' }];
for (let i = 0; i < 30; i++) MANY.push({ id: `n${i}`, parent: 'a0', name: 'shard', order: i });
for (let i = 0; i < 30; i++) MANY.push({ id: `m${i}`, parent: `n${i}`, name: 'read', order: 0 });
const MANY_FLOWS: ShortEdge[] = [];
for (let i = 1; i < 30; i++) MANY_FLOWS.push([`m${i - 1}`, `n${i}`, 'state', 0, 1]);

describe('many calls of one place', () => {
  it('fold into a box that says how many', () => {
    const drawing = draw(MANY, MANY_FLOWS);
    expect(drawing.items.map(item => [item.name, item.rows.length])).toEqual([
      ['main', 1],
      ['shard', 30],
      ['read', 30],
    ]);
  });

  it('unfold into one box each, with their own arrows', () => {
    const model = load(MANY);
    const fold = [...everything(foldRun(model, NOTHING_SAID)!)][1]!.fold!;
    const said = { open: new Map<string, boolean>(), unfolded: new Set([fold]) };
    const drawing = drawRun(model, new Flow(packFlow(MANY_FLOWS)), said);
    expect(drawing.items).toHaveLength(61);
    expect(drawing.items.reduce((sum, item) => sum + item.rows.length, 0)).toBe(61);
    expect(drawing.arrows).toHaveLength(29);
    expectNoOverlap(drawing);
  });

  it('show what flows among them as an arrow back to the box', () => {
    const flows: ShortEdge[] = [];
    for (let i = 1; i < 30; i++) flows.push([`n${i - 1}`, `n${i}`, 'state', 0, 1]);
    const said = { open: new Map([[draw(MANY, []).items[1]!.key, false]]), unfolded: new Set<string>() };
    const drawing = draw(MANY, flows, [], said);
    expect(arrows(drawing)).toEqual(['shard -state-> shard']);
    expect(storyOf(drawing.arrows[0]!)).toBe('shard → shard\nstate ×29 (derived)');
  });
});

describe('containers', () => {
  const NESTED: Short[] = [
    { id: 'a0', name: 'main' },
    child('p', { name: 'prepare' }),
    child('p1', { parent: 'p', name: 'inner' }),
    child('q', { name: 'use', queued: 20, ended: 30 }),
    child('q1', { parent: 'q', name: 'deep', queued: 20, ended: 30 }),
  ];
  const CROSSING: ShortEdge[] = [['p1', 'q1', 'value']];

  it('lift an arrow to where both ends have a common container', () => {
    expect(arrows(draw(NESTED, CROSSING))).toEqual(['prepare -value-> use']);
  });

  it('close, and then show what is in them as themselves', () => {
    const key = draw(NESTED, []).items.find(item => item.name === 'prepare')!.key;
    const said = { open: new Map([[key, false]]), unfolded: new Set<string>() };
    const drawing = draw(NESTED, CROSSING, [['p1', 0, 10]], said);
    expect(names(drawing)).not.toContain('inner');
    expect(drawing.onPath.get(place(drawing, 'prepare').item)).toBe(10);
    expectNoOverlap(drawing);
  });

  it('frame a group and say how many it holds', () => {
    const grouped = [
      PIPELINE[0]!,
      child('x', { name: 'x', group: 'load' }),
      child('y', { name: 'y', group: 'load' }),
    ];
    const frame = draw(grouped, []).items[1]!;
    expect([frame.kind, frame.name, frame.members]).toEqual(['group', 'load', 2]);
  });
});

it('marks the arrows that the critical path goes along, and no others', () => {
  const steps = ['a', 'b', 'c'].map((id, i) => child(id, { name: id, queued: 10 * i, ended: 10 * i + 10 }));
  const drawing = draw(
    [PIPELINE[0]!, ...steps],
    [
      ['a', 'b', 'x'],
      ['b', 'c', 'y'],
      ['a', 'c', 'z'],
    ],
    [
      ['a', 0, 10],
      ['b', 10, 20],
      ['a0', 20, 21],
      ['c', 21, 30],
    ],
  );
  expect(drawing.arrows.filter(arrow => arrow.onPath).map(labelOf)).toEqual(['x', 'y']);
});

it('survives circles, and draws their way back', () => {
  const ring = ['r0', 'r1', 'r2'].map(id => child(id, { name: id }));
  const drawing = draw(
    [PIPELINE[0]!, ...ring],
    [
      ['r0', 'r1', 'a'],
      ['r1', 'r2', 'b'],
      ['r2', 'r0', 'c'],
    ],
  );
  expect(drawing.routes).toHaveLength(3);
  expect(place(drawing, 'r2').y).toBeGreaterThan(place(drawing, 'r0').y);
  expectNoOverlap(drawing);
});

it('bundles the parameters between two boxes, the surest first', () => {
  const drawing = draw(PIPELINE, [
    ['b', 'c', 'x', 0, 2],
    ['b', 'c', 'y', 0, 1],
    ['b', 'c', 'z', 0, 1],
  ]);
  expect(arrows(drawing)).toEqual(['step_one -x, y +1-> step_two']);
  expect(drawing.arrows[0]!.confidence).toBe(1);
});

it('grows with the code: a thousand actions are a few boxes', () => {
  const actions: Short[] = [{ id: 'a0', name: 'main' }];
  const flows: ShortEdge[] = [];
  for (let i = 0; i < 500; i++) {
    actions.push(child(`x${i}`, { name: 'load' }), child(`y${i}`, { name: 'clean' }));
    flows.push([`x${i}`, `y${i}`, 'raw']);
  }
  const drawing = draw(actions, flows);
  expect(names(drawing)).toEqual(['main', 'load', 'clean']);
  expect(arrows(drawing)).toEqual(['load -raw-> clean']);
  expect(drawing.arrows[0]!.count).toBe(500);
});

it('lays out random graphs without overlap, and the same way each time', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  for (let round = 0; round < 40; round++) {
    const actions: Short[] = [{ id: 'a0', name: 'main' }];
    const edges: ShortEdge[] = [];
    for (let i = 1; i < 30; i++) {
      const above = random(3) ? 'a0' : actions[random(actions.length)]!.id;
      const begin = random(50);
      actions.push({
        id: `n${i}`,
        parent: above,
        name: `t${random(20)}`,
        queued: begin,
        ended: begin + random(20),
      });
      if (i > 2) edges.push([`n${1 + random(i - 1)}`, `n${i}`, `p${random(3)}`]);
    }
    const drawing = draw(actions, edges);
    expectNoOverlap(drawing);
    expect(drawing.routes.every(({ d }) => !d.includes('NaN'))).toBe(true);
    expect(draw(actions, edges).routes.map(({ d }) => d)).toEqual(drawing.routes.map(({ d }) => d));
  }
});
