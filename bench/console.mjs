// Measures run pages in a headless Chromium: arguments are console/, the browser, and addresses; prints JSON.
import { createRequire } from 'node:module';

const [, , consoleDirectory, executablePath, ...addresses] = process.argv;
const require = createRequire(`${consoleDirectory}/package.json`);
const { chromium } = require('playwright-core');

const TREE = '[data-testid=tree] [role=row]';
const LOADS = 5;
const SCROLL_MS = 3_000;

const browser = await chromium.launch({
  executablePath,
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});

async function metrics(session) {
  const { metrics: found } = await session.send('Performance.getMetrics');
  return Object.fromEntries(found.map(({ name, value }) => [name, value]));
}

async function load(context, address) {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  await session.send('Network.enable');
  const { ThreadTime: before } = await metrics(session);
  let bytes = 0;
  session.on('Network.loadingFinished', event => {
    bytes += event.encodedDataLength;
  });
  await page.goto(address, { waitUntil: 'commit' });
  await page.locator(TREE).first().waitFor();
  const painted = await page.evaluate(
    () =>
      new Promise(resolve => {
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
      }),
  );
  const first = await page.evaluate(() => performance.getEntriesByName('first-paint')[0]?.startTime ?? 0);
  const model = await page.evaluate(() => performance.getEntriesByName('model')[0]?.duration ?? 0);
  // Of the processor, not of the clock: others may use this machine, too.
  const { ThreadTime } = await metrics(session);
  return { page, session, bytes, first, painted, model, cpu: (ThreadTime - before) * 1000 };
}

/** Scrolls through the open fan-out; the work of the main thread a frame, and how evenly frames came. */
async function scroll({ page, session }) {
  await page.locator(TREE).first().click();
  const group = page.locator(`${TREE}[aria-expanded=false]`).last();
  if (await group.count()) await group.dblclick();
  await page.waitForTimeout(500);
  const before = await metrics(session);
  const seen = await page.evaluate(
    length =>
      new Promise(resolve => {
        const element = document.querySelector('[data-testid=tree]');
        const times = [];
        const begin = performance.now();
        let long = 0;
        new PerformanceObserver(list => {
          long += list.getEntries().length;
        }).observe({ entryTypes: ['longtask'] });
        const step = now => {
          times.push(now);
          element.scrollTop = (element.scrollTop + 90) % (element.scrollHeight - element.clientHeight);
          if (now - begin < length) requestAnimationFrame(step);
          else resolve({ frames: times.length, gaps: times.slice(1).map((at, i) => at - times[i]), long });
        };
        requestAnimationFrame(step);
      }),
    SCROLL_MS,
  );
  const after = await metrics(session);
  const gaps = seen.gaps.sort((a, b) => a - b);
  return {
    scroll_cpu_ms: ((after.ThreadTime - before.ThreadTime) * 1000) / seen.frames,
    scroll_script_ms: ((after.ScriptDuration - before.ScriptDuration) * 1000) / seen.frames,
    scroll_fps: (1000 * seen.gaps.length) / seen.gaps.reduce((sum, gap) => sum + gap, 0),
    scroll_p95_ms: gaps[Math.floor(gaps.length * 0.95)],
    long_tasks: seen.long,
  };
}

const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const results = [];
for (const address of addresses) {
  const cold = [];
  for (let i = 0; i < LOADS; i++) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    cold.push(await load(context, address));
    await context.close();
  }
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const warm = [];
  for (let i = 0; i <= LOADS; i++) {
    const loaded = await load(context, address);
    if (i) warm.push(loaded);
    if (i < LOADS) await loaded.page.close();
  }
  const last = warm[warm.length - 1];
  await last.session.send('HeapProfiler.collectGarbage');
  const held = await metrics(last.session);
  const scrolled = await scroll(last);
  results.push({
    address,
    transfer_bytes: median(cold.map(each => each.bytes)),
    first_paint_ms: median(cold.map(each => each.first)),
    cold_ms: median(cold.map(each => each.painted)),
    cold_best_ms: Math.min(...cold.map(each => each.painted)),
    warm_ms: median(warm.map(each => each.painted)),
    warm_best_ms: Math.min(...warm.map(each => each.painted)),
    load_cpu_ms: median(warm.map(each => each.cpu)),
    model_ms: median(warm.map(each => each.model)),
    heap_bytes: held.JSHeapUsedSize,
    nodes: held.Nodes,
    ...scrolled,
  });
  await context.close();
}
await browser.close();
process.stdout.write(JSON.stringify(results));
