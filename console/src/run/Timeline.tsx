import { Activity, ChevronDown, ChevronRight, User } from 'lucide-react';
import {
  memo,
  type PointerEvent,
  type UIEvent,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { RunKey } from '../api/types';
import { useSize } from '../app/hooks';
import { useTheme } from '../app/theme';
import { DATA, type Flow, INFERRED } from '../graph/flow';
import { compact, count, duration, elapsed } from '../model/format';
import { type Squeeze, squeezed } from '../model/idle';
import { isTerminal, PHASE_WORDS } from '../model/phases';
import type { Rows } from '../model/rows';
import { CACHE_HIT, isGroup, KIND_CONDITION, KIND_TRACE, type Node, type RunModel } from '../model/run';
import { Kbd } from '../ui/controls';
import { PhaseGlyph } from '../ui/PhaseGlyph';
import {
  Palette,
  type Paths,
  paintOverview,
  paintRows,
  prepare,
  ROW,
  type Scene,
  Strips,
  stampOf,
  tickLabel,
  ticks,
  type Window,
} from './paint';
import css from './Timeline.module.css';
import { useLabels } from './useLabels';

const OVERSCAN = 6;

export interface TimelineProps {
  run: RunKey;
  model: RunModel;
  version: number;
  rows: Rows;
  selected: Node | null;
  isOpen: (node: Node) => boolean;
  onSelect: (node: Node) => void;
  onToggle: (node: Node, open: boolean) => void;
  whole: Window;
  shown: Window;
  onZoom: (window: Window | null) => void;
  /** Whether the time axis follows the rows on the screen. */
  follow: boolean;
  flow: Flow | null;
  /** The time axis without its gaps; null: all of it is shown. */
  squeeze?: Squeeze | null;
  now: number;
}

/** The tree and, row by row beside it, when everything happened. */
export function Timeline(props: TimelineProps) {
  const grid = useId();
  const { run, model, rows, selected, isOpen, onSelect, onToggle, whole, onZoom, flow, now } = props;
  const squeeze = props.squeeze ?? null;
  const [scroller, , height] = useSize<HTMLDivElement>();
  const [scrollTop, setScrollTop] = useState(0);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [head, headWidth] = useSize<HTMLDivElement>();
  const theme = useTheme();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what the variables hold
  const palette = useMemo(() => new Palette(), [theme]);
  const [strips] = useState(() => new Strips());
  const [overviewStrips] = useState(() => new Strips());
  const first = Math.max(0, Math.floor(scrollTop / ROW) - OVERSCAN);
  const last = Math.min(rows.nodes.length, Math.ceil((scrollTop + height) / ROW) + OVERSCAN);
  const wanted = props.follow
    ? windowOf(model, rows.nodes.slice(Math.ceil(scrollTop / ROW), Math.max(1, last - OVERSCAN)), isOpen, now)
    : null;
  const shown = useEased(wanted ?? props.shown, props.follow);
  const paths = useMemo(
    () => (flow ? pathsOf(flow, model, selected, squeeze) : null),
    [flow, model, selected, squeeze],
  );
  const drawn = useMemo(() => (squeeze ? squeezed(model, squeeze) : model), [model, squeeze]);
  const place = (at: number) => squeeze?.to(at) ?? at;
  const placed = ({ from, to }: Window): Window => ({ from: place(from), to: place(to) });
  const parts = squeeze?.around(shown) ?? [shown];
  const marks = parts.flatMap(part => ticks(placed(shown), headWidth, part));
  const gaps = (squeeze?.gaps ?? []).map(({ from, to }) => [place(from), place(to), to - from] as const);
  const scene: Scene = {
    model: drawn,
    rows,
    isOpen,
    scrollTop,
    width: headWidth,
    height,
    window: placed(shown),
    now: place(now),
    ticks: marks.map(place),
    gaps,
    palette,
    strips,
    paths,
  };

  useLayoutEffect(() => {
    const context = canvas.current && headWidth > 0 && prepare(canvas.current, headWidth, height);
    if (context) paintRows(context, scene);
  });

  const at = selected === null ? -1 : rows.nodes.indexOf(selected);
  useEffect(() => {
    const element = scroller.current;
    if (!element || at < 0 || !height) return;
    const top = at * ROW;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + ROW > element.scrollTop + element.clientHeight) {
      element.scrollTop = top + ROW - element.clientHeight;
    }
  }, [at, height, scroller]);

  const label = useLabels(run, model, rows.nodes.slice(first, last));
  // A row that leaves the screen becomes the one that comes: making elements costs most of a frame.
  const slots = Math.ceil(height / ROW) + 2 * OVERSCAN + 1;
  const visible = [];
  for (let i = first; i < last; i++) {
    const node = rows.nodes[i]!;
    visible.push(
      <Row
        key={i % slots}
        grid={grid}
        model={model}
        node={node}
        index={i}
        depth={rows.depths[i]!}
        open={model.hasChildren(node) ? isOpen(node) : null}
        selected={node === selected}
        label={label(node)}
        stamp={rowStamp(model, node, now)}
        now={now}
        onSelect={onSelect}
        onToggle={onToggle}
      />,
    );
  }
  return (
    <div className={css.timeline}>
      <div className={css.head}>
        <div className={css.headTree}>
          <div className={css.hint}>
            Drag on the overview to zoom · <Kbd>W</Kbd> <Kbd>S</Kbd> zoom · <Kbd>0</Kbd> all
          </div>
          <div className={css.columns}>
            <span>Action</span>
            <span>Duration</span>
          </div>
        </div>
        <div className={css.headTime} ref={head}>
          <Overview
            scene={{ ...scene, strips: overviewStrips }}
            stamp={`${stampOf(model, now)}/${headWidth}/${theme}`}
            whole={placed(whole)}
            shown={placed(shown)}
            moment={squeeze}
            onZoom={onZoom}
          />
          <Axis marks={marks} scene={scene} live={!model.finished} />
        </div>
      </div>
      <div
        ref={scroller}
        className={css.scroller}
        role="treegrid"
        aria-label={`Actions of ${run.name}`}
        aria-rowcount={rows.nodes.length}
        aria-activedescendant={at >= first && at < last ? `${grid}-${selected}` : undefined}
        tabIndex={0}
        data-testid="tree"
        onScroll={(event: UIEvent<HTMLDivElement>) => setScrollTop(event.currentTarget.scrollTop)}
      >
        <div className={css.sticky} aria-hidden="true">
          <canvas ref={canvas} style={{ width: headWidth, height }} />
        </div>
        <Ancestors model={model} node={rows.nodes[Math.floor(scrollTop / ROW)]} onSelect={onSelect} />
        <div style={{ height: rows.nodes.length * ROW }}>{visible}</div>
      </div>
    </div>
  );
}

