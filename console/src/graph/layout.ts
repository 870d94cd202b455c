import type { RunModel } from '../model/run';
import { type Arrow, labelOf } from './arrows';
import type { Item } from './fold';

/**
 * Where everything stands: layers from top to bottom, each item below all whose values it got; containers
 * hold the layout of what is in them. Longest-path layers, places of their own for long arrows, barycentre
 * sweeps against crossings, then positions as near as can be above and below each other.
 */

export const BOX_WIDTH = 196;
export const BOX_HEIGHT = 58;
export const FRAME_HEAD = 34;
const FRAME_PAD = 16;
const GAP_X = 28;
const GAP_Y = 44;
const GAP_QUIET = 22;
const MARGIN = 24;
const SWEEPS = 4;
/** More items than this side by side are put into further rows. */
const WIDEST = 5;
const LABEL_CHAR = 6.6;
const LOOP_ROOM = 26;

export interface Place {
  item: Item;
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Route {
  arrow: Arrow;
  /** An SVG path. */
  d: string;
  label: string;
  labelX: number;
  labelY: number;
}

export interface Layout {
  places: Place[];
  routes: Route[];
  width: number;
  height: number;
}

export function layOut(root: Item, arrows: readonly Arrow[], model: RunModel): Layout {
  const inside = new Map<Item | null, Arrow[]>();
  for (const arrow of arrows) {
    const container = arrow.source.parent;
    const known = inside.get(container);
    if (known) known.push(arrow);
    else inside.set(container, [arrow]);
  }
  const sized = size(root, inside, model);
  const layout: Layout = {
    places: [],
    routes: [],
    width: sized.width + 2 * MARGIN,
    height: sized.height + 2 * MARGIN,
  };
  settle(sized, MARGIN, MARGIN, layout);
  return layout;
}

interface Sized {
  item: Item;
  width: number;
  height: number;
  /** What is in it, with places inside it. */
  inner: { sized: Sized; x: number; y: number }[];
  routes: { arrow: Arrow; points: Point[]; loop: boolean }[];
}

interface Point {
  x: number;
  y: number;
}

function size(item: Item, inside: Map<Item | null, Arrow[]>, model: RunModel): Sized {
  if (!item.children.length) {
    return { item, width: BOX_WIDTH, height: BOX_HEIGHT, inner: [], routes: [] };
  }
  const children = item.children.map(child => size(child, inside, model));
  const { nodes, width, height, routes } = arrange(children, inside.get(item) ?? [], model);
  const whole = Math.max(width + 2 * FRAME_PAD, BOX_WIDTH + 2 * FRAME_PAD);
  const shift = (whole - width) / 2;
  return {
    item,
    width: whole,
    height: height + FRAME_HEAD + FRAME_PAD,
    inner: nodes.map(({ sized, x, y }) => ({ sized, x: x + shift, y: y + FRAME_HEAD })),
    routes: routes.map(({ arrow, points, loop }) => ({
      arrow,
      loop,
      points: points.map(({ x, y }) => ({ x: x + shift, y: y + FRAME_HEAD })),
    })),
  };
}

/** A place in a layer: of an item, or of an arrow on its way through. */
interface Node {
  sized: Sized | null;
  layer: number;
  width: number;
  height: number;
  x: number;
  above: Node[];
  below: Node[];
}

function arrange(children: Sized[], arrows: Arrow[], model: RunModel) {
  const nodes = new Map<Item, Node>();
  for (const sized of children) {
    const { width, height } = sized;
    nodes.set(sized.item, { sized, layer: 0, width, height, x: 0, above: [], below: [] });
  }
  const forward = acyclic(children, arrows);
  setLayers(children, forward, nodes, model);
  const layers: Node[][] = [];
  for (const node of nodes.values()) {
    layers[node.layer] = layers[node.layer] ?? [];
    layers[node.layer]!.push(node);
  }
  const ways = new Map<Arrow, Node[]>();
  for (const arrow of forward) {
    const [from, to] = [nodes.get(arrow.source)!, nodes.get(arrow.target)!];
    const way = [from];
    for (let layer = from.layer + 1; layer < to.layer; layer++) {
      const bend: Node = { sized: null, layer, width: 10, height: 0, x: 0, above: [], below: [] };
      layers[layer]!.push(bend);
      way.push(bend);
    }
    way.push(to);
    for (let i = 1; i < way.length; i++) {
      way[i - 1]!.below.push(way[i]!);
      way[i]!.above.push(way[i - 1]!);
    }
    ways.set(arrow, way);
  }
  order(layers);
  spread(layers);
  const left = Math.min(...layers.flat().map(node => node.x - node.width / 2));
  const right = Math.max(...layers.flat().map(node => node.x + node.width / 2));
  const [tops, height] = heights(layers);
  for (const bend of layers.flat()) if (!bend.sized) bend.height = Math.max(...layers[bend.layer]!.map(tall));
  const loops = arrows.some(arrow => !ways.has(arrow));
  const routes = arrows.map(arrow => {
    const way = ways.get(arrow);
    return way
      ? { arrow, points: bends(way, tops, left), loop: false }
      : { arrow, points: around(nodes.get(arrow.source)!, nodes.get(arrow.target)!, tops, left), loop: true };
  });
  return {
    nodes: [...nodes.values()].map(node => ({
      sized: node.sized!,
      x: node.x - left - node.width / 2,
      y: tops[node.layer]!,
    })),
    width: right - left + (loops ? LOOP_ROOM : 0),
    height,
    routes,
  };
}

/** The arrows without those that close a circle: they lead back to what began earlier. */
function acyclic(children: Sized[], arrows: Arrow[]): Arrow[] {
  const below = new Map<Item, Arrow[]>();
  for (const arrow of arrows) {
    if (arrow.source === arrow.target) continue;
    const known = below.get(arrow.source);
    if (known) known.push(arrow);
    else below.set(arrow.source, [arrow]);
  }
  const state = new Map<Item, 1 | 2>();
  const kept = new Set<Arrow>();
  for (const { item } of children) {
    if (state.has(item)) continue;
    const stack: [Item, number][] = [[item, 0]];
    state.set(item, 1);
    while (stack.length) {
      const top = stack[stack.length - 1]!;
      const arrow = below.get(top[0])?.[top[1]++];
      if (!arrow) {
        state.set(top[0], 2);
        stack.pop();
      } else if (state.get(arrow.target) !== 1) {
        kept.add(arrow);
        if (!state.has(arrow.target)) {
          state.set(arrow.target, 1);
          stack.push([arrow.target, 0]);
        }
      }
    }
  }
  return arrows.filter(arrow => kept.has(arrow));
}

/**
 * Below all whose values it got. What got none and gave none stands below what had ended before it began,
 * so that a container reads from top to bottom.
 */
function setLayers(children: Sized[], arrows: Arrow[], nodes: Map<Item, Node>, model: RunModel): void {
  const incoming = new Map<Item, Item[]>();
  const joined = new Set<Item>();
  for (const { source, target } of arrows) {
    const known = incoming.get(target);
    if (known) known.push(source);
    else incoming.set(target, [source]);
    joined.add(source).add(target);
  }
  const layer = new Map<Item, number>();
  const pending = children.map(({ item }) => item).reverse();
  while (pending.length) {
    const item = pending[pending.length - 1]!;
    const missing = (incoming.get(item) ?? []).filter(source => !layer.has(source));
    if (missing.length) {
      pending.push(...missing);
      continue;
    }
    pending.pop();
    if (layer.has(item)) continue;
    layer.set(item, Math.max(0, ...(incoming.get(item) ?? []).map(source => layer.get(source)! + 1)));
  }
  const spans = children.map(({ item }) => ({ item, span: spanOf(item, model) }));
  spans.sort((a, b) => a.span[0] - b.span[0]);
  for (const { item, span } of spans) {
    if (joined.has(item)) continue;
    let lowest = 0;
    for (const other of spans) {
      if (other.item === item || other.span[1] > span[0]) continue;
      lowest = Math.max(lowest, layer.get(other.item)! + 1);
    }
    layer.set(item, lowest);
  }
  narrow(children, layer);
  for (const [item, number] of layer) nodes.get(item)!.layer = number;
}

/** Layers wider than a screen are broken into rows; empty ones vanish. */
function narrow(children: Sized[], layer: Map<Item, number>): void {
  const rows: Item[][] = [];
  for (const { item } of children) {
    const number = layer.get(item)!;
    rows[number] = rows[number] ?? [];
    rows[number]!.push(item);
  }
  let next = 0;
  for (const row of rows) {
    if (!row) continue;
    const columns = row.length <= WIDEST ? row.length : Math.max(WIDEST, Math.ceil(Math.sqrt(row.length)));
    for (const [i, item] of row.entries()) layer.set(item, next + Math.floor(i / columns));
    next += Math.ceil(row.length / columns);
  }
}

function spanOf(item: Item, model: RunModel): [number, number] {
  let [begin, end] = [Number.POSITIVE_INFINITY, 0];
  const rows = item.rows.length ? item.rows : item.children.flatMap(child => child.rows);
  for (const row of rows) {
    begin = Math.min(begin, model.queued[row]!);
    end = Math.max(end, model.ended[row]! < 0 ? Number.POSITIVE_INFINITY : model.ended[row]!);
  }
  return [begin, end];
}

/** Fewer crossings: each node goes to the middle of its neighbours, downwards and upwards in turn. */
function order(layers: Node[][]): void {
  const place = new Map<Node, number>();
  for (const layer of layers) number(layer, place);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      const key = new Map<Node, number>();
      for (const node of layer) {
        const near = down ? node.above : node.below;
        const middle = near.reduce((sum, other) => sum + place.get(other)!, 0) / near.length;
        key.set(node, near.length ? middle : place.get(node)!);
      }
      layer.sort((a, b) => key.get(a)! - key.get(b)!);
      number(layer, place);
    }
  }
}

