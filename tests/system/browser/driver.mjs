// A real Chromium, driven line by line: a JSON command on standard input, its JSON result on standard output.
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const [, , consoleDirectory, executablePath] = process.argv;
const require = createRequire(`${consoleDirectory}/package.json`);
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const browser = await chromium.launch({
  executablePath,
  args: [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
const TIMEOUT = 20_000;
const problems = [];
let context;
let page;

async function fresh(options = {}) {
  await context?.close();
  context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']).catch(() => undefined);
  await tab();
}

async function tab() {
  page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT);
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) problems.push(`${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', error => problems.push(`uncaught: ${error.message}`));
}

const commands = {
  fresh,
  tab,
  leave: () => context.close(),
  open: url => page.goto(url, { waitUntil: 'load' }).then(() => null),
  url: () => page.url(),
  back: () => page.goBack().then(() => null),
  click: selector => page.click(selector),
  fill: (selector, text) => page.fill(selector, text),
  press: key => page.keyboard.press(key),
  see: selector => page.locator(selector).first().waitFor({ state: 'visible' }),
  gone: selector => page.locator(selector).first().waitFor({ state: 'hidden' }),
  text: selector => page.locator(selector).first().innerText(),
  texts: selector => page.locator(selector).allInnerTexts(),
  count: selector => page.locator(selector).count(),
  in_frame: async (frame, selector, text) => {
    const found = page.frameLocator(frame).locator(selector);
    await found.filter({ hasText: text }).waitFor();
    return found.innerText();
  },
  evaluate: script => page.evaluate(script),
  // Asked from outside: the page's own policy lets nothing evaluate text inside of it.
  until: async script => {
    const end = Date.now() + TIMEOUT;
    while (!(await page.evaluate(script).catch(() => false))) {
      if (Date.now() > end) throw new Error(`${script} did not become true`);
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  },
  screenshot: path => page.screenshot({ path }).then(() => null),
  picture: async (path, quality) => {
    const session = await context.newCDPSession(page);
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality });
    await writeFile(path, Buffer.from(data, 'base64'));
  },
  problems: () => problems.splice(0),
  axe: async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(node => node.html).join(' | ')}`);
  },
};

await fresh();
process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { command, args } = JSON.parse(line);
  let answer;
  try {
    answer = { result: (await commands[command](...args)) ?? null };
  } catch (error) {
    answer = { error: `${command}(${args.join(', ')}): ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
