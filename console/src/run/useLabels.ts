import { useEffect, useMemo, useRef, useState } from 'react';
import { getLabels } from '../api/client';
import type { RunKey } from '../api/types';
import { isGroup, type Node, type RunModel } from '../model/run';

const AT_ONCE = 80;

type Pairs = [name: string, value: string][];

/** Short inputs of the rows on the screen that have siblings of the same name, fetched as they come into view. */
export function useLabels(run: RunKey, model: RunModel, visible: readonly Node[]): (node: Node) => string {
  const known = useMemo(() => ({ model, pairs: new Map<Node, Pairs>() }), [model]);
  const [, setVersion] = useState(0);
  const asked = useRef(new WeakMap<RunModel, Set<Node>>());
  const wanted = visible.filter(node => !isGroup(node) && !known.pairs.has(node) && hasTwin(model, node));
  const key = wanted.join(',');

  useEffect(() => {
    const before = asked.current.get(model) ?? new Set<Node>();
    asked.current.set(model, before);
    const rows = key.split(',').filter(Boolean).map(Number);
    const missing = rows.filter(row => !before.has(row)).slice(0, AT_ONCE);
    if (!missing.length) return;
    const timer = setTimeout(async () => {
      for (const row of missing) before.add(row);
      try {
        const { labels } = await getLabels(
          run,
          missing.map(row => model.ids[row]!),
        );
        for (const row of missing) known.pairs.set(row, labels[model.ids[row]!] ?? []);
        setVersion(version => version + 1);
      } catch {
        // Names alone will do; asked again when the rows come back.
        for (const row of missing) before.delete(row);
      }
    }, 60);
    return () => clearTimeout(timer);
  }, [run, model, known, key]);

  const differing = new Map<string, Map<string, Set<string>>>();
  for (const node of visible) {
    for (const [name, value] of known.pairs.get(node) ?? []) {
      const family = `${model.above(node)}/${model.name[node]}`;
      const names = differing.get(family) ?? new Map<string, Set<string>>();
      differing.set(family, names);
      names.set(name, (names.get(name) ?? new Set()).add(value));
    }
  }
  return (node: Node) => {
    const pairs = known.pairs.get(node);
    if (!pairs?.length) return '';
    const names = differing.get(`${model.above(node)}/${model.name[node]}`);
    return pairs
      .filter(([name]) => (names?.get(name)?.size ?? 0) > 1)
      .slice(0, 2)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ');
  };
}

/** Whether a sibling next to it has the same name: cheap, and true for every member of a fan-out. */
function hasTwin(model: RunModel, row: number): boolean {
  const siblings = model.childrenOf(model.above(row));
  if (siblings.length < 2) return false;
  if (siblings.length > 50) return true;
  return siblings.some(other => other !== row && !isGroup(other) && model.name[other] === model.name[row]);
}
