import { renderToStaticMarkup } from 'preact-render-to-string';
import { describe, expect, it } from 'vitest';
import { Markdown } from '../src/ui/Markdown';

const shown = (text: string) =>
  renderToStaticMarkup(<Markdown>{text}</Markdown>)
    .replace(/ (class|target|rel)="[^"]*"/g, '')
    .replace(/^<div>(.*)<\/div>$/s, '$1');

describe('Markdown', () => {
  it.each([
    [
      '# Publish?\nAll **good**, *mostly*',
      '<h3>Publish?</h3><p>All <strong>good</strong>, <em>mostly</em></p>',
    ],
    ['- a\n- `b*c*`\n\n1. one', '<ul><li>a</li><li><code>b*c*</code></li></ul><ol><li>one</li></ol>'],
    [
      '```py\nx = 1 < 2\n```\n> so\n> be it',
      '<pre>x = 1 &lt; 2</pre><blockquote><p>so\nbe it</p></blockquote>',
    ],
    [
      '[a **b**](https://x.y/z) and https://q.r.',
      '<p><a href="https://x.y/z">a <strong>b</strong></a> and <a href="https://q.r">https://q.r</a>.</p>',
    ],
    ['snake_case_name 2*3*4', '<p>snake_case_name 2<em>3</em>4</p>'],
    ['```\nnever ended', '<pre>never ended</pre>'],
  ])('%j', (text, html) => expect(shown(text)).toBe(html));

  it.each([
    '[x](javascript:alert(1))',
    '<img src=x onerror=alert(1)>',
    '![x](http://evil/x.png)',
    '[x](data:text/html,1)',
  ])('makes nothing that acts of %j', text => {
    expect(shown(text)).not.toMatch(/<img|<script|href="(?!https?:)/);
  });
});