/** Where the rows at the top belong, while what they belong to is scrolled away. */
function Ancestors({
  model,
  node,
  onSelect,
}: {
  model: RunModel;
  node: Node | undefined;
  onSelect: (node: Node) => void;
}) {
  const path: Node[] = [];
  for (let above = node === undefined ? -1 : model.above(node); above !== -1; above = model.above(above)) {
    path.unshift(above);
  }
  if (!path.length) return null;
  return (
    <div className={css.pinned} aria-hidden="true">
      {path.map((above, i) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the arrow keys lead there, too
        // biome-ignore lint/a11y/noStaticElementInteractions: a target for the pointer
        <span key={above} onClick={() => onSelect(above)}>
          {i > 0 && ' › '}
          {model.nameOf(above)}
        </span>
      ))}
    </div>
  );
}

/** The time in which the rows on the screen happened, open containers left out: their members are there. */
function windowOf(
  model: RunModel,
  nodes: readonly Node[],
  isOpen: (node: Node) => boolean,
  now: number,
): Window | null {
  let [from, to] = [Number.POSITIVE_INFINITY, 0];
  for (const node of nodes) {
    if (model.hasChildren(node) && isOpen(node)) continue;
    const [begin, end] = model.spanOf(node, now);
    from = Math.min(from, begin);
    to = Math.max(to, end);
  }
  if (to <= from) return null;
  const room = (to - from) * 0.04;
  return { from: Math.max(0, from - room), to: to + room };
}

const EASE_MS = 180;

/** The window, reached in a few frames when it jumps; at once where people want less motion. */
function useEased(target: Window, on: boolean): Window {
  const [shown, setShown] = useState(target);
  const at = useRef(shown);
  const { from, to } = target;
  useEffect(() => {
    if (!on) return;
    const start = at.current;
    const begin = performance.now();
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    let frame = 0;
    const step = () => {
      const part = still ? 1 : Math.min(1, (performance.now() - begin) / EASE_MS);
      const eased = 1 - (1 - part) ** 3;
      at.current = { from: start.from + (from - start.from) * eased, to: start.to + (to - start.to) * eased };
      setShown(at.current);
      if (part < 1) frame = requestAnimationFrame(step);
    };
    step();
    return () => cancelAnimationFrame(frame);
  }, [on, from, to]);
  if (!on) at.current = target;
  return on ? shown : target;
}