const tall = (node: Node): number => (node.sized ? node.height : 0);

function number(layer: Node[], place: Map<Node, number>): void {
  for (const [i, node] of layer.entries()) place.set(node, i);
}

/** Positions from left to right, as near to the middle of the neighbours as the order allows. */
function spread(layers: Node[][]): void {
  for (const layer of layers) {
    let x = 0;
    for (const node of layer) {
      node.x = x + node.width / 2;
      x += node.width + GAP_X;
    }
    for (const node of layer) node.x -= (x - GAP_X) / 2;
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      const wish = layer.map(node => {
        const near = down ? node.above : node.below;
        return near.length ? near.reduce((sum, other) => sum + other.x, 0) / near.length : node.x;
      });
      fit(layer, wish);
    }
  }
}

/** Least sum of squared distances to the wishes with the order and gaps kept: pool what would overlap. */
function fit(layer: Node[], wish: number[]): void {
  const offset: number[] = [];
  let far = 0;
  layer.forEach((node, i) => {
    if (i) far += layer[i - 1]!.width / 2 + GAP_X + node.width / 2;
    offset.push(far);
  });
  const pools: { sum: number; size: number }[] = [];
  layer.forEach((_, i) => {
    pools.push({ sum: wish[i]! - offset[i]!, size: 1 });
    while (pools.length > 1) {
      const [before, last] = pools.slice(-2) as [(typeof pools)[0], (typeof pools)[0]];
      if (before.sum / before.size <= last.sum / last.size) break;
      before.sum += last.sum;
      before.size += last.size;
      pools.pop();
    }
  });
  let at = 0;
  for (const { sum, size: many } of pools) {
    for (let i = 0; i < many; i++, at++) layer[at]!.x = offset[at]! + sum / many;
  }
}

