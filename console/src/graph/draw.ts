import type { RunModel } from '../model/run';
import { type Arrow, arrowsOf, itemOfRows } from './arrows';
import type { Flow } from './flow';
import { everything, foldRun, type Item, type Said } from './fold';
import { type Layout, layOut } from './layout';

/** All that is on the sheet. */
export interface Drawing extends Layout {
  items: Item[];
  arrows: Arrow[];
  /** Time on the critical path of what a box shows, milliseconds; frames have their own code's only. */
  onPath: Map<Item, number>;
  /** The number of the item that shows a row. */
  itemOf: Int32Array;
}

const EMPTY: Layout = { places: [], routes: [], width: 0, height: 0 };

/** A run as boxes and arrows; without `flow` as boxes alone. */
export function drawRun(model: RunModel, flow: Flow | null, said: Said): Drawing {
  const root = foldRun(model, said);
  if (!root) return { ...EMPTY, items: [], arrows: [], onPath: new Map(), itemOf: new Int32Array(0) };
  const items = [...everything(root)];
  const itemOf = itemOfRows(items, model);
  const arrows = flow ? arrowsOf(items, itemOf, model, flow) : [];
  const onPath = new Map<Item, number>();
  if (flow) {
    for (const [row, time] of flow.pathTime(flow.rowsIn(model))) {
      const item = items[itemOf[row]!]!;
      onPath.set(item, (onPath.get(item) ?? 0) + time);
    }
  }
  return { ...layOut(root, arrows, model), items, arrows, onPath, itemOf };
}
