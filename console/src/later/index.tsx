import { type ComponentProps, type ComponentType, lazy, Suspense } from 'react';

type Parts = typeof import('./parts');

const parts = () => import('./parts');

/** Fetch what is not needed at first, once the page stands. */
export function fetchLater(): void {
  const fetch = () => void parts().catch(() => undefined);
  if ('requestIdleCallback' in window) requestIdleCallback(fetch, { timeout: 3_000 });
  else setTimeout(fetch, 500);
}

/** A part as a component that is empty until it has come. */
function later<K extends keyof Parts>(name: K) {
  const Part = lazy(async () => ({ default: (await parts())[name] as ComponentType<object> }));
  return (props: ComponentProps<Parts[K]>) => (
    <Suspense fallback={null}>
      <Part {...(props as object)} />
    </Suspense>
  );
}

export const FlowViews = later('FlowViews');
export const ComparePage = later('ComparePage');
export const TasksPage = later('TasksPage');
export const Code = later('Code');
export const Logs = later('Logs');
export const Medium = later('Medium');
export const MergedLogs = later('MergedLogs');
export const Report = later('Report');
export const RerunForm = later('RerunForm');
