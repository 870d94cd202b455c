import { Plus, X } from 'lucide-react';
import { useEffect, useId, useState } from 'react';
import type { Json, Widget } from '../api/types';
import { blank, isPlain, parse, write } from '../model/form';
import { Button, IconButton } from '../ui/controls';
import css from './Form.module.css';

interface Props {
  widget: Widget;
  value: Json | undefined;
  label: string;
  path: string;
  onChange: (value: Json) => void;
  /** Told when what is typed is no value, and `null` when it is one again. */
  onError: (path: string, error: string | null) => void;
}

const MAX_ITEMS = 200;

/** A value of some type, as a person fills it in. */
export function Input(props: Props) {
  const { widget, value, label, path, onChange, onError } = props;
  switch (widget.kind) {
    case 'bool':
      return (
        <label className={css.check}>
          <input
            type="checkbox"
            checked={value === true}
            aria-label={label}
            onChange={event => onChange(event.target.checked)}
          />
          {value === true ? 'True' : 'False'}
        </label>
      );
    case 'enum':
      return (
        <select
          className={css.input}
          aria-label={label}
          value={String(value ?? '')}
          onChange={event => onChange(event.target.value)}
        >
          {widget.options.map(option => (
            <option key={option}>{option}</option>
          ))}
        </select>
      );
    case 'optional':
      return (
        <div className={css.optional}>
          <label className={css.check}>
            <input
              type="checkbox"
              checked={value !== null && value !== undefined}
              aria-label={`${label} is given`}
              onChange={event => onChange(event.target.checked ? blank(widget.of) : null)}
            />
            {value === null || value === undefined ? 'None' : 'given'}
          </label>
          {value !== null && value !== undefined && <Input {...props} widget={widget.of} />}
        </div>
      );
    case 'list':
      if (!Array.isArray(value) || value.length > MAX_ITEMS) break;
      return (
        <div className={css.list}>
          {value.map((item, i) => (
            <div key={i} className={css.item}>
              <Input
                widget={widget.items}
                value={item}
                label={`${label} ${i + 1}`}
                path={`${path}[${i}]`}
                onChange={next => onChange(value.map((other, j) => (j === i ? next : other)))}
                onError={onError}
              />
              <IconButton
                label={`Remove ${label} ${i + 1}`}
                onClick={() => onChange(value.filter((_, j) => j !== i))}
              >
                <X size={14} />
              </IconButton>
            </div>
          ))}
          <Button className={css.add} onClick={() => onChange([...value, blank(widget.items)])}>
            <Plus size={13} /> Add
          </Button>
        </div>
      );
    case 'object': {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) break;
      const names = Object.keys(value);
      const all = [...names, ...Object.keys(widget.fields).filter(name => !names.includes(name))];
      return (
        <div className={css.object}>
          {all.map(name => (
            <div key={name} className={css.member}>
              <span>{name}</span>
              <Input
                widget={widget.fields[name] ?? { kind: 'json' }}
                value={value[name]}
                label={`${label} ${name}`}
                path={`${path}.${name}`}
                onChange={next => onChange({ ...value, [name]: next })}
                onError={onError}
              />
            </div>
          ))}
        </div>
      );
    }
    default:
      break;
  }
  return <Text {...props} widget={isPlain(widget) ? widget : { kind: 'json' }} />;
}

/** One field of text, which may be wrong for a while. */
function Text({ widget, value, label, path, onChange, onError }: Props) {
  const id = useId();
  const [text, setText] = useState(() => write(widget, value));
  const [error, setError] = useState('');
  const written = write(widget, value);
  // Changed from outside (reset, or written as JSON): what is shown follows, unless it says the same.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a new value from outside counts
  useEffect(() => {
    const parsed = parse(widget, text);
    if ('value' in parsed && write(widget, parsed.value) === written) return;
    setText(written);
    setError('');
    onError(path, null);
  }, [written]);
  const type = (next: string) => {
    setText(next);
    const parsed = parse(widget, next);
    const problem = 'error' in parsed ? parsed.error : '';
    setError(problem);
    onError(path, problem || null);
    if ('value' in parsed) onChange(parsed.value);
  };
  const shared = {
    className: css.input,
    value: text,
    'aria-label': label,
    'aria-invalid': error !== '',
    'aria-describedby': error ? id : undefined,
    spellCheck: false,
    onChange: (event: { target: { value: string } }) => type(event.target.value),
  };
  const long = widget.kind === 'json' || (widget.kind === 'str' && (text.includes('\n') || text.length > 60));
  return (
    <div className={css.text}>
      {long ? (
        <textarea {...shared} rows={Math.min(12, Math.max(2, text.split('\n').length))} />
      ) : (
        <input
          {...shared}
          autoComplete="off"
          inputMode={widget.kind === 'int' ? 'numeric' : widget.kind === 'float' ? 'decimal' : undefined}
          onKeyDown={event => {
            // A text of several lines begins with a line break.
            if (widget.kind === 'str' && event.key === 'Enter' && event.shiftKey) {
              event.preventDefault();
              type(`${text}\n`);
            }
          }}
        />
      )}
      {error && (
        <p id={id} className={css.problem}>
          {error}
        </p>
      )}
    </div>
  );
}
