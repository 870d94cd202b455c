import { count as grouped } from '../model/format';
import type { RunModel } from '../model/run';
import { CONFIDENCE_WORDS, DATA, type Flow, ORDER } from './flow';
import type { Item } from './fold';

/** Data flow between two items of one container, all parameters in one arrow. */
export interface Arrow {
  key: string;
  source: Item;
  target: Item;
  /** By parameter: how many values, and how sure their way is. */
  params: Map<string, { count: number; confidence: number }>;
  /** The surest of all its values. */
  confidence: number;
  count: number;
  onPath: boolean;
}

/**
 * The arrows of a graph: edges are lifted to where their ends have a common container, and bundled.
 * What goes into or out of a container from inside (arguments and results) is not drawn: it is the
 * container's own border.
 */
export function arrowsOf(items: Item[], itemOf: Int32Array, model: RunModel, flow: Flow): Arrow[] {
  const rows = flow.rowsIn(model);
  const steps = stepsOf(flow, rows, model);
  const number = new Map(items.map((item, i) => [item, i]));
  const found = new Map<number, Arrow>();
  for (let i = 0; i < flow.source.length; i++) {
    const relation = flow.relation[i]!;
    if (relation !== DATA && relation !== ORDER) continue;
    const [from, to] = [rows[flow.source[i]!]!, rows[flow.target[i]!]!];
    if (from < 0 || to < 0) continue;
    const ends = lift(items[itemOf[from]!]!, items[itemOf[to]!]!);
    if (!ends) continue;
    const [source, target] = ends;
    const key = number.get(source)! * items.length + number.get(target)!;
    let arrow = found.get(key);
    if (!arrow) {
      arrow = {
        key: `${source.key}>${target.key}`,
        source,
        target,
        params: new Map(),
        confidence: flow.confidence[i]!,
        count: 0,
        onPath: false,
      };
      found.set(key, arrow);
    }
    const name = relation === ORDER ? '' : flow.params[flow.param[i]!]!;
    const known = arrow.params.get(name);
    if (known) {
      known.count++;
      known.confidence = Math.min(known.confidence, flow.confidence[i]!);
    } else arrow.params.set(name, { count: 1, confidence: flow.confidence[i]! });
    arrow.confidence = Math.min(arrow.confidence, flow.confidence[i]!);
    arrow.count++;
    if (!arrow.onPath && isStep(steps, from, to, model)) arrow.onPath = true;
  }
  return [...found.values()];
}

/** Of each row, the number of the innermost item that shows it. */
export function itemOfRows(items: Item[], model: RunModel): Int32Array {
  const found = new Int32Array(model.rows).fill(-1);
  for (const [i, item] of items.entries()) for (const row of item.rows) found[row] = i;
  // Rows inside closed containers are shown by what is above them.
  const stack: number[] = [];
  for (let row = 0; row < model.rows; row++) {
    let at = row;
    while (found[at] === -1) {
      stack.push(at);
      at = model.parent[at]!;
      if (at < 0) break;
    }
    const item = at < 0 ? 0 : found[at]!;
    while (stack.length) found[stack.pop()!] = item;
  }
  return found;
}

/** Of each action on the critical path, the sibling that was on it before: the one it waited for. */
function stepsOf(flow: Flow, rows: Int32Array, model: RunModel): Map<number, number> {
  const steps = new Map<number, number>();
  const latest = new Map<number, number>();
  for (const each of flow.pathAction) {
    for (let row = rows[each]!; row > 0; row = model.parent[row]!) {
      const before = latest.get(model.parent[row]!);
      if (before === row) break;
      latest.set(model.parent[row]!, row);
      if (before !== undefined && !steps.has(row)) steps.set(row, before);
    }
  }
  return steps;
}

/** Whether an edge, lifted to siblings, is a step of the critical path. */
function isStep(steps: Map<number, number>, from: number, to: number, model: RunModel): boolean {
  for (let target = to; target > 0; target = model.parent[target]!) {
    const before = steps.get(target);
    if (before === undefined) continue;
    let source = from;
    while (source > 0 && model.parent[source] !== model.parent[target]) source = model.parent[source]!;
    if (source === before) return true;
  }
  return false;
}

/** The two ancestors that stand side by side in one container; null when one is inside the other or both are one. */
function lift(from: Item, to: Item): [Item, Item] | null {
  const depth = (item: Item): number => {
    let steps = 0;
    for (let at = item.parent; at; at = at.parent) steps++;
    return steps;
  };
  let [a, b] = [from, to];
  if (a === b) return a.folded ? [a, b] : null;
  let [da, db] = [depth(a), depth(b)];
  while (da > db) {
    a = a.parent!;
    da--;
  }
  while (db > da) {
    b = b.parent!;
    db--;
  }
  if (a === b) return null;
  while (a.parent !== b.parent) {
    a = a.parent!;
    b = b.parent!;
  }
  return [a, b];
}

/** What is written on an arrow. */
export function labelOf(arrow: Arrow): string {
  const names = [...arrow.params.keys()].filter(Boolean);
  return names.length > 2 ? `${names.slice(0, 2).join(', ')} +${names.length - 2}` : names.join(', ');
}

/** What an arrow says when it is asked. */
export function storyOf(arrow: Arrow): string {
  const lines = [...arrow.params].map(([name, { count, confidence }]) => {
    const times = count > 1 ? ` ×${grouped(count)}` : '';
    const doubt = confidence ? ` (${CONFIDENCE_WORDS[confidence]})` : '';
    return `${name || 'order only'}${times}${doubt}`;
  });
  return `${arrow.source.name} → ${arrow.target.name}\n${lines.join('\n')}`;
}
