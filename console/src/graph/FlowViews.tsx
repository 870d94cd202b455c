import type { RunKey } from '../api/types';
import type { Node, RunModel } from '../model/run';
import { Bottlenecks, PathBar } from './Bottlenecks';
import { Graph } from './Graph';
import { useFlow } from './useFlow';

/** The views that need to know how data flowed, which is read when one of them is first opened. */
export function FlowViews({
  run,
  model,
  version,
  view,
  selected,
  onSelect,
  onView,
  now,
}: {
  run: RunKey;
  model: RunModel;
  version: number;
  view: 'graph' | 'bottlenecks';
  selected: Node;
  onSelect: (node: Node) => void;
  onView: (view: string) => void;
  now: number;
}) {
  const { flow, error, retry } = useFlow(run, model.finished);
  if (view === 'bottlenecks') {
    return <Bottlenecks model={model} flow={flow} error={error} onRetry={retry} onSelect={onSelect} />;
  }
  return (
    <>
      {flow && <PathBar flow={flow} onAsk={() => onView('bottlenecks')} />}
      <Graph
        model={model}
        version={version}
        flow={flow}
        error={error}
        onRetry={retry}
        selected={selected}
        onSelect={onSelect}
        now={now}
      />
    </>
  );
}
