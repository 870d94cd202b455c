import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { getGraph } from '../api/client';
import type { RunKey } from '../api/types';
import { Flow } from './flow';

const EVERY = 2_000;

/** How data flowed in a run, read when it is first looked at, and again while the run goes on. */
export function useFlow(
  { project, domain, name }: RunKey,
  finished: boolean,
  /** Without, only what was read already is told. */
  asked = true,
): { flow: Flow | null; error: Error | null; retry: () => void } {
  const { data, error, refetch } = useQuery({
    queryKey: ['graph', project, domain, name],
    enabled: asked,
    queryFn: async ({ signal }) => new Flow(await getGraph({ project, domain, name }, signal)),
    refetchInterval: query => (query.state.data?.report.open ? EVERY : false),
    structuralSharing: false,
  });
  const stale = asked && finished && data?.report.open === true;
  useEffect(() => {
    if (stale) void refetch();
  }, [stale, refetch]);
  return { flow: data ?? null, error: data ? null : error, retry: () => void refetch() };
}
