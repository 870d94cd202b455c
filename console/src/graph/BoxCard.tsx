import { Activity, User } from 'lucide-react';
import { count, duration, elapsed, percent, plural } from '../model/format';
import { BAR_ORDER, groupPhase, isTerminal, PHASE_COUNT, PHASE_TOKENS, PHASE_WORDS } from '../model/phases';
import { KIND_CONDITION, KIND_TRACE, type RunModel } from '../model/run';
import { PhaseGlyph } from '../ui/PhaseGlyph';
import type { Item } from './fold';
import css from './Graph.module.css';

interface Props {
  item: Item;
  model: RunModel;
  now: number;
  /** Part of the critical path, 0 to 1. */
  share: number;
  /** What flows into it, in words. */
  from: string;
  selected: boolean;
  onSelect: () => void;
}

/** A box: name, how many, phases, how long, its share of the critical path. */
export function BoxCard({ item, model, now, share, from, selected, onSelect }: Props) {
  const counts = phasesOf(model, item);
  const failed = counts[6]! + counts[8]!;
  return (
    <button
      type="button"
      className={css.main}
      aria-pressed={selected}
      aria-label={describe(item, counts, share, from)}
      onClick={onSelect}
    >
      <Title item={item} model={model} counts={counts} />
      <span className={css.bar}>
        {BAR_ORDER.filter(one => counts[one]! > 0).map(one => (
          <i key={one} style={{ flexGrow: counts[one]!, background: `var(--bar-${PHASE_TOKENS[one]})` }} />
        ))}
      </span>
      <span className={css.foot}>
        <span className="num" title={lengthOf(model, item, now)}>
          {lengthOf(model, item, now, failed > 0)}
        </span>
        {failed > 0 && many(item) && <em>{count(failed)} failed</em>}
        {share >= 0.01 && <strong className="num">{percent(share, 1)} of path</strong>}
      </span>
    </button>
  );
}

/** The head of a frame: a container that is open. */
export function FrameHead({ item, model, now, share, from, selected, onSelect }: Props) {
  const counts = phasesOf(model, item);
  return (
    <button
      type="button"
      className={css.frameHead}
      aria-pressed={selected}
      aria-label={describe(item, counts, share, from)}
      onClick={onSelect}
    >
      <Title item={item} model={model} counts={counts} />
      <span className={`${css.length} num`}>
        {item.kind === 'group' ? plural(item.members, 'action') : lengthOf(model, item, now)}
      </span>
    </button>
  );
}

function Title({ item, model, counts }: { item: Item; model: RunModel; counts: Int32Array }) {
  const kind = item.kind === 'group' ? -1 : model.kind[item.rows[0]!];
  return (
    <span className={css.title}>
      <PhaseGlyph phase={groupPhase(counts)} size={13} />
      {kind === KIND_TRACE && <Activity size={12} />}
      {kind === KIND_CONDITION && <User size={12} />}
      <b title={item.name}>{item.name}</b>
      {many(item) && <i>×{count(item.members || item.rows.length)}</i>}
    </span>
  );
}

const many = (item: Item): boolean => item.folded || (item.kind === 'group' && !item.open);

function describe(item: Item, counts: Int32Array, share: number, from: string): string {
  const number = item.kind === 'group' ? item.members : item.rows.length;
  return [
    item.kind === 'group' ? `group ${item.name}` : item.name,
    ...(number > 1 ? [plural(number, 'action')] : []),
    PHASE_WORDS[groupPhase(counts)],
    ...(share >= 0.01 ? [`${percent(share, 1)} of the critical path`] : []),
    ...(from ? [from] : []),
  ].join(', ');
}

function phasesOf(model: RunModel, item: Item): Int32Array {
  const counts = new Int32Array(PHASE_COUNT);
  const rows = item.rows.length ? item.rows : item.children.flatMap(child => child.rows);
  for (const row of rows) counts[model.phase[row]!]!++;
  return counts;
}

/** How long it took; of many the half, and, unless it is to be `brief`, all but the longest. */
function lengthOf(model: RunModel, item: Item, now: number, brief = false): string {
  const spans = item.rows.map(row => model.spanOf(row, now)).map(([begin, end]) => end - begin);
  if (!many(item)) {
    return isTerminal(model.phase[item.rows[0]!]!) ? duration(spans[0]) : elapsed(spans[0]!);
  }
  spans.sort((a, b) => a - b);
  const at = (part: number) => duration(spans[Math.min(spans.length - 1, Math.floor(part * spans.length))]);
  return brief ? `p50 ${at(0.5)}` : `p50 ${at(0.5)} · p95 ${at(0.95)}`;
}