/** The top of each layer, and the height of all; between layers without arrows there is less room. */
function heights(layers: Node[][]): [number[], number] {
  const tops: number[] = [];
  let y = 0;
  for (const [i, layer] of layers.entries()) {
    if (i) y += layer.some(node => node.above.length) ? GAP_Y : GAP_QUIET;
    tops.push(y);
    y += Math.max(...layer.map(node => node.height));
  }
  return [tops, y];
}

/** From below the first to above the last; through a layer on its way an arrow runs straight. */
function bends(way: Node[], tops: number[], left: number): Point[] {
  return way.flatMap((node, i) => {
    const [x, y] = [node.x - left, tops[node.layer]!];
    const [above, below] = [
      { x, y },
      { x, y: y + node.height },
    ];
    return i === 0 ? [below] : i === way.length - 1 ? [above] : [above, below];
  });
}

/** From the right side of one item to the right side of another that stands above it, or is it. */
function around(from: Node, to: Node, tops: number[], left: number): Point[] {
  const middle = (node: Node, lean: number): Point => ({
    x: node.x - left + node.width / 2,
    y: tops[node.layer]! + node.height / 2 + lean,
  });
  return from === to ? [middle(from, 12), middle(to, -12)] : [middle(from, 0), middle(to, 8)];
}

function settle(sized: Sized, x: number, y: number, layout: Layout): void {
  layout.places.push({ item: sized.item, x, y, width: sized.width, height: sized.height });
  for (const inner of sized.inner) settle(inner.sized, x + inner.x, y + inner.y, layout);
  for (const { arrow, points, loop } of sized.routes) {
    const moved = points.map(point => ({ x: point.x + x, y: point.y + y }));
    layout.routes.push(loop ? back(arrow, moved) : down(arrow, moved));
  }
}

function down(arrow: Arrow, points: Point[]): Route {
  const [first, ...rest] = points as [Point, ...Point[]];
  let d = `M${n(first.x)} ${n(first.y)}`;
  let before = first;
  for (const point of rest) {
    const half = (before.y + point.y) / 2;
    d += `C${n(before.x)} ${n(half)} ${n(point.x)} ${n(half)} ${n(point.x)} ${n(point.y)}`;
    before = point;
  }
  const from = points[points.length - 2]!;
  const to = points[points.length - 1]!;
  return { arrow, d, label: labelOf(arrow), labelX: (from.x + to.x) / 2, labelY: (from.y + to.y) / 2 };
}

function back(arrow: Arrow, [from, to]: Point[]): Route {
  const far = Math.max(from!.x, to!.x) + LOOP_ROOM;
  const d = `M${n(from!.x)} ${n(from!.y)}C${n(far)} ${n(from!.y)} ${n(far)} ${n(to!.y)} ${n(to!.x)} ${n(to!.y)}`;
  const label = labelOf(arrow);
  return {
    arrow,
    d,
    label,
    labelX: far + (label.length * LABEL_CHAR) / 2 - LOOP_ROOM / 4,
    labelY: (from!.y + to!.y) / 2,
  };
}

const n = (value: number): string => String(Math.round(value * 10) / 10);
