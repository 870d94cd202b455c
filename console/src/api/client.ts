import type {
  ActionDetail,
  ActionIO,
  Again,
  Comparison,
  FileEntry,
  Json,
  RunDetail,
  RunForm,
  RunKey,
  RunList,
  TablePreview,
  TaskStats,
} from './types';

const API = '/v2/api';

/** What the server refused, in its words; `status` 0: it did not answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly hint: string;

  constructor(status: number, message: string, hint = '') {
    super(message);
    this.status = status;
    this.hint = hint;
  }
}

const part = encodeURIComponent;

export function runPath(run: RunKey): string {
  return `${API}/runs/${part(run.project)}/${part(run.domain)}/${part(run.name)}`;
}

export function actionPath(run: RunKey, action: string): string {
  return `${runPath(run)}/actions/${part(action)}`;
}

export async function request(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...init });
  } catch (error) {
    if (init?.signal?.aborted) throw error;
    throw new ApiError(0, 'The server does not answer.', 'It starts again with: flyte start server');
  }
  if (response.ok) return response;
  let problem: { message?: string; hint?: string } = {};
  try {
    problem = ((await response.json()) as { error?: typeof problem }).error ?? {};
  } catch {
    // Not from our API: the status is all there is to say.
  }
  throw new ApiError(
    response.status,
    problem.message ?? `The server answered with status ${response.status}.`,
    problem.hint,
  );
}

export async function json<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await request(path, { signal })).json()) as T;
}

export interface RunFilter {
  project: string;
  domain: string;
  phases: string[];
  search: string;
  task: string;
  owner: string;
  mode: string;
  label: string;
  /** Milliseconds since the epoch; 0 for any time. */
  after: number;
  paused: boolean;
}

export const EVERY_RUN: Omit<RunFilter, 'project' | 'domain'> = {
  phases: [],
  search: '',
  task: '',
  owner: '',
  mode: '',
  label: '',
  after: 0,
  paused: false,
};

export function listRuns(filter: RunFilter, cursor: string, signal?: AbortSignal): Promise<RunList> {
  const query = new URLSearchParams({ project: filter.project, domain: filter.domain, limit: '50' });
  if (filter.phases.length) query.set('phase', filter.phases.join(','));
  if (filter.search) query.set('q', filter.search);
  for (const name of ['task', 'owner', 'mode', 'label'] as const) {
    if (filter[name]) query.set(name, filter[name]);
  }
  if (filter.after) query.set('after', String(filter.after));
  if (filter.paused) query.set('paused', '1');
  if (cursor) query.set('cursor', cursor);
  return json(`${API}/runs?${query}`, signal);
}

export function getRun(run: RunKey, signal?: AbortSignal): Promise<{ run: RunDetail; now_ms: number }> {
  return json(runPath(run), signal);
}

export async function getSnapshot(run: RunKey, signal?: AbortSignal): Promise<ArrayBuffer> {
  return (await request(`${runPath(run)}/snapshot`, { signal })).arrayBuffer();
}

export async function getGraph(run: RunKey, signal?: AbortSignal): Promise<ArrayBuffer> {
  return (await request(`${runPath(run)}/graph`, { signal })).arrayBuffer();
}

export function getAction(
  run: RunKey,
  action: string,
  signal?: AbortSignal,
): Promise<{ action: ActionDetail; now_ms: number }> {
  return json(actionPath(run, action), signal);
}

export function getIO(run: RunKey, action: string, signal?: AbortSignal): Promise<ActionIO> {
  return json(`${actionPath(run, action)}/io`, signal);
}

export function valueUrl(run: RunKey, action: string, role: 'inputs' | 'outputs', name?: string): string {
  const query = name === undefined ? '' : `?name=${part(name)}`;
  return `${actionPath(run, action)}/io/${role}${query}`;
}

async function post<T>(path: string, body: unknown): Promise<T> {
  const answer = await request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as T;
}

export async function abort(run: RunKey, action: string | undefined, reason: string): Promise<void> {
  const path = action === undefined ? runPath(run) : actionPath(run, action);
  await post(`${path}/abort`, { reason });
}

export async function answer(run: RunKey, action: string, value: Json): Promise<void> {
  await post(`${actionPath(run, action)}/answer`, { value });
}

export function getForm(run: RunKey, action: string, signal?: AbortSignal): Promise<RunForm> {
  return json(`${actionPath(run, action)}/form`, signal);
}

export async function rerun(run: RunKey, action: string, again: Again): Promise<RunKey> {
  return (await post<{ run: RunKey }>(`${actionPath(run, action)}/rerun`, again)).run;
}

export function reportUrl(run: RunKey, action: string, attempt: number): string {
  return `/v2/_usercontent/${[run.project, run.domain, run.name, action].map(part).join('/')}/${attempt}/report.html`;
}

export function getCode(
  run: RunKey,
  action: string,
  signal?: AbortSignal,
): Promise<{ files: FileEntry[]; entry: { file: string; name: string }; cut: boolean }> {
  return json(`${actionPath(run, action)}/code`, signal);
}

export function getCodeFile(
  run: RunKey,
  action: string,
  path: string,
  signal?: AbortSignal,
): Promise<{ path: string; size_bytes: number; cut: boolean; text: string | null }> {
  return json(`${actionPath(run, action)}/code/file?path=${part(path)}`, signal);
}

export function mediumUrl(
  run: RunKey,
  action: string,
  role: 'inputs' | 'outputs',
  name: string,
  what: 'file' | 'entries' | 'table',
  path = '',
): string {
  const below = path ? `&path=${part(path)}` : '';
  return `${actionPath(run, action)}/io/${role}/${what}?name=${part(name)}${below}`;
}

export function getTable(url: string, rows: number, signal?: AbortSignal): Promise<TablePreview> {
  return json(`${url}&limit=${rows}`, signal);
}

export function getEntries(url: string, signal?: AbortSignal): Promise<{ files: FileEntry[]; cut: boolean }> {
  return json(url, signal);
}

/** The beginning of a text file. */
export async function getText(url: string, bytes: number, signal?: AbortSignal): Promise<string> {
  return (await request(url, { signal, headers: { Range: `bytes=0-${bytes - 1}` } })).text();
}

export function getComparison(run: RunKey, other: string, signal?: AbortSignal): Promise<Comparison> {
  return json(`${runPath(run)}/compare/${part(other)}`, signal);
}

export function getTasks(
  project: string,
  domain: string,
  signal?: AbortSignal,
): Promise<{ tasks: TaskStats[]; owners: string[] }> {
  return json(`${API}/tasks?${new URLSearchParams({ project, domain })}`, signal);
}

/** The short inputs of some actions, by id: what tells members of a fan-out apart. */
export function getLabels(
  run: RunKey,
  ids: string[],
  signal?: AbortSignal,
): Promise<{ labels: Record<string, [name: string, value: string][]> }> {
  return json(`${runPath(run)}/labels?actions=${ids.map(part).join(',')}`, signal);
}
