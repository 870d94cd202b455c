import { useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { rerun } from '../api/client';
import type { Again, Json, RunForm, RunKey } from '../api/types';
import { runAddress } from '../app/address';
import { blank, lines, pairs, python, same, shell } from '../model/form';
import { Button, Refusal, Same, Tabs } from '../ui/controls';
import { Input } from './Form';
import css from './RerunDialog.module.css';

/** Set by this program for its own use; not for people to change. */
const OURS = new Set(['FLYTE_PYTHON']);

/** What is to be different, field by field or as JSON. */
export function RerunForm({
  run,
  action,
  form,
  atOnce,
  onClose,
}: {
  run: RunKey;
  action: string;
  form: RunForm;
  atOnce: boolean;
  onClose: () => void;
}) {
  const [, navigate] = useLocation();
  const given = Object.fromEntries(
    form.fields.map(field => [field.name, field.given ? field.value! : blank(field.widget)]),
  );
  const visibleEnv = Object.fromEntries(Object.entries(form.env).filter(([name]) => !OURS.has(name)));
  const [values, setValues] = useState<Record<string, Json>>(given);
  const [errors, setErrors] = useState<Record<string, string>>({});
  const [tab, setTab] = useState('form');
  const [text, setText] = useState('');
  const [textError, setTextError] = useState('');
  const [labels, setLabels] = useState(() => lines(form.labels));
  const [env, setEnv] = useState(() => lines(visibleEnv));
  const [fresh, setFresh] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');

  const changed = form.fields.filter(field => !field.given || !same(values[field.name], given[field.name]));
  const wrong = Object.keys(errors).length > 0 || textError !== '';
  const setError = (path: string, error: string | null) =>
    setErrors(before => {
      if ((before[path] ?? null) === error) return before;
      const { [path]: _, ...rest } = before;
      return error === null ? rest : { ...rest, [path]: error };
    });
  const show = (next: string) => {
    if (next === 'json') setText(JSON.stringify(values, null, 2));
    setTextError('');
    setErrors({});
    setTab(next);
  };
  const write = (next: string) => {
    setText(next);
    try {
      const parsed = JSON.parse(next) as Json;
      if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
        throw new Error('an object');
      const unknown = Object.keys(parsed).find(name => !(name in given));
      if (unknown !== undefined) throw new Error(`there is no input ${unknown}`);
      setValues({ ...given, ...parsed });
      setTextError('');
    } catch (error) {
      setTextError((error as Error).message);
    }
  };
  const submit = async () => {
    setBusy(true);
    setProblem('');
    const again: Again = {
      inputs: Object.fromEntries(changed.map(field => [field.name, values[field.name]!])),
      overwrite_cache: fresh,
    };
    if (!same(pairs(labels), form.labels)) again.labels = pairs(labels);
    if (!same(pairs(env), visibleEnv)) again.env = pairs(env);
    try {
      const created = await rerun(run, action, again);
      onClose();
      navigate(runAddress(created));
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  const failing = form.fields.find(({ name }) => new RegExp(`^${literally(name)}\\b`).test(problem))?.name;
  const words = ['flyte', 'rerun', run.name, ...(action === 'a0' ? [] : ['--action-name', action])];
  for (const field of changed) {
    const value = values[field.name]!;
    words.push(`--${field.name}`, shell(typeof value === 'string' ? value : JSON.stringify(value)));
  }
  const call = [
    `flyte.rerun(${JSON.stringify(run.name)}`,
    ...(action === 'a0' ? [] : [`action_name=${JSON.stringify(action)}`]),
    ...changed.map(field => `${field.name}=${python(values[field.name]!)}`),
  ].join(', ');

  const asked = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was wished for while this was loading, once
  useEffect(() => {
    if (!atOnce || asked.current) return;
    asked.current = true;
    void submit();
  }, []);

  return (
    <form
      className={css.form}
      onSubmit={event => {
        event.preventDefault();
        if (!wrong && !busy) void submit();
      }}
    >
      <div className={css.tabs}>
        <Tabs
          tabs={[
            { id: 'form', label: 'Inputs' },
            { id: 'json', label: 'As JSON' },
            { id: 'settings', label: 'Settings' },
          ]}
          value={tab}
          onChange={show}
          label="Rerun"
          panelId="rerun-panel"
        />
      </div>
      <div className={css.panel} role="tabpanel" id="rerun-panel" aria-labelledby={`rerun-panel-${tab}`}>
        {tab === 'form' &&
          (form.fields.length === 0 ? (
            <p>This task takes no inputs.</p>
          ) : (
            form.fields.map(field => {
              const differs = changed.includes(field) && field.given;
              return (
                <div key={field.name} className={css.field} data-changed={differs}>
                  <div className={css.name}>
                    <b>{field.name}</b>
                    <span>{field.type}</span>
                    {differs && (
                      <button
                        type="button"
                        onClick={() => setValues({ ...values, [field.name]: given[field.name]! })}
                      >
                        reset
                      </button>
                    )}
                  </div>
                  <div>
                    <Input
                      widget={field.widget}
                      value={values[field.name]}
                      label={field.name}
                      path={field.name}
                      onChange={value => setValues(before => ({ ...before, [field.name]: value }))}
                      onError={setError}
                    />
                    {field.description && <p className={css.soft}>{field.description}</p>}
                    {failing === field.name && <p className={css.problem}>{problem}</p>}
                  </div>
                </div>
              );
            })
          ))}
        {tab === 'json' && (
          <>
            <textarea
              className={css.json}
              aria-label="Inputs as JSON"
              aria-invalid={textError !== ''}
              spellCheck={false}
              rows={Math.min(22, Math.max(6, text.split('\n').length + 1))}
              value={text}
              onChange={event => write(event.target.value)}
            />
            {textError && <p className={css.problem}>Not the inputs of this task: {textError}</p>}
          </>
        )}
        {tab === 'settings' && (
          <>
            <label className={css.block}>
              Labels, one a line
              <textarea
                className={css.json}
                rows={3}
                value={labels}
                placeholder="team=forecast"
                onChange={event => setLabels(event.target.value)}
              />
            </label>
            <label className={css.block}>
              Environment variables, one a line
              <textarea
                className={css.json}
                rows={3}
                value={env}
                placeholder="LOG_LEVEL=debug"
                onChange={event => setEnv(event.target.value)}
              />
            </label>
            <label className={css.inline}>
              <input type="checkbox" checked={fresh} onChange={event => setFresh(event.target.checked)} /> Do
              not use what the cache has; run everything
            </label>
          </>
        )}
      </div>
      <Same command={words.join(' ')} call={`${call})`} />
      <Refusal>{failing ? '' : problem}</Refusal>
      <div className={css.buttons}>
        <span className={css.soft}>{changed.length ? `${changed.length} changed` : 'Nothing changed'}</span>
        <Button onClick={onClose}>Cancel</Button>
        <Button look="primary" type="submit" disabled={busy || wrong}>
          {busy ? 'Starting…' : 'Run'}
        </Button>
      </div>
    </form>
  );
}

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
