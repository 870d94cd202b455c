import { isBad, PHASE_COUNT, QUEUED, RUNNING, STARTING, WAITING } from './phases';
import { type Cause, isGroup, type Node, type RunModel } from './run';

/** How long an action stood in each phase on its way, in milliseconds, by phase number. */
export function timeSpent(model: RunModel, row: number, now: number): [phase: number, ms: number][] {
  const end = model.ended[row]! < 0 ? now : model.ended[row]!;
  const [q, w, i, r] = [model.queued[row]!, model.waiting[row]!, model.starting[row]!, model.running[row]!];
  const beforeRun = r >= 0 ? r : end;
  const beforeStart = i >= 0 ? i : beforeRun;
  const beforeWait = w >= 0 ? w : beforeStart;
  const spent: [number, number][] = [[QUEUED, beforeWait - q]];
  if (w >= 0) spent.push([WAITING, beforeStart - w]);
  if (i >= 0) spent.push([STARTING, beforeRun - i]);
  if (r >= 0) spent.push([RUNNING, end - r]);
  return spent.map(([phase, ms]) => [phase, Math.max(0, ms)]);
}

export interface GroupStats {
  counts: Int32Array;
  total: number;
  causes: { cause: Cause; count: number; example: number }[];
  /** Of members that ran and ended. */
  runTimes: { p50: number; p95: number; max: number; histogram: number[]; upTo: number } | null;
  average: { queued: number; starting: number; running: number } | null;
  slowest: number[];
}

const BUCKETS = 40;
const SLOWEST = 5;
/** So many must have ended before a distribution says anything. */
const ENOUGH = 8;

/** What many actions have in common: of a group its members, of an action its children. */
export function groupStats(model: RunModel, node: Node): GroupStats {
  const counts = new Int32Array(PHASE_COUNT);
  const causes = new Map<number, { cause: Cause; count: number; example: number }>();
  const members = model.childrenOf(node);
  const timed = new Float64Array(members.length);
  const slowest: number[] = [];
  const lengthOf = (row: number) => model.ended[row]! - model.running[row]!;
  const sums = { queued: 0, starting: 0, running: 0 };
  let [total, n] = [0, 0];
  for (const row of members) {
    if (isGroup(row)) continue;
    total++;
    counts[model.phase[row]!]!++;
    const cause = isBad(model.phase[row]!) ? model.causeOf(row) : undefined;
    if (cause) {
      const known = causes.get(model.error[row]!);
      if (known) known.count++;
      else causes.set(model.error[row]!, { cause, count: 1, example: row });
    }
    const [start, run] = [model.starting[row]!, model.running[row]!];
    if (run < 0 || model.ended[row]! < 0) continue;
    const ms = lengthOf(row);
    timed[n++] = ms;
    if (slowest.length < SLOWEST || ms > lengthOf(slowest[SLOWEST - 1]!)) {
      slowest.splice(slowest.findLastIndex(other => lengthOf(other) >= ms) + 1, 0, row);
      slowest.length = Math.min(slowest.length, SLOWEST);
    }
    const begun = start >= 0 ? start : run;
    sums.queued += begun - model.queued[row]!;
    sums.starting += run - begun;
    sums.running += ms;
  }
  const sorted = timed.subarray(0, n).sort();
  const at = (share: number) => sorted[Math.min(n - 1, Math.floor(share * n))]!;
  let runTimes: GroupStats['runTimes'] = null;
  if (n >= ENOUGH) {
    const max = sorted[n - 1]!;
    // A single straggler must not squeeze all others into one bar.
    const upTo = Math.max(1, Math.min(max, at(0.95) * 1.6));
    const histogram = new Array<number>(BUCKETS).fill(0);
    for (const ms of sorted) histogram[Math.min(BUCKETS - 1, Math.floor((ms / upTo) * BUCKETS))]!++;
    runTimes = { p50: at(0.5), p95: at(0.95), max, histogram, upTo };
  }
  return {
    counts,
    total,
    causes: [...causes.values()].sort((a, b) => b.count - a.count),
    runTimes,
    average:
      n >= ENOUGH
        ? { queued: sums.queued / n, starting: sums.starting / n, running: sums.running / n }
        : null,
    slowest,
  };
}
