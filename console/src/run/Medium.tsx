import { useQuery } from '@tanstack/react-query';
import { Download, File as FileIcon, Folder, Table2 } from 'lucide-react';
import { useState } from 'react';
import { getEntries, getTable, getText, mediumUrl } from '../api/client';
import type { Medium as Found, RunKey } from '../api/types';
import { bytes, count } from '../model/format';
import { Button, CopyButton, Dialog } from '../ui/controls';
import { Problem } from '../ui/Problem';
import css from './Medium.module.css';

const TEXT = /^(text\/|application\/(json|xml|x-yaml|toml|x-sh|javascript))|\+(json|xml)$/;
const NUMBER = /^(u?int|float|double|half|decimal)/;
const PREVIEW = 64 << 10;
const ROWS = 5;
const ALL_ROWS = 200;

interface Props {
  run: RunKey;
  action: string;
  which: 'inputs' | 'outputs';
  name: string;
  medium: Found;
}

/** A file, a directory or a table that a value names: what can be seen of it from here. */
export function Medium(props: Props) {
  const { run, action, which, name, medium } = props;
  const short = medium.uri.split('/').filter(Boolean).pop() ?? medium.uri;
  const icon =
    medium.kind === 'table' ? (
      <Table2 size={14} />
    ) : medium.kind === 'dir' ? (
      <Folder size={14} />
    ) : (
      <FileIcon size={14} />
    );
  return (
    <div className={css.medium}>
      <div className={css.head}>
        {icon}
        <code title={medium.uri}>{short}</code>
        {medium.size_bytes !== undefined && <span>{bytes(medium.size_bytes)}</span>}
        {medium.here && medium.kind === 'file' && (
          <a href={mediumUrl(run, action, which, name, 'file')} download aria-label={`Download ${short}`}>
            <Download size={14} />
          </a>
        )}
        <CopyButton text={medium.uri} label="Copy its address" />
      </div>
      {!medium.here ? (
        <p className={css.note}>
          It is not in this server's data directory; its address is all there is here.
        </p>
      ) : medium.kind === 'table' ? (
        <TableView {...props} />
      ) : medium.kind === 'dir' ? (
        <Directory {...props} />
      ) : medium.image ? (
        <img className={css.image} src={mediumUrl(run, action, which, name, 'file')} alt={short} />
      ) : TEXT.test(medium.mime) ? (
        <TextView {...props} />
      ) : null}
    </div>
  );
}

function TextView({ run, action, which, name, medium }: Props) {
  const url = mediumUrl(run, action, which, name, 'file');
  const text = useQuery({
    queryKey: ['text', url],
    queryFn: ({ signal }) => (medium.size_bytes ? getText(url, PREVIEW, signal) : Promise.resolve('')),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (text.error) return <Problem error={text.error} what="the file" />;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre className={css.text} tabIndex={0}>
        {text.data ?? ''}
      </pre>
      {(medium.size_bytes ?? 0) > PREVIEW && <p className={css.note}>The first {bytes(PREVIEW)}.</p>}
    </>
  );
}

function Directory({ run, action, which, name }: Props) {
  const url = mediumUrl(run, action, which, name, 'entries');
  const found = useQuery({
    queryKey: ['entries', url],
    queryFn: ({ signal }) => getEntries(url, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (found.error) return <Problem error={found.error} what="the directory" />;
  return (
    <ul className={css.files}>
      {found.data?.files.map(file => (
        <li key={file.path}>
          <a href={mediumUrl(run, action, which, name, 'file', file.path)} download>
            {file.path}
          </a>
          <span>{bytes(file.size_bytes)}</span>
        </li>
      ))}
      {found.data?.cut && <li>and more</li>}
    </ul>
  );
}

function TableView(props: Props) {
  const { run, action, which, name } = props;
  const [open, setOpen] = useState(false);
  const url = mediumUrl(run, action, which, name, 'table');
  const found = useQuery({
    queryKey: ['table', url, open],
    queryFn: ({ signal }) => getTable(url, open ? ALL_ROWS : ROWS, signal),
    placeholderData: before => before,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  if (found.error) return <Problem error={found.error} what="the table" />;
  if (!found.data) return null;
  const { columns, rows, total_rows, total_columns, size_bytes, format } = found.data;
  const grid = (limit: number) => (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <div className={css.scroll} tabIndex={0} role="region" aria-label={`First rows of ${name}`}>
      <table className={css.table}>
        <thead>
          <tr>
            {columns.map((column, i) => (
              <th key={i} scope="col" title={column.type} data-number={NUMBER.test(column.type)}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, limit).map((row, i) => (
            <tr key={i}>
              {row.map((cell, j) => (
                <td key={j} data-number={NUMBER.test(columns[j]!.type)}>
                  {cell === null ? <i>null</i> : String(cell)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
  return (
    <>
      {grid(ROWS)}
      <p className={css.note}>
        {count(total_rows)} × {count(total_columns)} · {bytes(size_bytes)} {format}{' '}
        <Button className={css.open} onClick={() => setOpen(true)}>
          Open table
        </Button>
      </p>
      <Dialog open={open} onClose={() => setOpen(false)} title={name} wide>
        {grid(ALL_ROWS)}
        <p className={css.note}>
          {rows.length < total_rows
            ? `The first ${count(rows.length)} of ${count(total_rows)} rows`
            : 'All rows'}
          {columns.length < total_columns && `, ${count(columns.length)} of ${count(total_columns)} columns`}.
        </p>
      </Dialog>
    </>
  );
}