/** The critical path and the chosen action's data flow, by row. */
function pathsOf(flow: Flow, model: RunModel, selected: Node | null, squeeze: Squeeze | null): Paths {
  const place = (at: number) => squeeze?.to(at) ?? at;
  const rowOf = flow.rowsIn(model);
  const stretches = new Map<number, [number, number][]>();
  const steps: [number, number][] = [];
  for (let i = 0; i < flow.pathAction.length; i++) {
    const row = rowOf[flow.pathAction[i]!]!;
    if (row < 0) continue;
    const stretch: [number, number] = [place(flow.pathBegin[i]!), place(flow.pathEnd[i]!)];
    const known = stretches.get(row);
    if (known) known.push(stretch);
    else stretches.set(row, [stretch]);
    if (steps[steps.length - 1]?.[0] !== row) steps.push([row, stretch[0]]);
  }
  const arrows: [number, number, boolean][] = [];
  for (let i = 0; i < flow.source.length && arrows.length < 400; i++) {
    const [source, target] = [rowOf[flow.source[i]!]!, rowOf[flow.target[i]!]!];
    if (flow.relation[i] === DATA && (source === selected || target === selected)) {
      arrows.push([source, target, flow.confidence[i] !== INFERRED]);
    }
  }
  return { stretches, steps, arrows };
}

/** What a row shows that can change: rows whose stamp stays are not rendered again. */
function rowStamp(model: RunModel, node: Node, now: number): string {
  const live = !isTerminal(model.phaseOf(node));
  const base = `${model.phaseOf(node)}/${live ? Math.floor(now / 1000) : 0}`;
  if (!model.hasChildren(node)) return base;
  return `${base}/${model.totalBelow(node)}/${model.failedBelow(node)}`;
}

interface RowProps {
  grid: string;
  model: RunModel;
  node: Node;
  index: number;
  depth: number;
  open: boolean | null;
  selected: boolean;
  label: string;
  stamp: string;
  now: number;
  onSelect: (node: Node) => void;
  onToggle: (node: Node, open: boolean) => void;
}

const Row = memo(
  function Row({
    grid,
    model,
    node,
    index,
    depth,
    open,
    selected,
    label,
    now,
    onSelect,
    onToggle,
  }: RowProps) {
    const group = isGroup(node);
    const phase = model.phaseOf(node);
    const kind = group ? -1 : model.kind[node]!;
    const below = open === null ? 0 : model.totalBelow(node);
    const failed = open === null ? 0 : model.failedBelow(node);
    const attempts = group ? 1 : model.attempts[node]!;
    const [begin, end] = model.spanOf(node, now);
    const length = isTerminal(phase) ? duration(end - begin) : elapsed(end - begin);
    return (
      // Keys are handled by the page for the row that aria-activedescendant names.
      // biome-ignore lint/a11y/useKeyWithClickEvents: one tab stop for the whole grid
      // biome-ignore lint/a11y/useFocusableInteractive: focus stays on the grid
      <div
        className={css.row}
        role="row"
        id={`${grid}-${node}`}
        aria-level={depth + 1}
        aria-rowindex={index + 1}
        aria-selected={selected}
        aria-expanded={open ?? undefined}
        data-selected={selected}
        data-action={model.idOf(node)}
        style={{ top: index * ROW }}
        onClick={() => onSelect(node)}
        onDoubleClick={() => open !== null && onToggle(node, !open)}
      >
        {/* biome-ignore lint/a11y/useFocusableInteractive: focus stays on the grid */}
        <div className={css.name} role="gridcell" style={{ paddingLeft: 10 + depth * 15 }}>
          {open === null ? (
            <span className={css.chevron} />
          ) : (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the arrow keys do this
            // biome-ignore lint/a11y/noStaticElementInteractions: a pointer target; aria-expanded is on the row
            <span
              className={css.chevron}
              onClick={event => {
                event.stopPropagation();
                onToggle(node, !open);
              }}
            >
              {open ? <ChevronDown size={15} /> : <ChevronRight size={15} />}
            </span>
          )}
          <PhaseGlyph phase={phase} />
          {kind === KIND_TRACE && <Activity size={13} className={css.kind} aria-label="trace" />}
          {kind === KIND_CONDITION && <User size={13} className={css.ask} aria-label="condition" />}
          <span className={css.label} data-group={group}>
            {model.nameOf(node)}
          </span>
          {label && <span className={css.inputs}>{label}</span>}
          <span className="sr">
            {group ? 'group' : 'action'}, {PHASE_WORDS[phase]}
          </span>
          {below > 0 && (
            <span className={css.badge} title={`${count(below)} actions below`}>
              {compact(below)}
            </span>
          )}
          {failed > 0 && <span className={css.failed}>{count(failed)} failed</span>}
          {attempts > 1 && <span className={css.tag}>×{attempts}</span>}
          {!group && model.cache[node] === CACHE_HIT && <span className={css.tag}>cached</span>}
        </div>
        {/* biome-ignore lint/a11y/useFocusableInteractive: focus stays on the grid */}
        <div className={`${css.length} num`} role="gridcell">
          {length}
        </div>
      </div>
    );
  },
  (a, b) =>
    a.stamp === b.stamp &&
    a.label === b.label &&
    a.node === b.node &&
    a.index === b.index &&
    a.depth === b.depth &&
    a.open === b.open &&
    a.selected === b.selected &&
    a.model === b.model &&
    a.onSelect === b.onSelect &&
    a.onToggle === b.onToggle,
);

