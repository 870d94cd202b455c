/** Python text cut into what is coloured differently. Enough to read code by, not a parser. */

export type Shade = 'keyword' | 'string' | 'comment' | 'number' | 'name' | '';

const KEYWORDS = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from ' +
    'global if import in is lambda match case nonlocal not or pass raise return try while with yield'
  ).split(' '),
);
const TOKEN =
  /(#[^\n]*)|([rbfuRBFU]{0,2}(?:"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))|\b(\d[\w.]*)|([A-Za-z_]\w*)/g;

/** The lines of a text, each as parts with their shade. */
export function shaded(text: string, python: boolean): [string, Shade][][] {
  const lines: [string, Shade][][] = [[]];
  const add = (part: string, shade: Shade) => {
    part.split('\n').forEach((piece, i) => {
      if (i) lines.push([]);
      if (piece) lines[lines.length - 1]!.push([piece, shade]);
    });
  };
  if (!python) {
    add(text, '');
    return lines;
  }
  let at = 0;
  let before = '';
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > at) add(text.slice(at, match.index), '');
    at = match.index + match[0].length;
    const word = match[4];
    const shade: Shade = match[1]
      ? 'comment'
      : match[2]
        ? 'string'
        : match[3]
          ? 'number'
          : KEYWORDS.has(word!)
            ? 'keyword'
            : before === 'def' || before === 'class'
              ? 'name'
              : '';
    before = word ?? '';
    add(match[0], shade);
  }
  if (at < text.length) add(text.slice(at), '');
  return lines;
}

/** The line, from 0, on which a function is defined; -1 when none is. */
export function definedAt(text: string, name: string): number {
  const lines = text.split('\n');
  const wanted = name.split('.').pop()!;
  return lines.findIndex(line => {
    const match = /^\s*(?:async\s+)?(?:def|class)\s+(\w+)/.exec(line);
    return match?.[1] === wanted;
  });
}
