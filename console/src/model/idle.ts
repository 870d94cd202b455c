import { KIND_CONDITION, type RunModel } from './run';

/** A stretch of time, milliseconds since the run's creation. */
export interface Gap {
  from: number;
  to: number;
}

/** A gap takes at least this part of the whole; shorter ones disturb nobody. */
const LARGE = 0.04;
/** What is left of each gap, as a part of the time in which something went on. */
const LEFT = 0.03;

/** When some action waited for a person, and nothing else was under way. */
export function idleGaps(model: RunModel, now: number): Gap[] {
  if (!model.kind.subarray(0, model.rows).includes(KIND_CONDITION)) return [];
  const [asked, others]: [Gap[], Gap[]] = [[], []];
  for (let row = 0; row < model.rows; row++) {
    if (model.hasChildren(row)) continue;
    const to = model.ended[row]! < 0 ? now : model.ended[row]!;
    (model.kind[row] === KIND_CONDITION ? asked : others).push({ from: model.queued[row]!, to });
  }
  const least = LARGE * model.extent(now);
  const busy = union(others);
  return union(asked)
    .flatMap(gap => without(gap, busy))
    .filter(({ from, to }) => to - from > least);
}

/** Stretches that overlap made one, in order. */
function union(stretches: Gap[]): Gap[] {
  const found: Gap[] = [];
  for (const { from, to } of stretches.sort((a, b) => a.from - b.from)) {
    const last = found[found.length - 1];
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else found.push({ from, to });
  }
  return found;
}

/** What is left of a stretch; what is taken away is in order. */
function without({ from, to }: Gap, taken: readonly Gap[]): Gap[] {
  const found: Gap[] = [];
  let at = from;
  for (const gap of taken) {
    if (gap.to <= at || gap.from >= to) continue;
    if (gap.from > at) found.push({ from: at, to: gap.from });
    at = gap.to;
  }
  if (at < to) found.push({ from: at, to });
  return found;
}

/** A time axis from which most of the gaps is left out. */
export class Squeeze {
  private readonly left: number;
  /** What comes after the whole is as much shorter as the whole is. */
  private readonly rest: number;

  constructor(
    readonly gaps: readonly Gap[],
    private readonly whole: number,
  ) {
    this.rest = 1;
    this.left = LEFT * gaps.reduce((rest, gap) => rest - (gap.to - gap.from), whole);
    this.rest = this.to(whole) / whole;
  }

  /** Where a moment is on the axis. */
  to(at: number): number {
    if (at > this.whole) return this.to(this.whole) + (at - this.whole) * this.rest;
    let shift = 0;
    for (const gap of this.gaps) {
      const length = gap.to - gap.from;
      const left = Math.min(this.left, length);
      if (at <= gap.from) break;
      if (at < gap.to) return gap.from - shift + ((at - gap.from) / length) * left;
      shift += length - left;
    }
    return at - shift;
  }

  /** What is left of a stretch of time without the gaps. */
  around({ from, to }: Gap): Gap[] {
    return without({ from, to: Math.min(to, this.whole) }, this.gaps);
  }

  /** Which moment is at a place of the axis. */
  from(place: number): number {
    const end = this.to(this.whole);
    if (place > end) return this.whole + (place - end) / this.rest;
    let shift = 0;
    for (const gap of this.gaps) {
      const length = gap.to - gap.from;
      const left = Math.min(this.left, length);
      const begin = gap.from - shift;
      if (place <= begin) break;
      if (place < begin + left) return gap.from + ((place - begin) / left) * length;
      shift += length - left;
    }
    return place + shift;
  }
}

const MOMENTS = ['queued', 'waiting', 'starting', 'running', 'ended'] as const;

/** The run with its moments at their places on the axis: for what is drawn, not for what is said. */
export function squeezed(model: RunModel, squeeze: Squeeze): RunModel {
  const at = (moment: number) => (moment < 0 ? moment : squeeze.to(moment));
  const view = Object.create(model) as RunModel;
  for (const name of MOMENTS) view[name] = model[name].subarray(0, model.rows).map(at);
  const cuts = new Map([...model.cuts].map(([row, moments]) => [row, moments.map(at)]));
  return Object.defineProperty(view, 'cuts', { value: cuts });
}
