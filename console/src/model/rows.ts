import { isBad } from './phases';
import { isGroup, type Node, ROOT, type RunModel } from './run';

export interface Filter {
  /** Part of a name, a task's name or an id; lower case. */
  text: string;
  phases: ReadonlySet<number>;
}

export interface Rows {
  nodes: Node[];
  depths: number[];
  /** How many actions matched; equal to all of them without a filter. */
  matched: number;
}

const SMALL = 80;
const SMALL_LEVEL = 12;

/** Whether a container is open unless somebody said otherwise. */
export function opensByDefault(model: RunModel, node: Node): boolean {
  if (node === ROOT || model.rows <= SMALL) return true;
  return (
    !isGroup(node) &&
    model.above(node) === ROOT &&
    model.childrenOf(node).length <= SMALL_LEVEL &&
    model.rows <= SMALL * 10
  );
}

/** Characters of an id that tell it from the others of a run. */
const SHORT = 10;
/** An address remembers so many. */
const MOST = 40;

/** Which containers a person opened or closed. */
export class Expansion {
  /** `closed`: whatever nothing was said of is closed. */
  constructor(
    readonly said: ReadonlyMap<Node, boolean> = new Map(),
    readonly closed = false,
  ) {}

  /** What an address tells: ids, shortened, of what was opened, and after `~` of what was closed. */
  static parse(model: RunModel, text: string): Expansion {
    const said = new Map<Node, boolean>();
    let closed = false;
    for (const part of text.split(',').filter(Boolean)) {
      if (part === '~') closed = true;
      const [id, group] = part.replace(/^~/, '').split('/').map(decodeURIComponent) as [string, string?];
      const row =
        model.rowById(id) ?? (id.length < SHORT ? -1 : model.ids.findIndex(each => each.startsWith(id)));
      const node =
        row < 0 ? undefined : group === undefined ? row : model.nodeById(`group:${model.ids[row]}/${group}`);
      if (node !== undefined) said.set(node, !part.startsWith('~'));
    }
    return new Expansion(said, closed);
  }

  /** The same, as an address holds it. */
  text(model: RunModel): string {
    const parts = this.closed ? ['~'] : [];
    for (const [node, open] of [...this.said].slice(-MOST)) {
      const [id, group] = model
        .idOf(node)
        .replace(/^group:/, '')
        .split(/\/(.*)/) as [string, string?];
      const name = group === undefined ? '' : `/${encodeURIComponent(group)}`;
      parts.push(`${open ? '' : '~'}${id.slice(0, SHORT)}${name}`);
    }
    return parts.join(',');
  }

  isOpen(model: RunModel, node: Node): boolean {
    return this.said.get(node) ?? (this.closed ? node === ROOT : opensByDefault(model, node));
  }

  with(node: Node, open: boolean): Expansion {
    return new Expansion(new Map(this.said).set(node, open), this.closed);
  }

  /** Everything above the node opened, so that it is on the screen. */
  revealing(model: RunModel, node: Node): Expansion {
    let result: Expansion = this;
    for (let above = model.above(node); above !== -1; above = model.above(above)) {
      if (!result.isOpen(model, above)) result = result.with(above, true);
    }
    return result;
  }
}

export function isFiltering(filter: Filter): boolean {
  return filter.text !== '' || filter.phases.size > 0;
}

export type Sort = 'call' | 'duration' | 'queue' | 'failures';

/** Siblings in the order that was asked for. */
function sorted(model: RunModel, children: readonly Node[], sort: Sort, now: number): readonly Node[] {
  if (sort === 'call' || children.length < 2) return children;
  const weight = (node: Node): number => {
    if (sort === 'failures')
      return isBad(model.phaseOf(node)) ? 1e9 : model.hasChildren(node) ? model.failedBelow(node) : 0;
    if (sort === 'queue' && !isGroup(node)) {
      const begun =
        [model.starting[node]!, model.running[node]!, model.ended[node]!].find(at => at >= 0) ?? now;
      return begun - model.queued[node]!;
    }
    const [begin, end] = model.spanOf(node, now);
    return end - begin;
  };
  const weights = new Map(children.map(node => [node, weight(node)]));
  return [...children].sort((a, b) => weights.get(b)! - weights.get(a)!);
}

/** The visible rows of the tree, from top to bottom. */
export function flatten(
  model: RunModel,
  expansion: Expansion,
  filter: Filter,
  sort: Sort = 'call',
  now = 0,
): Rows {
  const rows: Rows = { nodes: [], depths: [], matched: model.rows };
  if (!model.rows) return rows;
  const filtering = isFiltering(filter);
  const kept = filtering ? keep(model, filter) : undefined;
  if (kept) rows.matched = kept.matched;
  const stack: [Node, number][] = [[ROOT, 0]];
  while (stack.length) {
    const [node, depth] = stack.pop()!;
    if (kept && !kept.nodes.has(node)) continue;
    rows.nodes.push(node);
    rows.depths.push(depth);
    if (!model.hasChildren(node)) continue;
    // Under a filter what matches is shown wherever it is, unless somebody closed its container.
    const open = filtering ? expansion.said.get(node) !== false : expansion.isOpen(model, node);
    if (!open) continue;
    const children = sorted(model, model.childrenOf(node), sort, now);
    for (let i = children.length - 1; i >= 0; i--) stack.push([children[i]!, depth + 1]);
  }
  return rows;
}

export function matches(model: RunModel, row: number, filter: Filter): boolean {
  if (filter.phases.size && !filter.phases.has(model.phase[row]!)) return false;
  if (!filter.text) return true;
  return (
    model.nameOf(row).toLowerCase().includes(filter.text) ||
    model.taskOf(row).toLowerCase().includes(filter.text) ||
    model.ids[row]!.startsWith(filter.text)
  );
}

function keep(model: RunModel, filter: Filter): { nodes: Set<Node>; matched: number } {
  const nodes = new Set<Node>();
  let matched = 0;
  for (let row = 0; row < model.rows; row++) {
    if (!matches(model, row, filter)) continue;
    matched++;
    for (let node: Node = row; node !== -1 && !nodes.has(node); node = model.above(node)) nodes.add(node);
  }
  return { nodes, matched };
}

/** The next or previous row in tree order whose action failed, wrapping around; -1 when none did. */
export function nextFailure(model: RunModel, from: Node, step: 1 | -1): number {
  const failed: number[] = [];
  const order: Node[] = [];
  const stack: Node[] = [ROOT];
  while (stack.length) {
    const node = stack.pop()!;
    order.push(node);
    const children = model.childrenOf(node);
    for (let i = children.length - 1; i >= 0; i--) stack.push(children[i]!);
  }
  let here = -1;
  for (const node of order) {
    if (node === from) here = failed.length;
    if (!isGroup(node) && (model.phase[node] === 6 || model.phase[node] === 8)) failed.push(node);
  }
  if (!failed.length) return -1;
  if (here < 0) return step > 0 ? failed[0]! : failed[failed.length - 1]!;
  const skip = step > 0 && failed[here] === from ? 1 : 0;
  const index = step > 0 ? here + skip : here - 1;
  return failed[(index + failed.length) % failed.length]!;
}
