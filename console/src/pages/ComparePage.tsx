import { useQuery } from '@tanstack/react-query';
import { ArrowLeftRight } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { getComparison } from '../api/client';
import type { Change, ComparedRun, Comparison, Json, RunKey, ShapeStats } from '../api/types';
import { runAddress } from '../app/address';
import { useNow, useTitle } from '../app/hooks';
import { clock, count, duration, plural } from '../model/format';
import { phaseNumber } from '../model/phases';
import { Button, buttonClass, Command } from '../ui/controls';
import { PhaseWord } from '../ui/PhaseGlyph';
import { Problem } from '../ui/Problem';
import css from './ComparePage.module.css';
import { Waterfalls } from './Waterfalls';

const FIRST = 40;

/** Two runs side by side, aligned by call path, and where they first went apart. */
export function ComparePage({ run, other }: { run: RunKey; other: string }) {
  useTitle(`Compare ${run.name} and ${other} · Godwit`);
  const found = useQuery({
    queryKey: ['compare', run.project, run.domain, run.name, other],
    queryFn: ({ signal }) => getComparison(run, other, signal),
    refetchInterval: query =>
      query.state.data && [query.state.data.a, query.state.data.b].some(each => !ENDED.has(each.phase))
        ? 5_000
        : false,
  });
  return (
    <main className={css.page}>
      <div className={css.head}>
        <h1>Compare</h1>
        <Link
          className={buttonClass}
          href={`${runAddress({ ...run, name: other })}/compare/${encodeURIComponent(run.name)}`}
        >
          <ArrowLeftRight size={14} /> Swap
        </Link>
        <Command>{`flyte diff ${run.name} ${other}`}</Command>
      </div>
      {found.error ? (
        <Problem error={found.error} what="the comparison" retry={() => void found.refetch()} />
      ) : found.data ? (
        <Body run={run} found={found.data} />
      ) : (
        <p aria-busy="true" className={css.soft}>
          Comparing…
        </p>
      )}
    </main>
  );
}

const ENDED = new Set(['succeeded', 'failed', 'aborted', 'timed_out', 'recovered']);

function Body({ run, found }: { run: RunKey; found: Comparison }) {
  const longest = Math.max(1, found.a.duration_ms, found.b.duration_ms);
  return (
    <>
      <div className={css.runs}>
        {([found.a, found.b] as const).map((side, i) => (
          <Side key={side.name} letter={i ? 'B' : 'A'} run={run} side={side} longest={longest} />
        ))}
      </div>
      <First run={run} found={found} />
      <div className={css.changes}>
        <Changes title="Inputs" changes={found.inputs} />
        <Changes title="Outputs" changes={found.outputs} />
        <Changes title="Code and environment" changes={found.environment} />
      </div>
      <Shapes found={found} />
      <Waterfalls a={{ ...run, name: found.a.name }} b={{ ...run, name: found.b.name }} />
    </>
  );
}

function Side({
  letter,
  run,
  side,
  longest,
}: {
  letter: string;
  run: RunKey;
  side: ComparedRun;
  longest: number;
}) {
  const now = useNow(30_000);
  return (
    <section className={css.run} aria-label={`Run ${letter}`}>
      <b className={css.letter}>{letter}</b>
      <div>
        <Link href={runAddress({ ...run, name: side.name })}>{side.task_name}</Link>
        <code>{side.name}</code>
      </div>
      <div className={css.when}>
        <PhaseWord phase={phaseNumber(side.phase)} />
        <span className={css.soft}>{clock(side.created_ms, now)}</span>
      </div>
      <span className={css.took}>
        <i style={{ width: `${Math.max(1, (100 * side.duration_ms) / longest)}%` }} data-side={letter} />
        <b className="num">{duration(side.duration_ms)}</b>
      </span>
    </section>
  );
}

