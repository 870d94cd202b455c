import { ChevronDown, ChevronRight, Download } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { valueUrl } from '../api/client';
import type { Json, RunKey, ShownValue, ValueSide } from '../api/types';
import { Medium } from '../later';
import { bytes, count, plural } from '../model/format';
import { CopyButton } from '../ui/controls';
import css from './Values.module.css';

const FIRST = 100;
const LONG_TEXT = 400;

/** The named values of one side of an action. */
export function Values({
  run,
  action,
  which,
  side,
  empty,
  origin,
}: {
  run: RunKey;
  action: string;
  which: 'inputs' | 'outputs';
  side: ValueSide;
  empty: string;
  /** Where a value came from. */
  origin?: (name: string) => ReactNode;
}) {
  if (side.problem) {
    return (
      <div className={css.box}>
        <div className={css.empty}>
          {side.problem}
          {side.size_bytes > 0 && (
            <a href={valueUrl(run, action, which)} download>
              Download {bytes(side.size_bytes)}
            </a>
          )}
        </div>
      </div>
    );
  }
  if (!side.values.length) {
    return (
      <div className={css.box}>
        <div className={css.empty}>{empty}</div>
      </div>
    );
  }
  return (
    <ul className={css.box} data-testid={which}>
      {side.values.map(value => (
        <li key={value.name} className={css.value} data-value={value.name}>
          <Value value={value} href={valueUrl(run, action, which, value.name)} origin={origin?.(value.name)}>
            {value.medium && (
              <Medium run={run} action={action} which={which} name={value.name} medium={value.medium} />
            )}
          </Value>
        </li>
      ))}
    </ul>
  );
}

function Value({
  value,
  href,
  origin,
  children,
}: {
  value: ShownValue;
  href: string;
  origin: ReactNode;
  children?: ReactNode;
}) {
  const nested = !value.truncated && value.value !== null && typeof value.value === 'object';
  const long =
    Boolean(children) ||
    value.truncated ||
    nested ||
    (typeof value.value === 'string' && value.value.length > 40);
  const text = value.truncated ? value.preview! : JSON.stringify(value.value);
  return (
    <>
      <div className={css.title} data-wide={long}>
        <b>{value.name}</b>
        {value.type && <span className={css.type}>{value.type}</span>}
        {origin}
      </div>
      <div className={css.shown} data-wide={long}>
        {children || value.truncated ? (
          children || (
            <>
              <pre className={css.preview}>{value.preview}</pre>
              <p className={css.more}>
                The first {bytes(value.preview!.length)} of {bytes(value.size_bytes)}.{' '}
                <a href={href} download>
                  <Download size={13} aria-hidden="true" /> Download
                </a>
              </p>
            </>
          )
        ) : value.type === 'int' && typeof value.value === 'string' ? (
          <span className={css.number}>{value.value}</span>
        ) : (
          <Tree value={value.value!} depth={0} />
        )}
      </div>
      {!value.truncated && !children && (
        <div className={css.tools}>
          <CopyButton text={text} label={`Copy ${value.name}`} />
        </div>
      )}
    </>
  );
}

function Tree({ value, depth }: { value: Json; depth: number }) {
  if (value !== null && typeof value === 'object') return <Branch value={value} depth={depth} />;
  return <Leaf value={value} />;
}

function Leaf({ value }: { value: null | boolean | number | string }) {
  const [whole, setWhole] = useState(false);
  if (typeof value === 'string') {
    const text = whole || value.length <= LONG_TEXT ? value : `${value.slice(0, LONG_TEXT)}…`;
    return (
      <>
        <span className={css.string}>"{text}"</span>
        {text.length < value.length && (
          <button type="button" className={css.link} onClick={() => setWhole(true)}>
            all {count(value.length)} characters
          </button>
        )}
      </>
    );
  }
  if (typeof value === 'number') return <span className={css.number}>{String(value)}</span>;
  return <span className={css.word}>{value === null ? 'None' : value ? 'True' : 'False'}</span>;
}

function Branch({ value, depth }: { value: Json[] | { [key: string]: Json }; depth: number }) {
  const list = Array.isArray(value);
  const entries: [string, Json][] = list ? value.map((item, i) => [String(i), item]) : Object.entries(value);
  const [open, setOpen] = useState(depth < 2 && entries.length <= 20);
  const [shown, setShown] = useState(FIRST);
  const size = list ? `[${count(entries.length)}]` : `{${count(entries.length)}}`;
  if (!entries.length) return <span className={css.size}>{list ? '[]' : '{}'}</span>;
  return (
    <div className={css.branch}>
      <button type="button" className={css.toggle} aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? <ChevronDown size={12} /> : <ChevronRight size={12} />}
        {size}
        <span className="sr">{plural(entries.length, 'entry', 'entries')}</span>
      </button>
      {open && (
        <ul>
          {entries.slice(0, shown).map(([key, item]) => (
            <li key={key}>
              {!list && <span className={css.key}>{key}: </span>}
              <Tree value={item} depth={depth + 1} />
            </li>
          ))}
          {shown < entries.length && (
            <li>
              <button type="button" className={css.link} onClick={() => setShown(shown + 10 * FIRST)}>
                {count(entries.length - shown)} more
              </button>
            </li>
          )}
        </ul>
      )}
    </div>
  );
}
