import { useCallback, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import type { RunKey } from '../api/types';
import { runAddress } from '../app/address';
import { useNow } from '../app/hooks';
import { Expansion, flatten } from '../model/rows';
import type { Node, RunModel } from '../model/run';
import type { Window } from '../run/paint';
import { Timeline } from '../run/Timeline';
import { useRun } from '../run/useRun';
import css from './ComparePage.module.css';

const ALL = { text: '', phases: new Set<number>() };

/** Both runs on one time axis, each from its own beginning. */
export function Waterfalls({ a, b }: { a: RunKey; b: RunKey }) {
  const [one, other] = [useRun(a), useRun(b)];
  const now = useNow(1_000);
  const [zoomed, setZoomed] = useState<Window | null>(null);
  if (!one.model || !other.model) return null;
  const end = Math.max(...[one.model, other.model].map(model => model.extent(now - model.base)));
  const whole = { from: 0, to: Math.max(1, end * 1.02) };
  return (
    <section aria-label="Timelines">
      <h2>Both on one time axis, from their beginnings</h2>
      {([one, other] as const).map(({ model, version }, i) => (
        <div key={i ? 'b' : 'a'} className={css.waterfall} data-testid="waterfall">
          <b className={css.letter}>{i ? 'B' : 'A'}</b>
          <Waterfall
            run={i ? b : a}
            model={model!}
            version={version}
            whole={whole}
            shown={zoomed ?? whole}
            onZoom={setZoomed}
            now={now - model!.base}
          />
        </div>
      ))}
    </section>
  );
}

function Waterfall(props: {
  run: RunKey;
  model: RunModel;
  version: number;
  whole: Window;
  shown: Window;
  onZoom: (window: Window | null) => void;
  now: number;
}) {
  const { run, model } = props;
  const [, navigate] = useLocation();
  const [expansion, setExpansion] = useState(() => new Expansion());
  const rows = useMemo(() => flatten(model, expansion, ALL), [model, expansion, model.structure]);
  const isOpen = useCallback((node: Node) => expansion.isOpen(model, node), [expansion, model]);
  const toggle = useCallback(
    (node: Node, open: boolean) => setExpansion(before => before.with(node, open)),
    [],
  );
  const select = useCallback(
    (node: Node) => navigate(`${runAddress(run)}?action=${encodeURIComponent(model.idOf(node))}`),
    [navigate, run, model],
  );
  return (
    <Timeline
      {...props}
      rows={rows}
      selected={null}
      isOpen={isOpen}
      onSelect={select}
      onToggle={toggle}
      follow={false}
      flow={null}
    />
  );
}
