import type { ActionDetail, ActionIO, RunDetail, RunKey, RunList } from './types';

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

async function json<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await request(path, { signal })).json()) as T;
}

export interface RunFilter {
  project: string;
  domain: string;
  phases: string[];
  search: string;
}

export function listRuns(filter: RunFilter, cursor: string, signal?: AbortSignal): Promise<RunList> {
  const query = new URLSearchParams({ project: filter.project, domain: filter.domain, limit: '50' });
  if (filter.phases.length) query.set('phase', filter.phases.join(','));
  if (filter.search) query.set('q', filter.search);
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

export async function abort(run: RunKey, action: string | undefined, reason: string): Promise<void> {
  const path = action === undefined ? runPath(run) : actionPath(run, action);
  await request(`${path}/abort`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ reason }),
  });
}

/** The short inputs of some actions, by id: what tells members of a fan-out apart. */
export function getLabels(
  run: RunKey,
  ids: string[],
  signal?: AbortSignal,
): Promise<{ labels: Record<string, [name: string, value: string][]> }> {
  return json(`${runPath(run)}/labels?actions=${ids.map(part).join(',')}`, signal);
}
