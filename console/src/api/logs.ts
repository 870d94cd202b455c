import { LogModel } from '../model/logs';
import { ApiError, actionPath, request } from './client';
import { readEvents } from './sse';
import type { RunKey } from './types';

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
        model.append(data.lines as [number, number, string, string][]);
      } else if (event.event === 'end') {
        ended = true;
        const cut = data.cut as [number, number, string, string] | null;
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
