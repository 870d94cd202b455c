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
/** So many must have ended before a distribution says anything. */
const ENOUGH = 8;

/** What many actions have in common: of a group its members, of an action its children. */
export function groupStats(model: RunModel, node: Node): GroupStats {
  const counts = new Int32Array(PHASE_COUNT);
  const causes = new Map<number, { cause: Cause; count: number; example: number }>();
  const timed: { row: number; ms: number }[] = [];
  const sums = { queued: 0, starting: 0, running: 0 };
  let total = 0;
  for (const row of model.childrenOf(node)) {
    if (isGroup(row)) continue;
    total++;
    counts[model.phase[row]!]!++;
    const cause = isBad(model.phase[row]!) ? model.causeOf(row) : undefined;
    if (cause) {
      const known = causes.get(model.error[row]!);
      if (known) known.count++;
      else causes.set(model.error[row]!, { cause, count: 1, example: row });
    }
    if (model.running[row]! < 0 || model.ended[row]! < 0) continue;
    timed.push({ row, ms: model.ended[row]! - model.running[row]! });
    for (const [phase, ms] of timeSpent(model, row, 0)) {
      if (phase === STARTING) sums.starting += ms;
      else if (phase === RUNNING) sums.running += ms;
      else sums.queued += ms;
    }
  }
  timed.sort((a, b) => a.ms - b.ms);
  const at = (share: number) => timed[Math.min(timed.length - 1, Math.floor(share * timed.length))]!.ms;
  let runTimes: GroupStats['runTimes'] = null;
  if (timed.length >= ENOUGH) {
    const max = timed[timed.length - 1]!.ms;
    // A single straggler must not squeeze all others into one bar.
    const upTo = Math.max(1, Math.min(max, at(0.95) * 1.6));
    const histogram = new Array<number>(BUCKETS).fill(0);
    for (const { ms } of timed) histogram[Math.min(BUCKETS - 1, Math.floor((ms / upTo) * BUCKETS))]!++;
    runTimes = { p50: at(0.5), p95: at(0.95), max, histogram, upTo };
  }
  const n = timed.length;
  return {
    counts,
    total,
    causes: [...causes.values()].sort((a, b) => b.count - a.count),
    runTimes,
    average:
      n >= ENOUGH
        ? { queued: sums.queued / n, starting: sums.starting / n, running: sums.running / n }
        : null,
    slowest: timed
      .slice(-5)
      .reverse()
      .map(({ row }) => row),
  };
}
