import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { getTasks } from '../api/client';
import type { TaskStats } from '../api/types';
import { runAddress, runsAddress } from '../app/address';
import { useNow, useTitle } from '../app/hooks';
import { ago, count, duration, plural } from '../model/format';
import { PHASE_TOKENS, PHASE_WORDS, phaseNumber } from '../model/phases';
import { Command, Notice } from '../ui/controls';
import { Problem } from '../ui/Problem';
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

/** The tasks that have run here. */
export function TasksPage({ project, domain, task }: { project: string; domain: string; task?: string }) {
  useTitle(`Tasks · ${project}/${domain} · Godwit`);
  const found = useQuery({
    queryKey: ['tasks', project, domain],
    queryFn: ({ signal }) => getTasks(project, domain, signal),
    refetchInterval: 15_000,
  });
  const tasks = (found.data?.tasks ?? []).filter(each => !task || each.name === task);
  const choose = (name: string) => {
    location.assign(`${runsAddress(project, domain)}?task=${encodeURIComponent(name)}`);
  };
  return (
    <main className={runs.page}>
      <div className={runs.head}>
        <h1>Tasks</h1>
        <span className={runs.total}>
          {found.data ? `${plural(tasks.length, 'task')} of the newest runs` : ''}
        </span>
      </div>
      {found.error ? (
        <Problem error={found.error} what="the tasks" retry={() => void found.refetch()} />
      ) : tasks.length > 0 ? (
        <>
          <TaskTable tasks={tasks} onChoose={choose} />
          {task && (
            <p className={css.latest}>
              Its newest run:{' '}
              <Link href={runAddress({ project, domain, name: tasks[0]!.last.at(-1)!.name })}>
                {tasks[0]!.last.at(-1)!.name}
              </Link>
            </p>
          )}
        </>
      ) : found.data ? (
        <Notice title={task ? `No runs of ${task}` : 'No task has run here'}>
          <p>
            Tasks appear here when they run in {project}/{domain}:
          </p>
          <Command>flyte run my_script.py pipeline --x 5</Command>
        </Notice>
      ) : null}
    </main>
  );
}
