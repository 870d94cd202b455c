import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { getTasks } from '../api/client';
import { runAddress, runsAddress } from '../app/address';
import { useTitle } from '../app/hooks';
import { plural } from '../model/format';
import { Command, Notice } from '../ui/controls';
import { Problem } from '../ui/Problem';
import runs from './RunsPage.module.css';
import { TaskTable } from './Tasks';
import css from './Tasks.module.css';

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
