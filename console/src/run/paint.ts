import { type Density, density, peak } from '../model/density';
import { count, duration } from '../model/format';
import { isBad, PAUSED, PHASE_TOKENS, RUNNING, STARTING, WAITING } from '../model/phases';
import type { Rows } from '../model/rows';
import { isGroup, KIND_CONDITION, KIND_TRACE, type Node, type RunModel } from '../model/run';

export const ROW = 28;

const LARGE = 2_000;

/** The part of the time axis on the screen: milliseconds since the run's creation. */
export interface Window {
  from: number;
  to: number;
}

export class Palette {
  private readonly style = getComputedStyle(document.documentElement);
  private readonly kept = new Map<string, string>();

  of(name: string): string {
    let value = this.kept.get(name);
    if (value === undefined) {
      value = this.style.getPropertyValue(`--${name}`).trim();
      this.kept.set(name, value);
    }
    return value;
  }

  bar(phase: number): string {
    return this.of(`bar-${PHASE_TOKENS[phase]}`);
  }
}

/** Changes when strips must be computed again: of a large run under way once a second. */
export function stampOf(model: RunModel, now: number): string {
  if (model.finished) return `${model.version}`;
  const second = Math.floor(now / 1000);
  return model.rows > LARGE ? `${second}` : `${model.version}/${second}`;
}

/** Strips of collapsed containers, computed again only when the zoom, the run or the second changes. */
export class Strips {
  private key = '';
  private readonly kept = new Map<Node, { strip: Density; peak: number }>();

  of(model: RunModel, node: Node, window: Window, width: number, now: number) {
    const key = `${window.from}/${window.to}/${width}/${stampOf(model, now)}`;
    if (key !== this.key) {
      this.key = key;
      this.kept.clear();
    }
    let found = this.kept.get(node);
    if (!found) {
      found = {
        strip: density(model, node, window.from, window.to, width, now),
        peak: peak(model, node, now),
      };
      this.kept.set(node, found);
    }
    return found;
  }
}

export interface Scene {
  model: RunModel;
  rows: Rows;
  isOpen: (node: Node) => boolean;
  scrollTop: number;
  width: number;
  height: number;
  window: Window;
  now: number;
  /** Where the lines of the time axis are. */
  ticks: readonly number[];
  /** Where time is left out, and how much. */
  gaps: readonly (readonly [from: number, to: number, length: number])[];
  palette: Palette;
  strips: Strips;
  /** Stretches of the critical path by row, and the arrows of the chosen action; null: not shown. */
  paths: Paths | null;
}

export interface Paths {
  stretches: ReadonlyMap<number, readonly (readonly [from: number, to: number])[]>;
  /** In the order in which the path goes through them: row and moment at which it enters. */
  steps: readonly (readonly [row: number, at: number])[];
  arrows: readonly (readonly [source: number, target: number, exact: boolean])[];
}

export function prepare(
  canvas: HTMLCanvasElement,
  width: number,
  height: number,
): CanvasRenderingContext2D | null {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext('2d');
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  context?.clearRect(0, 0, width, height);
  return context;
}

const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1.5e4, 3e4, 6e4, 1.2e5, 3e5, 6e5, 9e5, 1.8e6, 3.6e6,
  7.2e6, 1.08e7, 2.16e7, 4.32e7, 8.64e7, 1.728e8, 6.048e8, 1.2096e9, 2.592e9, 7.776e9, 3.1536e10,
];

/** Round moments of a part of the axis, about `every` pixels apart on the whole of it. */
export function ticks(window: Window, width: number, part = window, every = 110): number[] {
  const wanted = ((window.to - window.from) / Math.max(1, width)) * every;
  const step = STEPS.find(candidate => candidate >= wanted) ?? STEPS[STEPS.length - 1]!;
  const found: number[] = [];
  for (let at = Math.ceil(part.from / step) * step; at <= part.to; at += step) found.push(at);
  return found;
}

/** The label of a tick: 5m, 5m 30s, 1h 20m, 7d, 250ms. */
export function tickLabel(at: number): string {
  if (at < 1000) return `${Math.round(at)}ms`;
  if (at < 60_000) return `${Number((at / 1000).toFixed(3))}s`;
  const seconds = Math.round(at / 1000);
  const [d, h] = [Math.floor(seconds / 86_400), Math.floor((seconds % 86_400) / 3600)];
  const [m, s] = [Math.floor((seconds % 3600) / 60), seconds % 60];
  return [d && `${d}d`, h && `${h}h`, m && `${m}m`, s && `${s}s`].filter(Boolean).join(' ') || '0';
}

