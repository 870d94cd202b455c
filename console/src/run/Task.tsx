import type { ActionDetail } from '../api/types';
import css from './Details.module.css';

/** What was called: its interface, its words about itself, and how it is started. */
export function Task({ detail }: { detail: ActionDetail }) {
  const { task, limits, cache } = detail;
  if (!task) return <p className={css.none}>Only calls of tasks have a task.</p>;
  const signature = (list: [string, string][]) =>
    list.map(([name, type]) => (type ? `${name}: ${type}` : name)).join(', ');
  const outputs = task.outputs.map(([, type]) => type || 'value');
  const result =
    outputs.length === 0 ? 'None' : outputs.length === 1 ? outputs[0] : `tuple[${outputs.join(', ')}]`;
  const rows: [string, string][] = [
    ['Task', detail.task_name],
    ['Environment', detail.env_name],
    ['Type', detail.task_type],
    ['Version', detail.task_version],
    ['Runtime', task.runtime],
    ['Image', task.image === 'auto' ? 'none: this machine’s Python' : task.image],
    ['Retries', String(limits.user_retries)],
    ['Time limit', limits.max_runtime_s === null ? 'none' : `${limits.max_runtime_s} s`],
    ['Cache', cache.enabled ? `on${cache.version ? `, version ${cache.version}` : ''}` : 'off'],
  ];
  return (
    <div data-testid="task">
      <h3>Interface</h3>
      <pre className={css.signature}>
        {detail.short_name}({signature(task.inputs)}) -&gt; {result}
      </pre>
      {(task.short_description || task.description) && (
        <>
          <h3>In its own words</h3>
          <p className={css.words}>{task.description || task.short_description}</p>
        </>
      )}
      <h3>Configuration</h3>
      <dl className={css.table}>
        {rows
          .filter(([, value]) => value)
          .map(([term, value]) => (
            <div key={term}>
              <dt>{term}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
      {task.command.length > 0 && (
        <>
          <h3>Started as</h3>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
          <pre className={css.signature} tabIndex={0}>
            {task.command.join(' ')}
          </pre>
        </>
      )}
    </div>
  );
}
