// What a browser says of our endpoints: headless Chromium opens the page that `live serve` has at /, which uses
// EventSource, fetch or WebSocket; the page's own log is read over the DevTools protocol.
// usage: node browser.mjs BACKTALK NODE_MODULES CHROMIUM PROFILE_FOLDER
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const [backtalk, modules, chromium, profile] = process.argv.slice(2);
const WebSocket = createRequire(modules + '/')('ws');
let passed = 0, failed = 0;
const check = (what, ok, more = '') => {
  if (ok) passed++;
  else { failed++; console.log(`FAIL ${what} ${more}`); }
};

async function port(p, pattern) {
  let text = '';
  for await (const chunk of p.stderr) {
    text += chunk;
    const m = pattern.exec(text);
    if (m) { p.stderr.resume(); return m[1]; }
  }
  throw new Error('no address in: ' + text);
}

const browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', `--user-data-dir=${profile}`,
  '--remote-debugging-port=0', 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] });
let devtools;
try {
  devtools = await Promise.race([port(browser, /(ws:\/\/[^\s]+)/), sleep(20000).then(() => { throw new Error('it does not start'); })]);
} catch (e) {
  console.log(`skipped: the browser cannot be used: ${e.message.slice(0, 200)}`);
  browser.kill('SIGKILL');
  process.exit(77);
}
const ws = new WebSocket(devtools, { perMessageDeflate: false });
await once(ws, 'open');
let ids = 0;
const waiting = new Map();
ws.on('message', d => { const m = JSON.parse(d); if (m.id) { waiting.get(m.id)?.(m); waiting.delete(m.id); } });
const send = (method, params = {}, sessionId) => new Promise(ok => {
  waiting.set(++ids, ok);
  ws.send(JSON.stringify({ id: ids, method, params, sessionId }));
});

async function technique(name, ...args) {
  const s = spawn(backtalk, ['live', 'serve', name, '--listen', '127.0.0.1:0', '--for', '30s', '--every', '100ms', ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  let timeline = '';
  s.stdout.on('data', d => (timeline += d));
  const at = await port(s, /127\.0\.0\.1:(\d+)/);
  const { result: { targetId } } = await send('Target.createTarget', { url: `http://127.0.0.1:${at}/` });
  const { result: { sessionId } } = await send('Target.attachToTarget', { targetId, flatten: true });
  let log = [];
  for (let n = 0; n < 80 && log.length < 12; n++) {
    await sleep(150);
    const r = await send('Runtime.evaluate',
      { expression: '[...document.querySelectorAll("#log li")].map(l=>l.textContent)', returnByValue: true }, sessionId);
    log = r.result?.result?.value ?? [];
  }
  await send('Target.closeTarget', { targetId });
  s.kill('SIGINT');
  const numbers = log.map(t => JSON.parse(t).id);
  check(`${name}: the page shows at least twelve messages`, numbers.length >= 12, numbers.join());
  check(`${name}: in order, none missing, none twice`, numbers.every((v, i) => v === numbers[0] + i), numbers.join());
  await once(s, 'close');
  return { timeline, numbers };
}

await technique('polling', '--interval', '200ms');
await technique('long-polling');
await technique('sse');
const cut = await technique('sse', '--cut', '4');
check('sse: EventSource came back by itself', (cut.timeline.match(/GET \/events/g) ?? []).length >= 2, cut.timeline);
check('sse: and missed nothing, by Last-Event-ID', cut.numbers.every((v, i) => v === cut.numbers[0] + i), cut.numbers.join());
await technique('websocket');
await technique('websocket', '--cut', '4');
ws.close();
browser.kill('SIGKILL');
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