export function paintRows(context: CanvasRenderingContext2D, scene: Scene): void {
  const { model, rows, scrollTop, width, height, window, palette, now } = scene;
  const scale = width / (window.to - window.from);
  const x = (at: number) => (at - window.from) * scale;

  context.fillStyle = palette.of('line');
  for (const at of scene.ticks) context.fillRect(Math.round(x(at)), 0, 1, height);
  for (const [from, to] of scene.gaps) {
    context.fillStyle = palette.of('bar-pale');
    context.globalAlpha = 0.5;
    context.fillRect(x(from), 0, x(to) - x(from), height);
    context.globalAlpha = 1;
  }

  const first = Math.max(0, Math.floor(scrollTop / ROW));
  const last = Math.min(rows.nodes.length, Math.ceil((scrollTop + height) / ROW));
  for (let i = first; i < last; i++) {
    const node = rows.nodes[i]!;
    const y = i * ROW - scrollTop + ROW / 2;
    if (model.hasChildren(node) && scene.isOpen(node)) paintBracket(context, scene, node, y, x);
    else if (model.hasChildren(node)) paintStrip(context, scene, node, y, x);
    else paintBar(context, scene, node, y, x);
  }
  if (scene.paths) paintPaths(context, scene, scene.paths, x);
  if (!model.finished && now <= window.to) {
    context.fillStyle = palette.bar(RUNNING);
    context.globalAlpha = 0.55;
    context.fillRect(Math.round(x(now)), 0, 1.5, height);
    context.globalAlpha = 1;
  }
}

type Scale = (at: number) => number;

/** The critical path as a line under its rows, and arrows from and to the chosen action. */
function paintPaths(context: CanvasRenderingContext2D, scene: Scene, paths: Paths, x: Scale): void {
  const { model, rows, scrollTop, height, palette, now } = scene;
  const first = Math.max(0, Math.floor(scrollTop / ROW));
  const last = Math.min(rows.nodes.length, Math.ceil((scrollTop + height) / ROW));
  const place = new Map<Node, number>();
  for (let i = first; i < last; i++) place.set(rows.nodes[i]!, i * ROW - scrollTop + ROW / 2);
  /** The row itself, or the collapsed container that it is in. */
  const shown = (row: number): number | undefined => {
    for (let node: Node = row; node !== -1; node = model.above(node)) {
      const y = place.get(node);
      if (y !== undefined) return node === row || !scene.isOpen(node) ? y : undefined;
    }
    return undefined;
  };
  context.fillStyle = palette.of('accent');
  for (const [row, stretches] of paths.stretches) {
    const y = shown(row);
    if (y === undefined) continue;
    for (const [from, to] of stretches) context.fillRect(x(from), y + 9.5, Math.max(1, x(to) - x(from)), 2);
  }
  context.globalAlpha = 0.35;
  let before: number | undefined;
  for (const [row, at] of paths.steps) {
    const y = shown(row);
    if (y !== undefined && before !== undefined && y !== before) {
      context.fillRect(x(at), Math.min(y, before) + 9.5, 1.5, Math.abs(y - before));
    }
    before = y ?? before;
  }
  context.globalAlpha = 1;
  context.strokeStyle = palette.of('text-2');
  context.fillStyle = palette.of('text-2');
  context.lineWidth = 1.25;
  for (const [source, target, exact] of paths.arrows) {
    const [y0, y1] = [place.get(source), place.get(target)];
    if (y0 === undefined || y1 === undefined) continue;
    const [x0, x1] = [x(model.ended[source]! < 0 ? now : model.ended[source]!), x(model.queued[target]!)];
    context.setLineDash(exact ? [] : [3, 3]);
    context.beginPath();
    context.moveTo(x0, y0);
    context.bezierCurveTo(x0 + 26, y0, x1 - 26, y1, x1 - 4, y1);
    context.stroke();
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x1 - 6, y1 - 3.5);
    context.lineTo(x1 - 6, y1 + 3.5);
    context.fill();
  }
}

function box(
  context: CanvasRenderingContext2D,
  x0: number,
  x1: number,
  y: number,
  h: number,
  radius: number,
): void {
  const w = Math.max(2, x1 - x0);
  context.beginPath();
  context.roundRect(x0, y - h / 2, w, h, Math.min(radius, w / 2));
  context.fill();
}

