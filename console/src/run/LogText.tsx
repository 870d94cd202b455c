import Anser from 'anser';
import { type Search, split } from '../model/logs';

const BASE = ['30', '31', '32', '33', '34', '35', '36', '37'];
const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];

function colour(name: string | null): string | undefined {
  const index = name === null ? -1 : NAMES.indexOf(name.replace(/^ansi-(bright-)?/, ''));
  return index < 0 ? undefined : `var(--ansi-${BASE[index]})`;
}

/** Text with its colours as elements; nothing of a line is ever taken as HTML. */
export function spans(text: string, wanted: Search) {
  const parts = text.includes('\x1b')
    ? Anser.ansiToJson(text, { use_classes: true, remove_empty: true })
    : null;
  const marked = (content: string) =>
    split(content, wanted).map(([part, hit], i) => (hit ? <mark key={i}>{part}</mark> : part));
  if (!parts) return marked(text);
  return parts.map((part, i) => (
    <span
      key={i}
      style={{
        color: colour(part.fg),
        fontWeight: part.decorations.includes('bold') ? 600 : undefined,
        fontStyle: part.decorations.includes('italic') ? 'italic' : undefined,
        opacity: part.decorations.includes('dim') ? 0.7 : undefined,
      }}
    >
      {marked(part.content)}
    </span>
  ));
}
