import { ChevronDown, ChevronRight, Maximize, Minus, Plus } from 'lucide-react';
import {
  type FocusEvent,
  type KeyboardEvent,
  type PointerEvent,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { useSize } from '../app/hooks';
import { plural } from '../model/format';
import type { Node, RunModel } from '../model/run';
import { Button, IconButton } from '../ui/controls';
import { storyOf } from './arrows';
import { BoxCard, FrameHead } from './BoxCard';
import { type Drawing, drawRun } from './draw';
import { CONFIDENCE_WORDS, type Flow } from './flow';
import { type Item, NOTHING_SAID, type Said } from './fold';
import css from './Graph.module.css';
import { FRAME_HEAD, type Place } from './layout';

/** Below this, heads of frames would be smaller than 24 pixels. */
const READABLE = 0.74;
/** So far from the border of the screen what is focused comes to stand. */
const EDGE = 16;

interface View {
  x: number;
  y: number;
  scale: number;
}

/** How data flowed: a box an action, many calls of one place folded into one box, arrows between them. */
export function Graph({
  model,
  version,
  flow,
  error,
  onRetry,
  selected,
  onSelect,
  now,
}: {
  model: RunModel;
  version: number;
  flow: Flow | null;
  error: Error | null;
  onRetry: () => void;
  selected: Node | null;
  onSelect: (node: Node) => void;
  now: number;
}) {
  const [said, setSaid] = useState<Said>(NOTHING_SAID);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawing depends on the rows, which `structure` stands for
  const drawing = useMemo(
    () => drawRun(model, flow, said),
    [model, flow, said, model.structure, version === 0],
  );
  const [area, width, height] = useSize<HTMLDivElement>();
  const [view, setView] = useState<View | null>(null);
  const drag = useRef<{ x: number; y: number; view: View } | null>(null);

  const fitted: View = useMemo(() => {
    const scale = Math.max(0.05, Math.min(1, width / drawing.width, height / drawing.height));
    return {
      scale,
      x: (width - drawing.width * scale) / 2,
      y: Math.max(0, (height - drawing.height * scale) / 2.6),
    };
  }, [drawing, width, height]);
  // A large graph opens readable, at its top; the button fits all of it.
  const shown =
    view ??
    (fitted.scale >= READABLE
      ? fitted
      : { scale: READABLE, x: (width - drawing.width * READABLE) / 2, y: 0 });

  const zoom = (factor: number, x = width / 2, y = height / 2) => {
    const scale = Math.min(2, Math.max(0.05, shown.scale * factor));
    const k = scale / shown.scale;
    setView({ scale, x: x - (x - shown.x) * k, y: y - (y - shown.y) * k });
  };
  const latest = useRef(zoom);
  latest.current = zoom;
  const latestView = useRef(shown);
  latestView.current = shown;

  useEffect(() => {
    // React listens passively; the page must not scroll or zoom while the graph does.
    const element = area.current;
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) {
        const box = element!.getBoundingClientRect();
        latest.current(Math.exp(-event.deltaY / 200), event.clientX - box.left, event.clientY - box.top);
      } else {
        const { x, y, scale } = latestView.current;
        setView({ scale, x: x - event.deltaX, y: y - event.deltaY });
      }
    };
    element?.addEventListener('wheel', wheel, { passive: false });
    return () => element?.removeEventListener('wheel', wheel);
  }, [area]);

  const begin = (event: PointerEvent) => {
    if ((event.target as Element).closest('button')) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    drag.current = { x: event.clientX, y: event.clientY, view: shown };
  };
  const move = (event: PointerEvent) => {
    if (!drag.current) return;
    const { x, y, view: from } = drag.current;
    setView({ ...from, x: from.x + event.clientX - x, y: from.y + event.clientY - y });
  };
  const toggle = (item: Item) => setSaid(before => toggled(before, item));
  const itemAt = (target: EventTarget): Item | undefined => {
    const key = (target as HTMLElement).closest<HTMLElement>('[data-key]')?.dataset.key;
    return drawing.items.find(each => each.key === key);
  };
  /** What the keyboard leads to comes into sight. Under a pointer nothing moves: its click would miss. */
  const reveal = (event: FocusEvent) => {
    if (!event.target.matches(':focus-visible')) return;
    const place = drawing.places.find(({ item }) => item === itemAt(event.target));
    if (!place) return;
    const { x, y, scale } = shown;
    const [left, top] = [x + place.x * scale, y + place.y * scale];
    const [wide, high] = [Math.min(place.width * scale, width), headOf(place) * scale];
    const [dx, dy] = [into(left, wide, width), into(top, high, height)];
    if (dx || dy) setView({ scale, x: x + dx, y: y + dy });
  };
  const keys = (event: KeyboardEvent<HTMLElement>) => {
    const item = itemAt(event.target);
    if (!item) return;
    const next = neighbour(drawing, item, event.key);
    if (next) {
      const found = area.current?.querySelector<HTMLElement>(`[data-key="${CSS.escape(next.key)}"] button`);
      found?.focus();
      event.preventDefault();
    } else if (event.key === ' ' && toggled(NOTHING_SAID, item) !== NOTHING_SAID) {
      if (event.type === 'keydown') toggle(item);
      event.preventDefault();
    }
  };
  const boxes = drawing.items.filter(item => item.kind === 'action').length;
  const doubts = new Set(drawing.arrows.map(arrow => arrow.confidence));
  return (
    <div
      className={css.graph}
      ref={area}
      role="group"
      aria-label="Execution graph"
      data-testid="graph"
      onPointerDown={begin}
      onPointerMove={move}
      onPointerUp={() => {
        drag.current = null;
      }}
      onFocus={reveal}
      onKeyDown={keys}
      onKeyUp={event => {
        if (event.key === ' ') keys(event);
      }}
      style={{ backgroundPosition: `${shown.x}px ${shown.y}px` }}
    >
      <div
        className={css.sheet}
        style={{
          transform: `translate(${shown.x}px, ${shown.y}px) scale(${shown.scale})`,
          // Small buttons stay large enough to be hit.
          ['--unscale' as string]: Math.min(1.5, Math.max(1, 1 / shown.scale)),
        }}
      >
        {drawing.places.map(({ item, x, y, width: wide, height: high }) => {
          const framed = item.children.length > 0;
          const Card = framed ? FrameHead : BoxCard;
          return (
            <div
              key={item.key}
              className={framed ? css.frame : css.box}
              data-key={item.key}
              data-kind={item.kind === 'group' ? 'group' : model.kind[item.rows[0]!]}
              data-box={
                item.kind === 'action' ? (item.folded ? item.key : model.ids[item.rows[0]!]) : undefined
              }
              data-group={item.kind === 'group' ? item.name : undefined}
              data-selected={selected !== null && isSelected(model, item, selected)}
              data-stacked={item.folded}
              data-path={drawing.onPath.has(item)}
              style={{ left: x, top: y, width: wide, height: high }}
            >
              <Card
                item={item}
                model={model}
                now={now}
                share={(drawing.onPath.get(item) ?? 0) / Math.max(1, flow?.report.duration_ms ?? 1)}
                from={sourcesOf(drawing, item)}
                selected={selected !== null && isSelected(model, item, selected)}
                onSelect={() => onSelect(nodeOf(model, item))}
              />
              <Toggle item={item} onToggle={() => toggle(item)} />
            </div>
          );
        })}
        <svg className={css.edges} width={drawing.width} height={drawing.height} aria-hidden="true">
          <defs>
            {['plain', 'path'].map(kind => (
              <marker
                key={kind}
                id={`arrow-${kind}`}
                viewBox="0 0 8 8"
                refX="7"
                refY="4"
                markerUnits="userSpaceOnUse"
                markerWidth="9"
                markerHeight="9"
                orient="auto"
              >
                <path className={css.head} data-path={kind === 'path'} d="M0 0L8 4L0 8z" />
              </marker>
            ))}
          </defs>
          {drawing.routes.map(({ arrow, d, label, labelX, labelY }) => (
            <g
              key={arrow.key}
              data-arrow={`${arrow.source.name}>${arrow.target.name}`}
              data-path={arrow.onPath}
              data-confidence={CONFIDENCE_WORDS[arrow.confidence]}
            >
              <title>{storyOf(arrow)}</title>
              <path
                d={d}
                markerEnd={`url(#arrow-${arrow.onPath ? 'path' : 'plain'})`}
                style={{ strokeWidth: Math.min(5, (arrow.onPath ? 2 : 1.5) + Math.log10(arrow.count) / 2) }}
              />
              {label && (
                <text x={labelX} y={labelY}>
                  {label}
                </text>
              )}
            </g>
          ))}
        </svg>
      </div>
      <div className={css.legend}>
        <span>
          <b>{plural(model.rows, 'action')}</b> in {plural(boxes, 'box', 'boxes')}
        </span>
        {flow && (
          <>
            <Key label="critical path" path />
            {drawing.arrows.length > 0 && <Key label="data flow" />}
            {doubts.has(1) && <Key label="derived" dash="4 3" />}
            {doubts.has(2) && <Key label="inferred" dash="1.5 3" />}
          </>
        )}
        {error && (
          <span role="alert">
            {error.message} <Button onClick={onRetry}>Read the arrows again</Button>
          </span>
        )}
      </div>
      <div className={css.tools}>
        <IconButton label="Zoom in" onClick={() => zoom(1.25)}>
          <Plus size={16} />
        </IconButton>
        <IconButton label="Zoom out" onClick={() => zoom(0.8)}>
          <Minus size={16} />
        </IconButton>
        <IconButton label="Fit all" onClick={() => setView(fitted)}>
          <Maximize size={15} />
        </IconButton>
      </div>
    </div>
  );
}

