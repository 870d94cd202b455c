import type { ActionDetail } from '../api/types';
import { duration, timeOfDay } from '../model/format';
import { isTerminal, PHASE_LONG, phaseNumber } from '../model/phases';
import { PhaseGlyph } from '../ui/PhaseGlyph';
import css from './Details.module.css';

interface Row {
  at: number;
  phase: number;
  what: string;
  note: string;
}

const STATES: Record<string, string> = {
  ok: 'succeeded',
  failed: 'failed',
  timed_out: 'timed out',
  lost: 'was lost',
  killed: 'was stopped',
};

function rows(detail: ActionDetail): Row[] {
  const found: Row[] = [{ at: detail.created_ms, phase: 1, what: 'Created', note: '' }];
  for (const attempt of detail.tries) {
    for (const { phase, at_ms } of attempt.transitions) {
      const number = phaseNumber(phase);
      // How the attempt ended is told below, with its error.
      if (isTerminal(number) || (attempt.number === 1 && phase === 'queued')) continue;
      const note = phase === 'initializing' ? attempt.worker : '';
      found.push({
        at: at_ms,
        phase: number,
        what: `Attempt ${attempt.number}: ${PHASE_LONG[number]!.toLowerCase()}`,
        note,
      });
    }
    if (attempt.ended_ms !== null) {
      const error = attempt.error;
      found.push({
        at: attempt.ended_ms,
        phase:
          attempt.state === 'ok' ? 5 : attempt.state === 'timed_out' ? 8 : attempt.state === 'killed' ? 7 : 6,
        what: `Attempt ${attempt.number} ${STATES[attempt.state] ?? attempt.state}`,
        note: error ? `${error.code}: ${error.message.split('\n')[0]}` : '',
      });
    }
  }
  if (detail.not_before_ms !== null) {
    found.push({ at: detail.not_before_ms, phase: 1, what: 'Next attempt, not earlier', note: '' });
  }
  if (detail.end_ms !== null) {
    const phase = phaseNumber(detail.phase);
    found.push({ at: detail.end_ms, phase, what: PHASE_LONG[phase]!, note: detail.abort_reason ?? '' });
  }
  return found
    .map((row, i) => ({ row, i }))
    .sort((a, b) => a.row.at - b.row.at || a.i - b.i)
    .map(({ row }) => row);
}

/** What happened to the action, in order. */
export function Events({ detail }: { detail: ActionDetail }) {
  return (
    <ol className={css.events} data-testid="events">
      {rows(detail).map((row, i) => (
        <li key={i}>
          <time className="num">{timeOfDay(row.at)}</time>
          <PhaseGlyph phase={row.phase} />
          <div>
            {row.what}
            {row.note && <p>{row.note}</p>}
          </div>
          <span className="num">+{duration(row.at - detail.created_ms)}</span>
        </li>
      ))}
    </ol>
  );
}
