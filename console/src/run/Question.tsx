import { useState } from 'react';
import { answer } from '../api/client';
import { serverNow } from '../api/clock';
import type { ActionDetail, Question as Asked, Json, RunKey } from '../api/types';
import { useNow } from '../app/hooks';
import { parse } from '../model/form';
import { elapsed } from '../model/format';
import { Button, Refusal, Same } from '../ui/controls';
import { Markdown } from '../ui/Markdown';
import { PhaseGlyph } from '../ui/PhaseGlyph';
import css from './Question.module.css';

/** What a condition asks, and the place to answer. */
export function Question({ run, detail }: { run: RunKey; detail: ActionDetail }) {
  const asked = detail.question;
  if (!asked) return null;
  const waiting = detail.phase === 'paused';
  return (
    <section className={css.box} data-waiting={waiting} aria-label="Question" data-testid="question">
      <div className={css.head}>
        <PhaseGlyph phase={waiting ? 9 : 5} size={15} />
        <b>{waiting ? 'Waiting for your answer' : 'This was asked'}</b>
        {waiting && <Countdown detail={detail} />}
      </div>
      {asked.markdown ? (
        <Markdown>{asked.prompt}</Markdown>
      ) : (
        <p className={css.prompt}>{asked.prompt || asked.name}</p>
      )}
      {asked.description && <p className={css.soft}>{asked.description}</p>}
      {waiting && <Answer run={run} action={detail.name} asked={asked} />}
    </section>
  );
}

function Countdown({ detail }: { detail: ActionDetail }) {
  useNow(1000);
  const limit = detail.limits.deadline_s;
  if (limit === null) return null;
  const left = detail.created_ms + limit * 1000 - serverNow();
  return <span className={css.soft}>{left > 0 ? `${elapsed(left)} left` : 'its time is up'}</span>;
}

function Answer({ run, action, asked }: { run: RunKey; action: string; asked: Asked }) {
  const [text, setText] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const send = async (value: Json) => {
    setBusy(true);
    setProblem('');
    try {
      await answer(run, action, value);
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  const example = { bool: 'yes', int: '5', float: '0.5', str: 'some text' }[asked.type];
  const command = `flyte signal condition ${run.name} ${asked.name} ${text || example}`;
  const python = { bool: 'True', int: text || '5', float: text || '0.5', str: JSON.stringify(text) }[
    asked.type
  ];
  const call = `flyte.remote.Condition.get(${JSON.stringify(asked.name)}, run_name=${JSON.stringify(run.name)}).signal(${python})`;
  return (
    <>
      {asked.type === 'bool' ? (
        <div className={css.buttons}>
          <Button look="primary" disabled={busy} onClick={() => void send(true)}>
            Yes
          </Button>
          <Button disabled={busy} onClick={() => void send(false)}>
            No
          </Button>
        </div>
      ) : (
        <form
          className={css.buttons}
          onSubmit={event => {
            event.preventDefault();
            const parsed = parse({ kind: asked.type }, text);
            if ('error' in parsed) setProblem(`${parsed.error}.`);
            else void send(parsed.value);
          }}
        >
          <input
            value={text}
            aria-label="Your answer"
            placeholder={{ int: 'A whole number', float: 'A number', str: 'A text', bool: '' }[asked.type]}
            autoComplete="off"
            onChange={event => setText(event.target.value)}
          />
          <Button look="primary" type="submit" disabled={busy}>
            Answer
          </Button>
        </form>
      )}
      <Refusal>{problem}</Refusal>
      <Same command={command} call={call} />
    </>
  );
}
