import { ArrowUpRight } from 'lucide-react';
import { useMemo } from 'react';
import { count, duration, percent } from '../model/format';
import { CHIP_ORDER, PHASE_LONG, RUNNING, STARTING, WAITING } from '../model/phases';
import type { Node, RunModel } from '../model/run';
import { groupStats } from '../model/stats';
import { PhaseGlyph } from '../ui/PhaseGlyph';
import css from './Details.module.css';
import { stampOf } from './paint';

/** Many actions at a glance: why some failed, how they are distributed, which are slow. */
export function GroupSummary({
  model,
  node,
  now,
  onSelect,
  title,
}: {
  model: RunModel;
  node: Node;
  now: number;
  onSelect: (node: Node) => void;
  title?: string;
}) {
  const stamp = stampOf(model, now);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the model changes in place; the stamp tells when to count again
  const stats = useMemo(() => groupStats(model, node), [model, node, stamp]);
  const tallest = Math.max(1, ...(stats.runTimes?.histogram ?? []));
  const average = stats.average;
  const sum = average ? average.queued + average.starting + average.running : 0;
  return (
    <>
      {stats.causes.length > 0 && (
        <>
          <h3>Failures, grouped by cause</h3>
          <ul className={css.causes}>
            {stats.causes.slice(0, 8).map(({ cause, count: times, example }) => (
              <li key={`${cause.code}${cause.cause}`}>
                <button type="button" onClick={() => onSelect(example)}>
                  <b className="num">{count(times)}×</b>
                  <code>
                    {cause.code}: {cause.cause}
                  </code>
                  <ArrowUpRight size={15} aria-label="Show one" />
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>{title ?? 'Actions by phase'}</h3>
      <table className={css.times}>
        <tbody>
          {CHIP_ORDER.filter(phase => stats.counts[phase]! > 0).map(phase => (
            <tr key={phase}>
              <th scope="row">
                <PhaseGlyph phase={phase} />
                {PHASE_LONG[phase]}
              </th>
              <td className="num">{count(stats.counts[phase]!)}</td>
              <td className="num">{percent(stats.counts[phase]!, stats.total)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {stats.runTimes && (
        <>
          <h3>
            Run-time distribution
            <span className="num">
              p50 {duration(stats.runTimes.p50)} · p95 {duration(stats.runTimes.p95)} · max{' '}
              {duration(stats.runTimes.max)}
            </span>
          </h3>
          <div className={css.histogram} aria-hidden="true">
            {stats.runTimes.histogram.map((number, i) => (
              <i key={i} style={{ height: number ? `${Math.max(2, (100 * number) / tallest)}%` : 0 }} />
            ))}
          </div>
          <div className={css.scale} aria-hidden="true">
            <span>0</span>
            <span>{duration(stats.runTimes.upTo / 2)}</span>
            <span>{duration(stats.runTimes.upTo)}</span>
          </div>
        </>
      )}
      {average && (
        <>
          <h3>Average per action</h3>
          <table className={css.times}>
            <tbody>
              {(
                [
                  [WAITING, 'Queued and waiting', average.queued],
                  [STARTING, 'Starting', average.starting],
                  [RUNNING, 'Running', average.running],
                ] as const
              ).map(([phase, word, ms]) => (
                <tr key={word}>
                  <th scope="row">
                    <PhaseGlyph phase={phase} />
                    {word}
                  </th>
                  <td className="num">{duration(ms)}</td>
                  <td className="num">{percent(ms, sum)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      {stats.slowest.length > 2 && (
        <>
          <h3>Slowest</h3>
          <ul className={css.causes}>
            {stats.slowest.map(row => (
              <li key={row}>
                <button type="button" onClick={() => onSelect(row)}>
                  <PhaseGlyph phase={model.phase[row]!} />
                  <span>
                    {model.nameOf(row)} <code>{model.ids[row]!.slice(0, 8)}</code>
                  </span>
                  <span className="num">{duration(model.ended[row]! - model.running[row]!)}</span>
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
