import { isGroup, ROOT, type RunModel } from '../model/run';

/**
 * A box or a frame of the graph: one action, the actions of one call path folded into one, or a group.
 * It grows with the code and not with the data.
 */
export interface Item {
  key: string;
  kind: 'action' | 'group';
  name: string;
  /** The actions it stands for; of a group none, its members are its children. */
  rows: number[];
  /** How many calls a group holds. */
  members: number;
  parent: Item | null;
  depth: number;
  /** What is shown inside; empty when it is closed or has nothing inside. */
  children: Item[];
  /** It has something inside, shown or not. */
  container: boolean;
  open: boolean;
  /** Many actions in one box. */
  folded: boolean;
  /** What to say to show a folded box's actions one by one, or to fold them again; null when there is nothing to fold. */
  fold: string | null;
}

/** What a person said about the graph: containers opened or closed, folds taken apart. */
export interface Said {
  open: ReadonlyMap<string, boolean>;
  unfolded: ReadonlySet<string>;
}

export const NOTHING_SAID: Said = { open: new Map(), unfolded: new Set() };

/** So many siblings with one name are shown one by one; more are folded into a box that says how many. */
const FOLD_FROM = 7;
export const UNFOLD_AT_MOST = 120;
/** Containers below this depth are closed until somebody opens them. */
const OPEN_DEPTH = 3;

/** The call tree, folded by call path. */
export function foldRun(model: RunModel, said: Said): Item | null {
  if (!model.rows) return null;
  return action(model, said, null, '', [ROOT], null);
}

function action(
  model: RunModel,
  said: Said,
  parent: Item | null,
  path: string,
  rows: number[],
  fold: string | null,
): Item {
  const folded = rows.length > 1;
  const item = blank(folded ? path : `${path}#${rows[0]}`, 'action', model.nameOf(rows[0]!), parent);
  item.rows = rows;
  item.folded = folded;
  item.fold = folded ? (rows.length <= UNFOLD_AT_MOST ? path : null) : fold;
  item.container = rows.some(row => model.hasChildren(row));
  item.open = item.container && (said.open.get(item.key) ?? item.depth < OPEN_DEPTH);
  if (item.open) fill(model, said, item);
  return item;
}

function blank(key: string, kind: Item['kind'], name: string, parent: Item | null): Item {
  return {
    key,
    kind,
    name,
    rows: [],
    members: 0,
    parent,
    depth: parent ? parent.depth + 1 : 0,
    children: [],
    container: false,
    open: false,
    folded: false,
    fold: null,
  };
}

/** Put what the actions of a box called into it. */
function fill(model: RunModel, said: Said, item: Item): void {
  const direct = new Map<string, number[]>();
  const groups = new Map<string, Map<string, number[]>>();
  const order: (string | number[])[] = [];
  for (const row of item.rows) {
    for (const node of model.childrenOf(row)) {
      if (!isGroup(node)) {
        const found = add(direct, model, node);
        if (found.length === 1) order.push(found);
        continue;
      }
      const name = model.nameOf(node);
      let kinds = groups.get(name);
      if (!kinds) {
        kinds = new Map();
        groups.set(name, kinds);
        order.push(name);
      }
      for (const member of model.childrenOf(node)) add(kinds, model, member);
    }
  }
  for (const next of order) {
    if (typeof next !== 'string') {
      place(model, said, item, next, item);
      continue;
    }
    const frame = blank(`${item.key}/(${next})`, 'group', next, item);
    frame.depth = item.depth;
    frame.container = true;
    frame.open = said.open.get(frame.key) ?? true;
    const kinds = [...groups.get(next)!.values()];
    frame.members = kinds.reduce((sum, rows) => sum + rows.length, 0);
    item.children.push(frame);
    if (frame.open) for (const rows of kinds) place(model, said, frame, rows, item);
    else frame.rows = kinds.flat();
  }
}

function add(kinds: Map<string, number[]>, model: RunModel, row: number): number[] {
  const kind = `${model.kind[row]}${model.task[row]}/${model.name[row]}`;
  const known = kinds.get(kind);
  if (known) {
    known.push(row);
    return known;
  }
  const fresh = [row];
  kinds.set(kind, fresh);
  return fresh;
}

/** One box for all rows, or one each. */
function place(model: RunModel, said: Said, into: Item, rows: number[], owner: Item): void {
  const path = `${into.key}/${model.task[rows[0]!]}:${model.nameOf(rows[0]!)}`;
  const apart = rows.length < FOLD_FROM || (said.unfolded.has(path) && rows.length <= UNFOLD_AT_MOST);
  if (owner.folded || !apart) {
    into.children.push(action(model, said, into, path, rows, null));
    return;
  }
  const again = rows.length >= FOLD_FROM ? path : null;
  for (const row of rows) into.children.push(action(model, said, into, path, [row], again));
}

/** Every item, containers before what is in them. */
export function* everything(item: Item): Generator<Item> {
  yield item;
  for (const child of item.children) yield* everything(child);
}