function Key({ label, dash, path = false }: { label: string; dash?: string; path?: boolean }) {
  return (
    <span className={css.key} data-path={path}>
      <svg width="20" height="6" aria-hidden="true">
        <path d="M0 3H20" strokeDasharray={dash} />
      </svg>
      {label}
    </span>
  );
}

/** Opens and closes containers, takes folds apart and puts them together. */
function Toggle({ item, onToggle }: { item: Item; onToggle: () => void }) {
  const [label, Icon] = whatToggles(item) ?? ['', null];
  if (!Icon) return null;
  return (
    <button type="button" className={css.fold} aria-label={label} title={label} onClick={onToggle}>
      <Icon size={12} />
    </button>
  );
}

function whatToggles(item: Item): [string, typeof Plus] | null {
  if (item.container && item.parent) {
    return item.open ? [`Close ${item.name}`, ChevronDown] : [`Open ${item.name}`, ChevronRight];
  }
  if (item.fold === null) return null;
  return item.folded
    ? [`Show the ${item.rows.length} actions one by one`, Plus]
    : ['Fold these actions into one box', Minus];
}

function toggled(said: Said, item: Item): Said {
  if (item.container && item.parent) return { ...said, open: new Map(said.open).set(item.key, !item.open) };
  if (item.fold === null) return said;
  const unfolded = new Set(said.unfolded);
  if (!unfolded.delete(item.fold)) unfolded.add(item.fold);
  return { ...said, unfolded };
}