function First({ run, found }: { run: RunKey; found: Comparison }) {
  const first = found.first_difference;
  if (!first) {
    return (
      <section className={css.first} data-none="true" data-testid="first">
        <h2>No difference</h2>
        <p>Every call got the same inputs, ran the same code and gave the same outputs.</p>
      </section>
    );
  }
  const link = (name: string, action: string | null) =>
    action && (
      <Link href={`${runAddress({ ...run, name })}?action=${encodeURIComponent(action)}&tab=io`}>
        {action === 'a0' ? name : `${name} / ${action.slice(0, 10)}…`}
      </Link>
    );
  return (
    <section className={css.first} data-testid="first">
      <h2>First difference: {first.message}</h2>
      <p className={css.path}>{first.path.join(' › ')}</p>
      <p className={css.links}>
        {first.a && <span>A {link(found.a.name, first.a)}</span>}
        {first.b && <span>B {link(found.b.name, first.b)}</span>}
      </p>
      {first.changes && <ChangeList changes={first.changes} />}
      {(first.phases ?? first.versions) && (
        <ChangeList
          changes={[
            {
              name: first.phases ? 'status' : 'version',
              a: (first.phases ?? first.versions)![0],
              b: (first.phases ?? first.versions)![1],
            },
          ]}
        />
      )}
    </section>
  );
}

function Changes({ title, changes }: { title: string; changes: Change[] }) {
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      {changes.length ? <ChangeList changes={changes} /> : <p className={css.soft}>The same.</p>}
    </section>
  );
}

function ChangeList({ changes }: { changes: Change[] }) {
  return (
    <dl className={css.list}>
      {changes.map(change => (
        <div key={change.name} data-change={change.name}>
          <dt>{change.name}</dt>
          {(['a', 'b'] as const).map(side => (
            <dd key={side} data-side={side.toUpperCase()}>
              <b aria-hidden="true">{side.toUpperCase()}</b>
              <code>{side in change ? shown(change[side]!) : '(not there)'}</code>
            </dd>
          ))}
        </div>
      ))}
    </dl>
  );
}

function shown(value: Json): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 1);
  return text.length > 2_000 ? `${text.slice(0, 2_000)}…` : text;
}

function Shapes({ found }: { found: Comparison }) {
  const [all, setAll] = useState(false);
  const rows = all ? found.shapes : found.shapes.slice(0, FIRST);
  const most = Math.max(1, ...found.shapes.map(shape => Math.abs(shape.change_ms)));
  return (
    <section aria-label="Time by call path">
      <h2>Time by call path</h2>
      <div className={css.card}>
        <table className={css.table}>
          <thead>
            <tr>
              <th scope="col">Call path</th>
              <th scope="col">A</th>
              <th scope="col">B</th>
              <th scope="col">Change</th>
              <th scope="col">Calls</th>
              <th scope="col">Failed</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(shape => (
              <tr key={shape.path.join('\n')} data-testid="shape">
                <th scope="row">
                  <span className={css.above}>
                    {shape.path
                      .slice(0, -1)
                      .map(step => `${step} › `)
                      .join('')}
                  </span>
                  {shape.path[shape.path.length - 1]}
                  {!shape.a && <em>only in B</em>}
                  {!shape.b && <em>only in A</em>}
                </th>
                <td className="num">{took(shape.a)}</td>
                <td className="num">{took(shape.b)}</td>
                <td className="num">
                  <span className={css.delta}>
                    <i
                      data-slower={shape.change_ms > 0}
                      style={{ width: `${(60 * Math.abs(shape.change_ms)) / most}px` }}
                    />
                    {shape.change_ms >= 0 ? '+' : '−'}
                    {duration(Math.abs(shape.change_ms))}
                  </span>
                </td>
                <td className="num">{pair(shape.a?.count ?? 0, shape.b?.count ?? 0)}</td>
                <td className="num">{pair(shape.a?.failed ?? 0, shape.b?.failed ?? 0) || '—'}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {!all && found.shapes.length > FIRST && (
          <div className={css.more}>
            <Button onClick={() => setAll(true)}>
              Show {plural(found.shapes.length - FIRST, 'more path')}
            </Button>
          </div>
        )}
      </div>
    </section>
  );
}

const took = (stats: ShapeStats | null) => (stats ? duration(stats.total_ms) : '—');

function pair(a: number, b: number): string {
  if (a === b) return a ? count(a) : '';
  return `${count(a)} → ${count(b)}`;
}
