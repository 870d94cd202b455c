import type { ActionDetail, ErrorInfo } from '../api/types';
import { duration, elapsed, percent } from '../model/format';
import { isTerminal, PHASE_LONG, PHASE_TOKENS, RUNNING } from '../model/phases';
import type { RunModel } from '../model/run';
import { timeSpent } from '../model/stats';
import { CopyButton } from '../ui/controls';
import { PhaseGlyph } from '../ui/PhaseGlyph';
import css from './Details.module.css';

export function Summary({
  model,
  row,
  detail,
  attempt,
  now,
}: {
  model: RunModel;
  row: number;
  detail: ActionDetail;
  attempt: number;
  now: number;
}) {
  const phase = model.phase[row]!;
  const spent = timeSpent(model, row, now);
  const total = spent.reduce((sum, [, ms]) => sum + ms, 0);
  const error = attempt > 0 ? detail.tries.find(one => one.number === attempt)?.error : detail.error;
  // The last stretch is painted as it ended; the others are what they are.
  const shade = (which: number) => (which === RUNNING ? phase : which);
  return (
    <>
      {error && <ErrorCard error={error} />}
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
                {PHASE_LONG[which]}
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

/** The error as the user's code raised it: their frames bright, what belongs to libraries dim. */
export function ErrorCard({ error }: { error: ErrorInfo }) {
  const lines = error.traceback.replace(/\n+$/, '').split('\n');
  let dim = false;
  const shades = lines.map(line => {
    const frame = /^\s*File "([^"]+)"/.exec(line);
    if (frame) dim = /site-packages|dist-packages|\/lib\/python3|<frozen /.test(frame[1]!);
    else if (/^\S/.test(line)) dim = false;
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
      {error.traceback && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        <pre className={css.traceback} tabIndex={0}>
          {lines.map((line, i) => (
            <span key={i} data-dim={shades[i]}>
              {line}
              {'\n'}
            </span>
          ))}
        </pre>
      )}
    </section>
  );
}
