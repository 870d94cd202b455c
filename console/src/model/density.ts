import { isBad } from './phases';
import { type Node, ROOT, type RunModel } from './run';

/** How many actions were queued, waiting, starting and running over time, one number a bucket (averages). */
export interface Density {
  queued: Float32Array;
  waiting: Float32Array;
  starting: Float32Array;
  running: Float32Array;
  /** Buckets in which something failed. */
  failures: number[];
  /** The highest bucket of waiting, starting and running together. */
  top: number;
}

class Coverage {
  readonly values: Float32Array;
  private readonly steps: Float32Array;

  constructor(readonly buckets: number) {
    this.values = new Float32Array(buckets);
    this.steps = new Float32Array(buckets + 1);
  }

  /** An interval in bucket units. */
  add(from: number, to: number): void {
    const a = Math.max(0, from);
    const b = Math.min(this.buckets, to);
    if (!(b > a)) return;
    const first = Math.floor(a);
    const last = Math.floor(b);
    if (first === last) {
      this.values[first]! += b - a;
      return;
    }
    this.values[first]! += first + 1 - a;
    if (last < this.buckets) this.values[last]! += b - last;
    this.steps[first + 1]!++;
    this.steps[last]!--;
  }

  finish(): Float32Array {
    let level = 0;
    for (let i = 0; i < this.buckets; i++) {
      level += this.steps[i]!;
      this.values[i]! += level;
    }
    return this.values;
  }
}

/** The density of everything below a node between two moments; of leaves only, so that a waiting parent is not work. */
export function density(
  model: RunModel,
  node: Node,
  from: number,
  to: number,
  buckets: number,
  now: number,
): Density {
  const [queued, waiting, starting, running] = [0, 1, 2, 3].map(() => new Coverage(buckets)) as [
    Coverage,
    Coverage,
    Coverage,
    Coverage,
  ];
  const failures = new Set<number>();
  const scale = buckets / Math.max(1e-9, to - from);
  const at = (moment: number) => (moment - from) * scale;
  const rows = node === ROOT ? range(model.rows) : model.rowsBelow(node);
  for (const row of rows) {
    const end = model.ended[row]! < 0 ? now : model.ended[row]!;
    if (isBad(model.phase[row]!) && end >= from && end <= to) {
      failures.add(Math.min(buckets - 1, Math.max(0, Math.floor(at(end)))));
    }
    if (model.hasChildren(row)) continue;
    const r = model.running[row]!;
    const i = model.starting[row]!;
    const w = model.waiting[row]!;
    const q = model.queued[row]!;
    const beforeRun = r >= 0 ? r : end;
    const beforeStart = i >= 0 ? i : beforeRun;
    const beforeWait = w >= 0 ? w : beforeStart;
    if (r >= 0) running.add(at(r), at(end));
    if (i >= 0) starting.add(at(i), at(beforeRun));
    if (w >= 0) waiting.add(at(w), at(beforeStart));
    queued.add(at(q), at(beforeWait));
  }
  const result: Density = {
    queued: queued.finish(),
    waiting: waiting.finish(),
    starting: starting.finish(),
    running: running.finish(),
    failures: [...failures],
    top: 0,
  };
  for (let b = 0; b < buckets; b++) {
    result.top = Math.max(result.top, result.running[b]! + result.starting[b]! + result.waiting[b]!);
  }
  return result;
}

/** The largest number of leaves below a node that ran at one moment. */
export function peak(model: RunModel, node: Node, now: number): number {
  const most = node === ROOT ? model.rows : model.totalBelow(node);
  let [begins, ends] = [new Float64Array(most), new Float64Array(most)];
  let found = 0;
  for (const row of node === ROOT ? range(model.rows) : model.rowsBelow(node)) {
    if (model.hasChildren(row) || model.running[row]! < 0) continue;
    begins[found] = model.running[row]!;
    ends[found++] = model.ended[row]! < 0 ? now : model.ended[row]!;
  }
  begins = begins.subarray(0, found);
  ends = ends.subarray(0, found);
  begins.sort();
  ends.sort();
  let highest = 0;
  let ended = 0;
  for (let i = 0; i < found; i++) {
    while (ends[ended]! <= begins[i]!) ended++;
    highest = Math.max(highest, i + 1 - ended);
  }
  return highest;
}

function* range(end: number): Generator<number> {
  for (let i = 0; i < end; i++) yield i;
}
