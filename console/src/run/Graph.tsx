import { Activity, Maximize, Minus, Plus, User } from 'lucide-react';
import { type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import { useSize } from '../app/hooks';
import { count, duration, elapsed, plural } from '../model/format';
import { BOX_HEIGHT, BOX_WIDTH, type Box, canUnfold, layOut, phasesOf } from '../model/graph';
import { BAR_ORDER, groupPhase, isTerminal, PHASE_TOKENS, PHASE_WORDS } from '../model/phases';
import { KIND_CONDITION, KIND_TRACE, type Node, type RunModel } from '../model/run';
import { IconButton } from '../ui/controls';
import { PhaseGlyph } from '../ui/PhaseGlyph';
import css from './Graph.module.css';

const READABLE = 0.74;

interface View {
  x: number;
  y: number;
  scale: number;
}

/** Who called whom: a box an action, many calls of one place folded into one box. */
export function Graph({
  model,
  version,
  selected,
  onSelect,
  now,
}: {
  model: RunModel;
  version: number;
  selected: Node | null;
  onSelect: (node: Node) => void;
  now: number;
}) {
  const [unfolded, setUnfolded] = useState<ReadonlySet<string>>(new Set());
  // biome-ignore lint/correctness/useExhaustiveDependencies: the layout depends on the rows, which `structure` stands for
  const graph = useMemo(() => layOut(model, unfolded), [model, unfolded, model.structure, version === 0]);
  const [area, width, height] = useSize<HTMLDivElement>();
  const [view, setView] = useState<View | null>(null);
  const drag = useRef<{ x: number; y: number; view: View } | null>(null);

  const fitted: View = useMemo(() => {
    const scale = Math.max(0.05, Math.min(1, width / graph.width, height / graph.height));
    return {
      scale,
      x: Math.max(0, (width - graph.width * scale) / 2),
      y: Math.max(0, (height - graph.height * scale) / 2.6),
    };
  }, [graph, width, height]);
  // A large graph opens readable, at its root; the button fits all of it.
  const root = graph.boxes[0];
  const readable: View =
    fitted.scale >= READABLE || !root
      ? fitted
      : {
          scale: READABLE,
          x: 0,
          y: Math.min(
            0,
            Math.max(height - graph.height * READABLE, height / 2 - (root.y + BOX_HEIGHT / 2) * READABLE),
          ),
        };
  const shown = view ?? readable;

  const zoom = (factor: number, x = width / 2, y = height / 2) => {
    const scale = Math.min(2, Math.max(0.1, shown.scale * factor));
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

  const toggle = (key: string) => {
    const next = new Set(unfolded);
    if (!next.delete(key)) next.add(key);
    setUnfolded(next);
  };
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
  return (
    <div
      className={css.graph}
      ref={area}
      data-testid="graph"
      onPointerDown={begin}
      onPointerMove={move}
      onPointerUp={() => {
        drag.current = null;
      }}
      style={{ backgroundPosition: `${shown.x}px ${shown.y}px` }}
    >
      <div
        className={css.sheet}
        style={{ transform: `translate(${shown.x}px, ${shown.y}px) scale(${shown.scale})` }}
      >
        <svg className={css.edges} width={graph.width} height={graph.height} aria-hidden="true">
          {graph.boxes.flatMap(parent =>
            parent.children.map(child => <path key={child.key} d={edge(parent, child)} />),
          )}
        </svg>
        {graph.boxes.map(one => (
          <BoxCard
            key={one.key}
            box={one}
            model={model}
            now={now}
            selected={selected !== null && one.rows.includes(selected)}
            onSelect={onSelect}
            onToggle={toggle}
          />
        ))}
      </div>
      <p className={css.legend}>
        <b>{plural(model.rows, 'action')}</b> in {plural(graph.boxes.length, 'box', 'boxes')} · lines: who
        called whom
      </p>
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

function edge(parent: Box, child: Box): string {
  const [x0, y0] = [parent.x + BOX_WIDTH, parent.y + BOX_HEIGHT / 2];
  const [x1, y1] = [child.x, child.y + BOX_HEIGHT / 2];
  const middle = (x0 + x1) / 2;
  return `M${x0} ${y0}C${middle} ${y0} ${middle} ${y1} ${x1} ${y1}`;
}

function BoxCard({
  box,
  model,
  now,
  selected,
  onSelect,
  onToggle,
}: {
  box: Box;
  model: RunModel;
  now: number;
  selected: boolean;
  onSelect: (node: Node) => void;
  onToggle: (key: string) => void;
}) {
  const row = box.rows[0]!;
  const counts = phasesOf(model, box);
  const phase = groupPhase(counts);
  const kind = model.kind[row]!;
  const target =
    box.folded && box.group && model.above(row) < -1 && sameGroup(model, box) ? model.above(row) : row;
  const failed = counts[6]! + counts[8]!;
  const foldable = canUnfold(box) || (!box.folded && box.fold !== null);
  const name = box.group && box.group !== box.name ? `${box.group} › ${box.name}` : box.name;
  return (
    <div
      className={css.box}
      data-kind={kind}
      data-selected={selected}
      data-stacked={box.folded}
      data-foldable={foldable}
      data-box={box.folded ? box.key : model.ids[row]}
      style={{ left: box.x, top: box.y, width: BOX_WIDTH, height: BOX_HEIGHT }}
    >
      <button
        type="button"
        className={css.main}
        aria-pressed={selected}
        aria-label={`${name}${box.folded ? `, ${count(box.rows.length)} actions` : ''}, ${PHASE_WORDS[phase]}`}
        onClick={() => onSelect(target)}
      >
        <span className={css.title}>
          <PhaseGlyph phase={phase} size={13} />
          {kind === KIND_TRACE && <Activity size={12} />}
          {kind === KIND_CONDITION && <User size={12} />}
          <b title={name}>{box.name}</b>
          {box.folded && <i>×{count(box.rows.length)}</i>}
        </span>
        <span className={css.bar}>
          {BAR_ORDER.filter(one => counts[one]! > 0).map(one => (
            <i key={one} style={{ flexGrow: counts[one]!, background: `var(--bar-${PHASE_TOKENS[one]})` }} />
          ))}
        </span>
        <span className={css.foot}>
          {box.group && box.group !== box.name && <span className={css.group}>{box.group}</span>}
          <span className="num">{lengthOf(model, box, now)}</span>
          {failed > 0 && box.folded && <em>{count(failed)} failed</em>}
        </span>
      </button>
      {foldable && (
        <button
          type="button"
          className={css.fold}
          aria-label={
            box.folded ? `Show the ${box.rows.length} actions one by one` : 'Fold these actions into one box'
          }
          onClick={() => onToggle(box.fold!)}
        >
          {box.folded ? <Plus size={12} /> : <Minus size={12} />}
        </button>
      )}
    </div>
  );
}

function sameGroup(model: RunModel, box: Box): boolean {
  const above = model.above(box.rows[0]!);
  return box.rows.every(row => model.above(row) === above);
}

function lengthOf(model: RunModel, box: Box, now: number): string {
  const spans = box.rows.map(row => model.spanOf(row, now)).map(([begin, end]) => end - begin);
  if (!box.folded) {
    return isTerminal(model.phase[box.rows[0]!]!) ? duration(spans[0]) : elapsed(spans[0]!);
  }
  spans.sort((a, b) => a - b);
  const at = (share: number) => duration(spans[Math.min(spans.length - 1, Math.floor(share * spans.length))]);
  return `half in ${at(0.5)}`;
}