function paintBar(context: CanvasRenderingContext2D, scene: Scene, row: number, y: number, x: Scale): void {
  const { model, palette, now, width } = scene;
  const end = model.ended[row]! < 0 ? now : model.ended[row]!;
  const [q, w, i, r] = [model.queued[row]!, model.waiting[row]!, model.starting[row]!, model.running[row]!];
  if (x(end) < -40 || x(q) > width + 40) return;
  const beforeRun = r >= 0 ? r : end;
  const beforeStart = i >= 0 ? i : beforeRun;
  const beforeWait = w >= 0 ? w : beforeStart;
  const phase = model.phase[row]!;
  const kind = model.kind[row]!;

  if (kind === KIND_CONDITION) {
    context.fillStyle = palette.bar(PAUSED);
    box(context, x(q), x(end), y, 13, 3);
  } else {
    if (beforeWait > q || r < 0) {
      context.fillStyle = palette.bar(1);
      context.fillRect(x(q), y - 4, 1.5, 8);
      context.fillRect(x(q), y - 0.75, Math.max(1, x(beforeWait) - x(q)), 1.5);
    }
    if (w >= 0 && beforeStart > w) paintHatched(context, x(w), x(beforeStart), y, palette);
    if (i >= 0 && beforeRun >= i) {
      context.fillStyle = palette.bar(STARTING);
      context.fillRect(x(i), y - 4, Math.max(1, x(beforeRun) - x(i)), 8);
    }
    if (r >= 0) {
      context.fillStyle = palette.bar(phase);
      box(context, x(r), x(end), y, kind === KIND_TRACE ? 8 : 13, 3);
    }
    context.fillStyle = palette.of('panel');
    for (const cut of model.cuts.get(row) ?? []) context.fillRect(x(cut) - 1, y - 7, 2, 14);
  }
  if (isBad(phase)) paintCross(context, x(end) + 8, y, palette.bar(phase));
}

function paintHatched(
  context: CanvasRenderingContext2D,
  x0: number,
  x1: number,
  y: number,
  palette: Palette,
): void {
  const w = Math.max(2, x1 - x0);
  context.save();
  context.beginPath();
  context.rect(x0, y - 6, w, 12);
  context.clip();
  context.globalAlpha = 0.45;
  context.fillStyle = palette.bar(WAITING);
  context.fillRect(x0, y - 6, w, 12);
  context.globalAlpha = 1;
  context.strokeStyle = palette.bar(WAITING);
  context.lineWidth = 1.2;
  context.beginPath();
  const begin = Math.max(x0, -10);
  for (let at = begin - 12; at < Math.min(x1, 6000); at += 5) {
    context.moveTo(at, y + 6);
    context.lineTo(at + 12, y - 6);
  }
  context.stroke();
  context.restore();
}

function paintCross(context: CanvasRenderingContext2D, x: number, y: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x - 3, y - 3);
  context.lineTo(x + 3, y + 3);
  context.moveTo(x + 3, y - 3);
  context.lineTo(x - 3, y + 3);
  context.stroke();
}

function paintBracket(
  context: CanvasRenderingContext2D,
  scene: Scene,
  node: Node,
  y: number,
  x: Scale,
): void {
  const { model, palette, now } = scene;
  const [begin, end] = model.spanOf(node, now);
  const phase = model.phaseOf(node);
  if (isGroup(node)) {
    context.fillStyle = palette.of('line-strong');
    box(context, x(begin), x(end), y, 4, 2);
    return;
  }
  const r = model.running[node]!;
  const i = model.starting[node]!;
  const from = r >= 0 ? r : begin;
  if (from > begin) {
    const launched = i >= 0 && i < from ? i : from;
    context.fillStyle = palette.bar(1);
    context.fillRect(x(begin), y - 0.75, Math.max(1, x(launched) - x(begin)), 1.5);
    context.fillStyle = palette.bar(STARTING);
    context.fillRect(x(launched), y - 3, x(from) - x(launched), 6);
  }
  context.fillStyle = palette.bar(phase);
  box(context, x(from), x(end), y, 6, 2);
  context.fillRect(x(from), y - 6, 2, 12);
  context.fillRect(Math.max(x(from), x(end) - 2), y - 6, 2, 12);
  context.fillStyle = palette.of('panel');
  for (const cut of model.cuts.get(node) ?? []) context.fillRect(x(cut) - 1, y - 4, 2, 8);
  if (isBad(phase)) paintCross(context, x(end) + 8, y, palette.bar(phase));
}

