import { useCallback } from 'react';
import { useLocation, useSearch } from 'wouter';
import type { RunKey } from '../api/types';

const part = encodeURIComponent;

export const DEFAULT_PROJECT = 'flytesnacks';
export const DEFAULT_DOMAIN = 'development';

export function runsAddress(project: string, domain: string): string {
  return `/v2/runs/project/${part(project)}/domain/${part(domain)}`;
}

export function runAddress(run: RunKey): string {
  return `${runsAddress(run.project, run.domain)}/${part(run.name)}`;
}

export type Changes = Record<string, string | null>;

/** The page's state in the query string: read it, or change some of it; `null` removes a key. */
export function useQuery(): [URLSearchParams, (changes: Changes, push?: boolean) => void] {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const change = useCallback(
    (changes: Changes, push = false) => {
      const next = new URLSearchParams(location.search);
      for (const [key, value] of Object.entries(changes)) {
        if (value === null || value === '') next.delete(key);
        else next.set(key, value);
      }
      const text = next.toString();
      if (text === new URLSearchParams(location.search).toString()) return;
      navigate(text ? `${path}?${text}` : path, { replace: !push });
    },
    [path, navigate],
  );
  return [new URLSearchParams(search), change];
}