interface OverviewProps {
  scene: Scene;
  /** Of what is painted: unless it changes, nothing is painted again. */
  stamp: string;
  whole: Window;
  shown: Window;
  /** Tells which moment is at a place of the axis, where these differ. */
  moment: Squeeze | null;
  onZoom: (window: Window | null) => void;
}

const Overview = memo(function Overview({ scene, whole, shown, moment: squeeze, onZoom }: OverviewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const { width } = scene;
  const zoomed = shown.from > whole.from || shown.to < whole.to;
  const moment = (x: number) =>
    whole.from + (Math.min(width, Math.max(0, x)) / width) * (whole.to - whole.from);
  const dragged = drag && Math.abs(drag[1] - drag[0]) > 3 ? span(moment(drag[0]), moment(drag[1])) : null;
  useLayoutEffect(() => {
    const context = canvas.current && width > 0 && prepare(canvas.current, width, 46);
    if (context) paintOverview(context, { ...scene, height: 46 }, whole, dragged ?? (zoomed ? shown : null));
  });
  const x = (event: PointerEvent) => event.nativeEvent.offsetX;
  return (
    <canvas
      ref={canvas}
      className={css.overview}
      style={{ width }}
      onPointerDown={event => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag([x(event), x(event)]);
      }}
      onPointerMove={event => drag && setDrag([drag[0], x(event)])}
      onPointerUp={() => {
        if (dragged && squeeze) onZoom({ from: squeeze.from(dragged.from), to: squeeze.from(dragged.to) });
        else if (dragged) onZoom(dragged);
        setDrag(null);
      }}
      onDoubleClick={() => onZoom(null)}
    />
  );
}, sameOverview);

function sameOverview(a: OverviewProps, b: OverviewProps): boolean {
  return (
    a.stamp === b.stamp &&
    a.scene.model === b.scene.model &&
    a.onZoom === b.onZoom &&
    a.moment === b.moment &&
    [a.whole, a.shown].every((window, i) => {
      const other = i ? b.shown : b.whole;
      return window.from === other.from && window.to === other.to;
    })
  );
}

function span(a: number, b: number): Window {
  return { from: Math.min(a, b), to: Math.max(a, b) };
}

/** The moments of the axis, and where it leaves time out. */
function Axis({ marks, scene, live }: { marks: number[]; scene: Scene; live: boolean }) {
  const { window, width, now } = scene;
  const x = (at: number) => ((at - window.from) * width) / (window.to - window.from);
  const nowX = live ? x(now) : null;
  const taken: number[] = nowX === null ? [] : [nowX];
  const skipped = scene.gaps
    .map(([from, to, length]) => ({ at: x((from + to) / 2), length }))
    .filter(({ at }) => at >= 0 && at <= width)
    .map(({ at, length }) => ({ at: Math.min(width - 34, Math.max(34, at)), length }));
  for (const { at } of skipped) taken.push(at);
  return (
    <div className={css.axis} aria-hidden="true">
      {marks
        .map((at, i) => ({ at, x: x(scene.ticks[i]!) }))
        .filter(({ at, x }) => at > 0 && x > 14 && x < width - 14)
        .filter(({ x }) => taken.every(other => Math.abs(x - other) > 44) && taken.push(x))
        .map(({ at, x }) => (
          <span key={at} style={{ left: x }}>
            {tickLabel(at)}
          </span>
        ))}
      {skipped.map(({ at, length }) => (
        <i key={at} style={{ left: at }} title={`Nothing went on for ${duration(length)}`}>
          ⋯ {duration(length)}
        </i>
      ))}
      {nowX !== null && nowX >= 0 && nowX <= width + 1 && (
        <b style={{ left: Math.min(width - 17, Math.max(17, nowX)) }}>now</b>
      )}
    </div>
  );
}