function paintStrip(context: CanvasRenderingContext2D, scene: Scene, node: Node, y: number, x: Scale): void {
  const { model, palette, width, window, now } = scene;
  const [begin, end] = model.spanOf(node, now);
  if (x(end) < 0 || x(begin) > width) return;
  const buckets = Math.max(1, Math.floor(width));
  const { strip, peak: most } = scene.strips.of(model, node, window, buckets, now);
  const [top, bottom] = [y - 8, y + 8];
  const left = Math.max(0, x(begin));
  const right = Math.min(width, Math.max(x(end), left + 2));
  context.fillStyle = palette.of('bar-pale');
  context.fillRect(left, top, right - left, bottom - top);
  paintStack(context, strip, top, bottom, palette, model.phaseOf(node), strip.top || 1);
  paintFailures(context, strip.failures, top - 2, palette);
  const text = most > 1 ? `peak ${count(most)} at once` : duration(end - begin);
  context.font = '12px Inter, sans-serif';
  context.fillStyle = palette.of('text-3');
  const room = context.measureText(text).width + 10;
  if (x(end) + room < width) context.fillText(text, x(end) + 8, y + 4);
  else if (x(begin) > room) context.fillText(text, x(begin) - room + 2, y + 4);
}

/** Running, starting and waiting stacked from the bottom; one column a pixel. */
function paintStack(
  context: CanvasRenderingContext2D,
  strip: Density,
  top: number,
  bottom: number,
  palette: Palette,
  phase: number,
  full: number,
): void {
  const scale = (bottom - top) / full;
  const layers: [Float32Array, string][] = [
    [strip.running, palette.bar(phase === 5 || phase === 10 ? 5 : isBad(phase) ? 5 : 4)],
    [strip.starting, palette.bar(STARTING)],
    [strip.waiting, palette.bar(WAITING)],
  ];
  const base = new Float32Array(strip.running.length);
  for (const [values, colour] of layers) {
    context.fillStyle = colour;
    context.beginPath();
    for (let i = 0; i < values.length; i++) {
      if (values[i]! <= 0) continue;
      const h = Math.max(i === 0 || base[i] === 0 ? 1 : 0, values[i]! * scale);
      context.rect(i, bottom - base[i]! - h, 1, h);
      base[i]! += h;
    }
    context.fill();
  }
}

function paintFailures(context: CanvasRenderingContext2D, at: number[], top: number, palette: Palette): void {
  context.fillStyle = palette.bar(6);
  for (const bucket of at) context.fillRect(bucket - 0.5, top, 2, 5);
}

/** The whole run in 46 pixels: what was in flight, what failed, which part is shown below. */
export function paintOverview(
  context: CanvasRenderingContext2D,
  scene: Scene,
  whole: Window,
  selection: Window | null,
): void {
  const { model, width, height, palette, now, strips } = scene;
  const { strip, peak: most } = strips.of(model, 0, whole, Math.max(1, Math.floor(width)), now);
  let queued = 1;
  for (const value of strip.queued) queued = Math.max(queued, value);
  context.fillStyle = palette.of('bar-pale');
  for (let i = 0; i < strip.queued.length; i++) {
    const h = (strip.queued[i]! / queued) * (height - 10);
    if (h > 0) context.fillRect(i, height - h, 1, h);
  }
  paintStack(context, strip, 12, height, palette, 4, strip.top || 1);
  paintFailures(context, strip.failures, 1, palette);
  if (most > 1) {
    context.font = '12px Inter, sans-serif';
    const text = `peak ${count(most)} at once`;
    context.fillStyle = palette.of('panel');
    context.globalAlpha = 0.8;
    box(context, 3, 11 + context.measureText(text).width, 11, 16, 4);
    context.globalAlpha = 1;
    context.fillStyle = palette.of('text-2');
    context.fillText(text, 7, 15);
  }
  if (selection) {
    const scale = width / (whole.to - whole.from);
    const [a, b] = [(selection.from - whole.from) * scale, (selection.to - whole.from) * scale];
    context.fillStyle = palette.of('panel');
    context.globalAlpha = 0.65;
    context.fillRect(0, 0, a, height);
    context.fillRect(b, 0, width - b, height);
    context.globalAlpha = 1;
    context.strokeStyle = palette.of('accent');
    context.lineWidth = 1.5;
    context.strokeRect(a + 0.75, 0.75, Math.max(2, b - a - 1.5), height - 1.5);
  }
}
