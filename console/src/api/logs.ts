import { type LogLine, LogModel, visible } from '../model/logs';
import { ApiError, actionPath, json, request, runPath } from './client';
import { readEvents } from './sse';
import type { MergedLine, RunKey } from './types';

type Sent = [number: number, at: number, stream: string, text: string];

/** Follows one attempt's log into a model until it ends or the returned function is called. */
export function followLog(run: RunKey, action: string, attempt: number): [LogModel, () => void] {
  const model = new LogModel();
  const stop = new AbortController();
  let after = '';
  let delay = 500;

  async function follow(): Promise<void> {
    const query = new URLSearchParams({ attempt: String(attempt) });
    if (after) query.set('after', after);
    const response = await request(`${actionPath(run, action)}/logs?${query}`, { signal: stop.signal });
    let ended = false;
    await readEvents(response, event => {
      if (stop.signal.aborted) return;
      delay = 500;
      const data = JSON.parse(event.data) as Record<string, unknown>;
      if (event.event === 'begin' && !after) {
        model.begin(data.first_line as number, data.skipped_bytes as number);
      } else if (event.event === 'lines') {
        after = event.id;
        if (model.state === 'lost') model.set('live');
        model.append(data.lines as Sent[]);
      } else if (event.event === 'end') {
        ended = true;
        const cut = data.cut as Sent | null;
        if (cut) model.append([[cut[0], cut[1], cut[2], `${cut[3]} ⏎̸`]]);
        model.set('ended');
      }
    });
    if (!ended) throw new Error('The log broke off.');
  }

  async function keepFollowing(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await follow();
        return;
      } catch (error) {
        if (stop.signal.aborted) return;
        model.set(error instanceof ApiError && error.status >= 400 ? 'ended' : 'lost');
        if (model.state === 'ended') return;
      }
      await new Promise(resolve => setTimeout(resolve, delay));
      delay = Math.min(10_000, delay * 2);
    }
  }

  void keepFollowing();
  return [model, () => stop.abort()];
}

export function logUrl(run: RunKey, action: string, attempt: number): string {
  return `${actionPath(run, action)}/logs.txt?attempt=${attempt}&times=1`;
}

/** Lines from one on, of the part that a followed log leaves out. */
export async function getLogPart(
  run: RunKey,
  action: string,
  attempt: number,
  line: number,
  signal?: AbortSignal,
): Promise<LogLine[]> {
  const query = new URLSearchParams({ attempt: String(attempt), line: String(line) });
  const found = await json<{ lines: Sent[] }>(`${actionPath(run, action)}/logs/part?${query}`, signal);
  return found.lines.map(([number, at, stream, text]) => ({ number, at, stream, text: visible(text) }));
}

/** Which lines before one hold a text. */
export function searchSkipped(
  run: RunKey,
  action: string,
  attempt: number,
  text: string,
  exact: boolean,
  before: number,
  signal?: AbortSignal,
): Promise<{ lines: Sent[]; found: number; complete: boolean }> {
  const query = new URLSearchParams({ attempt: String(attempt), q: text, before: String(before) });
  if (exact) query.set('exact', '1');
  return json(`${actionPath(run, action)}/logs/search?${query}`, signal);
}

export function getMergedLogs(
  run: RunKey,
  query: URLSearchParams,
  signal?: AbortSignal,
): Promise<{ lines: MergedLine[]; found: number; complete: boolean }> {
  return json(`${runPath(run)}/logs?${query}`, signal);
}

export function mergedLogsUrl(run: RunKey, query: URLSearchParams): string {
  return `${runPath(run)}/logs.txt?${query}`;
}
