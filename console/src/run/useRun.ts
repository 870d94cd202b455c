import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useLayoutEffect, useState, useSyncExternalStore } from 'react';
import { getRun, getSnapshot } from '../api/client';
import { heardNow } from '../api/clock';
import { live, runTopic } from '../api/live';
import type { RunDetail, RunKey } from '../api/types';
import { Columns, fromBase64 } from '../model/decode';
import { RunModel } from '../model/run';

const EMPTY = new RunModel();

/** A run as it stands and as it goes on: its record, its model, and what went wrong on the way. */
export function useRun(run: RunKey): {
  detail: RunDetail | undefined;
  model: RunModel | null;
  version: number;
  error: Error | null;
  retry: () => void;
} {
  const { project, domain, name } = run;
  const client = useQueryClient();
  const [model, setModel] = useState<RunModel | null>(null);
  const [failure, setFailure] = useState<Error | null>(null);
  const [tries, setTries] = useState(0);

  const detail = useQuery({
    queryKey: ['run', project, domain, name],
    queryFn: async ({ signal }) => {
      const answer = await getRun({ project, domain, name }, signal);
      heardNow(answer.now_ms);
      return answer.run;
    },
  });

  // Not after the first paint: the snapshot is on its way already, and nothing is worth painting without it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `tries` asks for another attempt
  useLayoutEffect(() => {
    const key = { project, domain, name };
    const stop = new AbortController();
    let unsubscribe = () => {};
    async function load(): Promise<void> {
      const buffer = await getSnapshot(key, stop.signal);
      const begun = performance.now();
      const fresh = RunModel.from(new Columns(buffer));
      performance.measure('model', { start: begun });
      if (stop.signal.aborted) return;
      setModel(fresh);
      setFailure(null);
      if (fresh.finished) return;
      unsubscribe = live.subscribe(runTopic(project, domain, name), fresh.seq, event => {
        if (event.event === 'delta') {
          const before = fresh.phase[0];
          fresh.apply(new Columns(fromBase64(event.data.delta as string)));
          if (fresh.phase[0] === before) return;
        }
        // The record changed with the root's phase, or the run is over or gone.
        void client.invalidateQueries({ queryKey: ['run', project, domain, name] });
      });
    }
    load().catch(error => {
      if (!stop.signal.aborted) setFailure(error as Error);
    });
    return () => {
      stop.abort();
      unsubscribe();
    };
  }, [client, project, domain, name, tries]);

  const shown = model ?? EMPTY;
  const version = useSyncExternalStore(shown.subscribe, shown.getVersion);
  return {
    detail: detail.data,
    model,
    version,
    error: model && detail.data ? null : (failure ?? detail.error),
    retry: () => {
      setFailure(null);
      setTries(tries + 1);
      void detail.refetch();
    },
  };
}