/** The node of the tree that a box stands for; of a fold of a whole group, the group. */
function nodeOf(model: RunModel, item: Item): Node {
  const row = item.rows[0] ?? item.children[0]!.rows[0]!;
  if (item.kind === 'group') return model.above(row);
  const above = model.above(row);
  const whole = item.folded && above < -1 && item.rows.every(each => model.above(each) === above);
  return whole ? above : row;
}

function isSelected(model: RunModel, item: Item, selected: Node): boolean {
  return item.kind === 'group' ? nodeOf(model, item) === selected : item.rows.includes(selected);
}

function sourcesOf(drawing: Drawing, item: Item): string {
  const from = drawing.arrows.filter(arrow => arrow.target === item && arrow.source !== item);
  return from.map(arrow => `${[...arrow.params.keys()].join(', ')} from ${arrow.source.name}`).join('; ');
}

/** Where an arrow key leads: along an arrow if there is one, else to what is next in that direction. */
function neighbour(drawing: Drawing, item: Item, key: string): Item | null {
  const along =
    key === 'ArrowDown'
      ? drawing.arrows.find(arrow => arrow.source === item && arrow.target !== item)?.target
      : key === 'ArrowUp'
        ? drawing.arrows.find(arrow => arrow.target === item && arrow.source !== item)?.source
        : undefined;
  if (along) return along;
  const step = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] }[key];
  const here = drawing.places.find(place => place.item === item);
  if (!step || !here) return null;
  let best: Item | null = null;
  let nearest = Number.POSITIVE_INFINITY;
  const [dx, dy] = step as [number, number];
  const [fromX, fromY] = centre(here);
  for (const place of drawing.places) {
    if (place === here) continue;
    const [x, y] = centre(place);
    const ahead = (x - fromX) * dx + (y - fromY) * dy;
    const aside = Math.abs((x - fromX) * dy) + Math.abs((y - fromY) * dx);
    if (ahead > 1 && ahead + 2 * aside < nearest) [nearest, best] = [ahead + 2 * aside, place.item];
  }
  return best;
}

/** Where a box is focused: in its middle, a frame at its head. */
function centre(place: Place): [number, number] {
  return [place.x + place.width / 2, place.y + headOf(place) / 2];
}

const headOf = (place: Place): number => (place.item.children.length ? FRAME_HEAD : place.height);

/** How far to move what begins at `from` to be inside `room`. */
function into(from: number, length: number, room: number): number {
  if (from < 0) return EDGE - from;
  return from + length > room ? Math.max(EDGE, room - length - EDGE) - from : 0;
}
