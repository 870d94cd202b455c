import type { ReactNode } from 'react';
import css from './Markdown.module.css';

/**
 * Markdown as elements: paragraphs, headings, lists, quotes, code, emphasis and links. Nothing of a text is ever
 * taken as HTML, and a link leads only to http and https.
 */
export function Markdown({ children }: { children: string }) {
  return <div className={css.markdown}>{blocks(children.replace(/\r\n?/g, '\n').split('\n'))}</div>;
}

const ITEM = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/;

function blocks(lines: string[]): ReactNode[] {
  const found: ReactNode[] = [];
  let at = 0;
  /** The lines from here on that pass, taken. */
  const take = (passes: (line: string) => boolean): string[] => {
    const begin = at;
    while (at < lines.length && passes(lines[at]!)) at++;
    return lines.slice(begin, at);
  };
  while (at < lines.length) {
    const line = lines[at]!;
    const key = at;
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (!line.trim()) at++;
    else if (line.startsWith('```')) {
      at++;
      const code = take(each => !each.startsWith('```'));
      at++;
      found.push(<pre key={key}>{code.join('\n')}</pre>);
    } else if (heading) {
      at++;
      found.push(<h3 key={key}>{inline(heading[2]!)}</h3>);
    } else if (/^(-{3,}|\*{3,})\s*$/.test(line)) {
      at++;
      found.push(<hr key={key} />);
    } else if (line.startsWith('>')) {
      const quoted = take(each => each.startsWith('>')).map(each => each.replace(/^> ?/, ''));
      found.push(<blockquote key={key}>{blocks(quoted)}</blockquote>);
    } else if (ITEM.test(line)) {
      const numbered = ITEM.exec(line)![1] !== undefined;
      const items = take(each => ITEM.test(each) && (ITEM.exec(each)![1] !== undefined) === numbered);
      const List = numbered ? 'ol' : 'ul';
      found.push(
        <List key={key}>
          {items.map((item, i) => (
            <li key={i}>{inline(ITEM.exec(item)![2]!)}</li>
          ))}
        </List>,
      );
    } else {
      const text = take(each => each.trim() !== '' && !/^(#{1,6}\s|```|>)/.test(each) && !ITEM.test(each));
      found.push(<p key={key}>{inline(text.join('\n'))}</p>);
    }
  }
  return found;
}

/** Code, links, bold and italic: the first of them, and the rest after it. */
const SPAN =
  /`([^`\n]+)`|\[([^\]\n]*)\]\((https?:\/\/[^\s()]+)\)|(https?:\/\/[^\s<>()]+[^\s<>().,;:!?])|\*\*([^\n]+?)\*\*|\*([^\s*][^\n*]*?)\*|(?<!\w)_([^\s_][^\n_]*?)_(?!\w)/;

function inline(text: string): ReactNode[] {
  const found: ReactNode[] = [];
  let rest = text;
  for (let key = 0; rest; key++) {
    const match = SPAN.exec(rest);
    if (!match) {
      found.push(rest);
      break;
    }
    if (match.index) found.push(rest.slice(0, match.index));
    const [whole, code, words, href, bare, bold, starred, lined] = match;
    const link = href ?? bare;
    if (code !== undefined) found.push(<code key={key}>{code}</code>);
    else if (link !== undefined) {
      found.push(
        <a key={key} href={link} target="_blank" rel="noreferrer noopener">
          {words ? inline(words) : link}
        </a>,
      );
    } else if (bold !== undefined) found.push(<strong key={key}>{inline(bold)}</strong>);
    else found.push(<em key={key}>{inline(starred ?? lined ?? '')}</em>);
    rest = rest.slice(match.index + whole.length);
  }
  return found;
}
