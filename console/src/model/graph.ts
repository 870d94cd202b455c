import { PHASE_COUNT } from './phases';
import { isGroup, ROOT, type RunModel } from './run';

/** A box of the graph: one action, or many that were called at the same place. */
export interface Box {
  key: string;
  name: string;
  group: string;
  rows: number[];
  children: Box[];
  /** Of a folded box: what to say to unfold it. Of an unfolded member: what to say to fold it again. */
  fold: string | null;
  folded: boolean;
  x: number;
  y: number;
}

export interface Graph {
  boxes: Box[];
  width: number;
  height: number;
}

export const BOX_WIDTH = 196;
export const BOX_HEIGHT = 58;
const GAP_X = 64;
const GAP_Y = 16;
const MARGIN = 24;

/** So many siblings with one name are shown one by one; more are folded into a box that says how many. */
const FOLD_FROM = 7;
const UNFOLD_AT_MOST = 120;

/**
 * The call tree, folded by call path, so that it grows with the code and not with the data.
 * Callers stand left of what they called; siblings stand below each other in call order.
 */
export function layOut(model: RunModel, unfolded: ReadonlySet<string>): Graph {
  if (!model.rows) return { boxes: [], width: 0, height: 0 };
  const root = box(model, '', '', [ROOT], unfolded, null);
  const boxes: Box[] = [];
  let depth = 0;
  const place = (one: Box, top: number, level: number): number => {
    boxes.push(one);
    depth = Math.max(depth, level);
    one.x = MARGIN + level * (BOX_WIDTH + GAP_X);
    let bottom = top;
    for (const child of one.children) bottom = place(child, bottom, level + 1) + GAP_Y;
    bottom = Math.max(bottom - GAP_Y, top + BOX_HEIGHT);
    const [first, last] = [one.children[0], one.children[one.children.length - 1]];
    one.y = first && last ? (first.y + last.y) / 2 : top;
    return bottom;
  };
  const bottom = place(root, MARGIN, 0);
  return { boxes, width: 2 * MARGIN + (depth + 1) * (BOX_WIDTH + GAP_X) - GAP_X, height: bottom + MARGIN };
}

function box(
  model: RunModel,
  path: string,
  group: string,
  rows: number[],
  unfolded: ReadonlySet<string>,
  fold: string | null,
): Box {
  const folded = rows.length > 1;
  const key = folded ? path : `${path}#${rows[0]}`;
  const made: Box = {
    key,
    name: model.nameOf(rows[0]!),
    group,
    rows,
    children: [],
    fold: folded ? path : fold,
    folded,
    x: 0,
    y: 0,
  };
  const kinds = new Map<string, { group: string; rows: number[] }>();
  for (const row of rows) {
    for (const node of model.childrenOf(row)) {
      const members = isGroup(node) ? model.childrenOf(node) : [node];
      const groupName = isGroup(node) ? model.nameOf(node) : '';
      for (const member of members) {
        const kind = `${groupName}/${model.name[member]}`;
        const known = kinds.get(kind);
        if (known) known.rows.push(member);
        else kinds.set(kind, { group: groupName, rows: [member] });
      }
    }
  }
  for (const [kind, members] of kinds) {
    const below = `${key}/${kind}`;
    const open = members.rows.length < FOLD_FROM || unfolded.has(below);
    if (folded || !open || members.rows.length > UNFOLD_AT_MOST) {
      made.children.push(box(model, below, members.group, members.rows, unfolded, null));
    } else {
      const again = members.rows.length >= FOLD_FROM ? below : null;
      for (const row of members.rows)
        made.children.push(box(model, below, members.group, [row], unfolded, again));
    }
  }
  return made;
}

export function canUnfold(one: Box): boolean {
  return one.folded && one.rows.length <= UNFOLD_AT_MOST;
}

export function phasesOf(model: RunModel, one: Box): Int32Array {
  const counts = new Int32Array(PHASE_COUNT);
  for (const row of one.rows) counts[model.phase[row]!]!++;
  return counts;
}
