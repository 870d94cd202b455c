import { ARGUMENT, CONFIDENCE_WORDS, type Link, RESULT } from '../graph/flow';
import { count } from '../model/format';
import type { Node, RunModel } from '../model/run';
import css from './Values.module.css';

const FIRST = 3;

/** The actions at the other ends of some edges, each a way there. */
export function Lineage({
  links,
  words,
  model,
  onSelect,
}: {
  links: readonly Link[] | undefined;
  words: string;
  model: RunModel;
  onSelect: (node: Node) => void;
}) {
  if (!links?.length) return null;
  const seen = new Map(links.map(link => [`${link.row}/${link.param}`, link]));
  const shown = [...seen.values()].slice(0, FIRST);
  return (
    <span className={css.lineage} data-testid="lineage">
      {words}{' '}
      {shown.map((link, i) => (
        <span key={`${link.row}/${link.param}`}>
          {i > 0 && ', '}
          <button type="button" title={storyOf(link)} onClick={() => onSelect(link.row)}>
            {model.nameOf(link.row)}
          </button>
          {link.relation === ARGUMENT && words === 'from' && '’s inputs'}
        </span>
      ))}
      {seen.size > FIRST && ` and ${count(seen.size - FIRST)} more`}
    </span>
  );
}

function storyOf({ param, relation, confidence }: Link): string {
  const what = relation === RESULT ? 'output' : 'input';
  return `${what} ${param}, ${CONFIDENCE_WORDS[confidence]}`;
}
