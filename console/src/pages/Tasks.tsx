import type { TaskStats } from '../api/types';
import { useNow } from '../app/hooks';
import { ago, count, duration } from '../model/format';
import { PHASE_TOKENS, PHASE_WORDS, phaseNumber } from '../model/phases';
import runs from './RunsPage.module.css';
import css from './Tasks.module.css';

const words = (task: TaskStats) =>
  [
    task.ended ? `${Math.round((1000 * task.ok) / task.ended) / 10}% ok` : 'none has ended',
    task.median_ms === null ? '' : `median ${duration(task.median_ms)}`,
  ]
    .filter(Boolean)
    .join(' · ');

/** The last runs of the tasks that run most: how they went and how long they took. */
export function TaskCards({
  tasks,
  chosen,
  onChoose,
}: {
  tasks: TaskStats[];
  chosen: string;
  onChoose: (task: string | null) => void;
}) {
  return (
    <ul className={css.cards} aria-label="Tasks">
      {tasks.map(task => (
        <li key={task.name}>
          <button
            type="button"
            className={css.card}
            aria-pressed={chosen === task.name}
            onClick={() => onChoose(chosen === task.name ? null : task.name)}
          >
            <span className={css.words}>
              <b>{task.name}</b>
              <span>{words(task)}</span>
            </span>
            <Bars task={task} />
          </button>
        </li>
      ))}
    </ul>
  );
}

function Bars({ task }: { task: TaskStats }) {
  const longest = Math.max(1, ...task.last.map(run => run.duration_ms ?? 0));
  const failed = task.last.filter(run => ['failed', 'timed_out'].includes(run.phase)).length;
  return (
    <span className={css.bars}>
      <span className="sr">
        The last {task.last.length}: {failed} failed
      </span>
      {task.last.map(run => (
        <i
          key={run.name}
          title={`${run.name}: ${PHASE_WORDS[phaseNumber(run.phase)]}`}
          style={{
            height: `${Math.max(10, 100 * Math.sqrt((run.duration_ms ?? longest) / longest))}%`,
            background: `var(--bar-${PHASE_TOKENS[phaseNumber(run.phase)]})`,
          }}
        />
      ))}
    </span>
  );
}

/** Every task with how its runs went. */
export function TaskTable({ tasks, onChoose }: { tasks: TaskStats[]; onChoose: (task: string) => void }) {
  const now = useNow(15_000);
  return (
    <div className={runs.card}>
      <table className={runs.table}>
        <thead>
          <tr>
            <th scope="col">Task</th>
            <th scope="col">Last runs</th>
            <th scope="col">Runs</th>
            <th scope="col">Succeeded</th>
            <th scope="col">Median</th>
            <th scope="col">Last started</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map(task => (
            <tr
              key={task.name}
              onClick={event => !(event.target as Element).closest('button') && onChoose(task.name)}
            >
              <td>
                <button type="button" className={css.name} onClick={() => onChoose(task.name)}>
                  {task.name}
                </button>
              </td>
              <td>
                <Bars task={task} />
              </td>
              <td className="num">{count(task.runs)}</td>
              <td className="num">
                {task.ok} of {task.ended}
              </td>
              <td className="num">{task.median_ms === null ? '—' : duration(task.median_ms)}</td>
              <td className={runs.soft}>{ago(task.last_ms, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
