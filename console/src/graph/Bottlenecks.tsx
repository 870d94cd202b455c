import { count, duration, percent, plural } from '../model/format';
import type { Node, RunModel } from '../model/run';
import { Problem } from '../ui/Problem';
import css from './Bottlenecks.module.css';
import {
  DOING_ORDER,
  DOING_TOKENS,
  DOING_WORDS,
  type Doing,
  type Flow,
  type Report,
  type Times,
} from './flow';

const WHY: Record<string, string> = {
  twice_as_fast: 'Its own code ran on the critical path.',
  resources_at_once: 'It waited on the path for a free place on the machine.',
  half_the_queue: 'It was queued on the path.',
  workers_ready: 'A process was made ready for it on the path.',
  answer_at_once: 'The run waited for a person.',
};

/** Where a run's time went, and what would have made it shorter. */
export function Bottlenecks({
  model,
  flow,
  error,
  onRetry,
  onSelect,
}: {
  model: RunModel;
  flow: Flow | null;
  error: Error | null;
  onRetry: () => void;
  onSelect: (node: Node) => void;
}) {
  if (error) return <Problem error={error} what="where the time went" retry={onRetry} />;
  if (!flow) return <div className={css.page} aria-busy="true" />;
  const { report } = flow;
  const show = (action: string) => {
    const row = model.rowById(action);
    if (row !== undefined) onSelect(row);
  };
  const tasks = report.tasks.filter(task => task.on_path.time_ms > 0);
  const longest = Math.max(...tasks.map(task => task.on_path.time_ms));
  return (
    <div className={css.page} data-testid="bottlenecks">
      <h2>Where did the time go?</h2>
      <p>
        The {duration(report.duration_ms)} {report.open ? 'so far' : 'of the run'}, along the chain of actions
        that decided it. Work that ran beside it and delayed nobody is not counted.
      </p>
      <Bar times={report.path} whole={report.duration_ms} big />
      <ul className={css.keys}>
        {DOING_ORDER.filter(doing => report.path[`${doing}_ms`] > 0).map(doing => (
          <li key={doing}>
            <Swatch doing={doing} />
            {DOING_WORDS[doing]}
            <b className="num">{duration(report.path[`${doing}_ms`])}</b>
            <span className="num">{percent(report.path[`${doing}_ms`], report.duration_ms)}</span>
          </li>
        ))}
      </ul>
      {report.improvements.length > 0 && (
        <>
          <h2>What to improve first</h2>
          <ol className={css.cards}>
            {report.improvements.map(each => (
              <li key={each.title} data-improvement={each.change}>
                <b>{each.title}</b>
                <span>{WHY[each.change]}</span>
                <strong>{duration(each.saves_ms)} sooner</strong>
              </li>
            ))}
          </ol>
          <p className={css.note}>
            Found by replaying the run with that one change. New contention is not foreseen.
          </p>
        </>
      )}
      <h2>On the critical path, by task</h2>
      <div className={css.scroll}>
        <table className={css.table}>
          <thead>
            <tr>
              <th scope="col">Task</th>
              <th scope="col">Time on path</th>
              <th scope="col">Actions</th>
              <th scope="col">Time</th>
              <th scope="col">Share</th>
            </tr>
          </thead>
          <tbody>
            {tasks.map(task => (
              <tr key={task.task}>
                <th scope="row" title={task.task}>
                  {task.name}
                </th>
                <td>
                  <Bar times={task.on_path.times} whole={longest} />
                </td>
                <td className="num">
                  {count(task.on_path.actions)} of {count(task.actions)}
                </td>
                <td className="num">{duration(task.on_path.time_ms)}</td>
                <td className="num">{percent(task.on_path.time_ms, report.duration_ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h2>Longest actions</h2>
      <p>Slack: how much later an action could have ended without the run ending later.</p>
      <div className={css.scroll}>
        <table className={css.table}>
          <thead>
            <tr>
              <th scope="col">Action</th>
              <th scope="col">Duration</th>
              <th scope="col">Slack</th>
              <th scope="col">Critical path</th>
            </tr>
          </thead>
          <tbody>
            {report.actions.map(each => (
              <tr key={each.action} data-action={each.action}>
                <th scope="row">
                  <button type="button" onClick={() => show(each.action)}>
                    {each.name}
                  </button>
                </th>
                <td className="num">{duration(each.duration_ms)}</td>
                <td className="num">{duration(each.slack_ms)}</td>
                <td>{each.on_path ? 'on it' : ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <h2>At once</h2>
      <p>
        {plural(report.parallelism.peak, 'action')} at most, {report.parallelism.average.toFixed(1)} on
        average.
      </p>
      <Profile report={report} />
    </div>
  );
}

/** The critical path in one line, above the graph. */
export function PathBar({ flow, onAsk }: { flow: Flow; onAsk: () => void }) {
  const { path, duration_ms } = flow.report;
  return (
    <div className={css.line} data-testid="critical-path">
      <b>Critical path {duration(duration_ms)}</b>
      <Bar times={path} whole={duration_ms} words />
      <button type="button" onClick={onAsk}>
        Where did the time go?
      </button>
    </div>
  );
}

function Bar({
  times,
  whole,
  big = false,
  words = false,
}: {
  times: Times;
  whole: number;
  big?: boolean;
  words?: boolean;
}) {
  const parts = DOING_ORDER.filter(doing => times[`${doing}_ms`] > 0);
  return (
    <span className={css.bar} data-big={big} data-words={words} aria-hidden={!words}>
      {parts.map(doing => {
        const ms = times[`${doing}_ms`];
        const part = ms / Math.max(1e-9, whole);
        return (
          <i
            key={doing}
            title={`${DOING_WORDS[doing]} ${duration(ms)}`}
            style={{ width: `${100 * part}%`, ...tint(doing) }}
          >
            {big && part > 0.06 && percent(part, 1)}
            {words && part > 0.14 && `${DOING_WORDS[doing]} · ${duration(ms)}`}
          </i>
        );
      })}
    </span>
  );
}

const tint = (doing: Doing) => ({
  background: `color-mix(in srgb, var(--bar-${DOING_TOKENS[doing]}) 45%, var(--panel))`,
});

function Swatch({ doing }: { doing: Doing }) {
  return (
    <i
      className={css.swatch}
      style={{ background: `var(--bar-${DOING_TOKENS[doing]})` }}
      aria-hidden="true"
    />
  );
}

/** How many actions ran at once, over the run's time. */
function Profile({ report }: { report: Report }) {
  const { slices } = report.parallelism;
  const top = Math.max(1e-9, ...slices);
  return (
    <div className={css.profile} aria-hidden="true">
      {slices.map((value, i) => (
        <i key={i} title={value.toFixed(1)} style={{ height: `${(100 * value) / top}%` }} />
      ))}
    </div>
  );
}
