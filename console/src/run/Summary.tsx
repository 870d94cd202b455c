import { type ReactNode, useState } from 'react';
import type { ActionDetail, ErrorInfo } from '../api/types';
import { bytes, duration, elapsed, percent, plural } from '../model/format';
import { isBad, isTerminal, PAUSED, PHASE_LONG, PHASE_TOKENS, RUNNING } from '../model/phases';
import type { RunModel } from '../model/run';
import { timeSpent } from '../model/stats';
import { Button, CopyButton } from '../ui/controls';
import { PhaseGlyph } from '../ui/PhaseGlyph';
import css from './Details.module.css';

export function Summary({
  model,
  row,
  detail,
  attempt,
  now,
  onSelect,
  onLogs,
  onCode,
  onRerun,
}: {
  model: RunModel;
  row: number;
  detail: ActionDetail;
  attempt: number;
  now: number;
  onSelect: (node: number) => void;
  onLogs: () => void;
  onCode: (place: string) => void;
  onRerun?: () => void;
}) {
  const phase = model.phase[row]!;
  const spent = timeSpent(model, row, now);
  const total = spent.reduce((sum, [, ms]) => sum + ms, 0);
  const error = attempt > 0 ? detail.tries.find(one => one.number === attempt)?.error : detail.error;
  // The last stretch is painted as it ended; the others are what they are.
  const shade = (which: number) => (which === RUNNING ? phase : which);
  return (
    <>
      <Waiting model={model} row={row} onSelect={onSelect} />
      {error && (
        <ErrorCard error={error} told={inWords(error, detail)} onCode={onCode}>
          <Button onClick={onLogs}>Logs of this attempt</Button>
          {onRerun && <Button onClick={onRerun}>Rerun with changes</Button>}
          <Causes model={model} row={row} onSelect={onSelect} />
        </ErrorCard>
      )}
      <h3>
        Where this action's time went
        <span className="num">{isTerminal(phase) ? duration(total) : elapsed(total)} total</span>
      </h3>
      <div className={css.spent} aria-hidden="true">
        {spent
          .filter(([, ms]) => ms > 0)
          .map(([which, ms]) => (
            <i
              key={which}
              style={{
                flexGrow: Math.max(ms, total / 100),
                background: `var(--bar-${PHASE_TOKENS[shade(which)]})`,
              }}
            />
          ))}
      </div>
      <table className={css.times}>
        <tbody>
          {spent.map(([which, ms]) => (
            <tr key={which}>
              <th scope="row">
                <PhaseGlyph phase={shade(which)} />
                {PHASE_LONG[which === RUNNING && phase === PAUSED ? PAUSED : which]}
              </th>
              <td className="num">{duration(ms)}</td>
              <td className="num">{percent(ms, total)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** What an error of the machinery means, with the limit beside what happened. */
function inWords(error: ErrorInfo, detail: ActionDetail): string {
  const { limits } = detail;
  const last = detail.tries[detail.tries.length - 1];
  const begun = last?.transitions.find(({ phase }) => phase === 'running')?.at_ms;
  const ran = begun && last?.ended_ms ? duration(last.ended_ms - begun) : '';
  if (error.code === 'OOMError') {
    const limit = limits.memory_bytes === null ? 'none was declared' : bytes(limits.memory_bytes);
    return `It used more memory than there was. Its limit: ${limit}. Give it more with Resources(memory=…), or less to do.`;
  }
  if (/Timeout|TimedOut/.test(error.code)) {
    const limit = limits.max_runtime_s === null ? '' : ` Its limit: ${limits.max_runtime_s} s.`;
    return `It was stopped because its time was up${ran ? ` after ${ran}` : ''}.${limit}`;
  }
  if (error.kind === 'system') {
    return `This is not an error of your code; it was tried again ${limits.system_losses} of ${limits.system_retries} times.`;
  }
  return '';
}

/** Questions below that wait for somebody: nothing goes on there until they are answered. */
function Waiting({
  model,
  row,
  onSelect,
}: {
  model: RunModel;
  row: number;
  onSelect: (node: number) => void;
}) {
  if (!model.countsBelow(row)[PAUSED]) return null;
  const found: number[] = [];
  for (const other of model.rowsBelow(row)) if (model.phase[other] === PAUSED) found.push(other);
  return (
    <ul className={css.waiting} aria-label="Waits for an answer">
      {found.slice(0, 5).map(other => (
        <li key={other}>
          <Button onClick={() => onSelect(other)}>
            <PhaseGlyph phase={PAUSED} /> {model.nameOf(other)} waits for your answer
          </Button>
        </li>
      ))}
    </ul>
  );
}

/** Where else the same happened, and what below it failed first. */
function Causes({
  model,
  row,
  onSelect,
}: {
  model: RunModel;
  row: number;
  onSelect: (node: number) => void;
}) {
  let below = -1;
  for (const other of model.rowsBelow(row)) {
    if (!isBad(model.phase[other]!)) continue;
    if (below < 0 || model.ended[other]! < model.ended[below]!) below = other;
  }
  let others = 0;
  let next = -1;
  if (model.error[row]) {
    for (let other = 0; other < model.rows; other++) {
      if (other === row || model.error[other] !== model.error[row] || !isBad(model.phase[other]!)) continue;
      others++;
      if (next < 0 || (next < row && other > row)) next = other;
    }
  }
  return (
    <>
      {below >= 0 && (
        <button type="button" className={css.others} onClick={() => onSelect(below)}>
          Failed first: {model.nameOf(below)}
        </button>
      )}
      {others > 0 && (
        <button type="button" className={css.others} onClick={() => onSelect(next)}>
          {plural(others, 'other action')} failed the same way
        </button>
      )}
    </>
  );
}

/** The error as the user's code raised it: their frames bright, what belongs to libraries dim. */
export function ErrorCard({
  error,
  told = '',
  onCode,
  children,
}: {
  error: ErrorInfo;
  told?: string;
  onCode?: (place: string) => void;
  children?: ReactNode;
}) {
  const [all, setAll] = useState(true);
  const lines = error.traceback.replace(/\n+$/, '').split('\n');
  let dim = false;
  let last = '';
  const shades = lines.map(line => {
    const frame = /^\s*File "([^"]+)", line (\d+)/.exec(line);
    if (frame) {
      dim = /site-packages|dist-packages|\/lib\/python3|<frozen /.test(frame[1]!);
      if (!dim) last = `${frame[1]}:${frame[2]}`;
    } else if (/^\S/.test(line)) dim = false;
    return dim;
  });
  const report = `${error.code}: ${error.message}\n\n${error.traceback}`;
  return (
    <section className={css.error} aria-label="Error" data-testid="error">
      <div className={css.errorHead}>
        <PhaseGlyph phase={6} size={15} />
        <b>{error.code}</b>
        <span className={css.gap} />
        <CopyButton text={report} label="Copy the error" />
        <span className={css.kind}>{error.kind} error</span>
      </div>
      <pre className={css.message}>{error.message}</pre>
      {told && <p className={css.told}>{told}</p>}
      <div className={css.next}>
        {last && onCode && <Button onClick={() => onCode(last)}>Open the code</Button>}
        {shades.includes(true) && (
          <Button onClick={() => setAll(!all)}>{all ? 'Only my frames' : 'All frames'}</Button>
        )}
        {children}
      </div>
      {error.traceback && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <pre className={css.traceback} tabIndex={0}>
          {lines.map(
            (line, i) =>
              (all || !shades[i]) && (
                <span key={i} data-dim={shades[i]}>
                  {line}
                  {'\n'}
                </span>
              ),
          )}
        </pre>
      )}
    </section>
  );
}
