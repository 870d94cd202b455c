import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { getCode, getCodeFile } from '../api/client';
import type { RunKey } from '../api/types';
import { bytes } from '../model/format';
import { definedAt, shaded } from '../model/python';
import { CopyButton } from '../ui/controls';
import { Problem } from '../ui/Problem';
import css from './Depth.module.css';

const FOREVER = { staleTime: Number.POSITIVE_INFINITY, retry: false };

/** The code the task ran with, where it is defined marked; `place` is a file and line to go to instead. */
export function Code({ run, action, place }: { run: RunKey; action: string; place: string }) {
  const key = [run.project, run.domain, run.name, action];
  const listed = useQuery({
    queryKey: ['code', ...key],
    queryFn: ({ signal }) => getCode(run, action, signal),
    ...FOREVER,
  });
  const [wanted, wantedLine] = place.split(':');
  const files = listed.data?.files ?? [];
  const asked = wanted
    ? files.find(file => wanted === file.path || wanted.endsWith(`/${file.path}`))
    : undefined;
  const [chosen, setChosen] = useState('');
  const path = chosen || asked?.path || listed.data?.entry.file || files[0]?.path || '';
  const file = useQuery({
    queryKey: ['code', ...key, path],
    queryFn: ({ signal }) => getCodeFile(run, action, path, signal),
    enabled: path !== '',
    ...FOREVER,
  });
  const text = file.data?.text ?? '';
  const lines = useMemo(() => shaded(text, path.endsWith('.py')), [text, path]);
  const marked = useMemo(() => {
    if (asked && path === asked.path && wantedLine) return Number(wantedLine) - 1;
    return listed.data && path === listed.data.entry.file ? definedAt(text, listed.data.entry.name) : -1;
  }, [asked, wantedLine, listed.data, path, text]);
  const here = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text has another place to go to
  useEffect(() => here.current?.scrollIntoView({ block: 'center' }), [text, marked]);

  if (listed.error) return <Problem error={listed.error} what="the code" />;
  return (
    <section className={css.fill} aria-label="Code">
      <div className={css.bar}>
        <select aria-label="File" value={path} onChange={event => setChosen(event.target.value)}>
          {files.map(({ path: name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        {file.data && <span>{bytes(file.data.size_bytes)}</span>}
        {text && <CopyButton text={text} label="Copy the file" />}
      </div>
      {file.error && <Problem error={file.error} what={path} />}
      {file.data?.text === null && <p className={css.note}>This file is not text.</p>}
      {file.data?.cut && <p className={css.note}>Only the beginning of this file is shown.</p>}
      <div
        className={css.code}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        role="region"
        aria-label={path}
        data-testid="code"
      >
        {text &&
          lines.map((parts, i) => (
            <div key={i} className={css.row} data-here={i === marked} ref={i === marked ? here : undefined}>
              <span className={css.at}>{i + 1}</span>
              <code>
                {parts.map(([part, shade], j) => (
                  <span key={j} data-shade={shade || undefined}>
                    {part}
                  </span>
                ))}
              </code>
            </div>
          ))}
      </div>
    </section>
  );
}
