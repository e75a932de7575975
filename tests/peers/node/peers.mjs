// What strangers written for Node say of our endpoints: the `ws` package both ways, Node's own http client and server.
// usage: node peers.mjs BACKTALK NODE_MODULES
import { spawn } from 'node:child_process';
import http from 'node:http';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const [backtalk, modules] = process.argv.slice(2);
const WebSocket = createRequire(modules + '/')('ws');
let passed = 0, failed = 0;
const check = (what, ok, more = '') => {
  if (ok) passed++;
  else { failed++; console.log(`FAIL ${what} ${more}`); }
};

async function serve(...args) {
  const p = spawn(backtalk, ['live', 'serve', ...args, '--listen', '127.0.0.1:0', '--for', '40s'], { stdio: ['ignore', 'pipe', 'pipe'] });
  p.stdout.resume();
  for await (const chunk of p.stderr) {
    const m = /http:\/\/127\.0\.0\.1:(\d+)/.exec(String(chunk));
    if (m) { p.port = +m[1]; break; }
  }
  return p;
}

async function run(...args) {
  const p = spawn(backtalk, ['live', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '', err = '';
  p.stdout.on('data', d => (out += d));
  p.stderr.on('data', d => (err += d));
  const [code] = await once(p, 'close');
  return { code, out, err };
}

// ---- the npm ws client against our echoing server
async function wsClient(deflate) {
  const s = await serve('websocket', '--echo', '-q');
  const ws = new WebSocket(`ws://127.0.0.1:${s.port}/echo`, { perMessageDeflate: deflate });
  await once(ws, 'open');
  check(`ws client: deflate ${deflate ? 'agreed' : 'not agreed'}`, /permessage-deflate/.test(ws.extensions) === deflate, ws.extensions);
  for (const size of [0, 1, 125, 126, 127, 65535, 65536, 300000]) {
    const text = 'ä€x'.repeat(size).slice(0, size);
    const back = once(ws, 'message');
    ws.send(text);
    const [data, binary] = await back;
    check(`ws client: text of ${size}`, !binary && data.toString() === text);
    const bytes = Buffer.alloc(size, 7);
    const again = once(ws, 'message');
    ws.send(bytes);
    const [b, isBinary] = await again;
    check(`ws client: binary of ${size}`, isBinary && bytes.equals(b));
  }
  const pong = once(ws, 'pong');
  ws.ping('still there?');
  check('ws client: pong', (await pong)[0].toString() === 'still there?');
  const got = once(ws, 'message');
  ws.send('in ', { fin: false });
  ws.send('three ', { fin: false });
  ws.send('pieces', { fin: true });
  check('ws client: fragments', (await got)[0].toString() === 'in three pieces');
  const close = once(ws, 'close');
  ws.close(4321, 'enough');
  check('ws client: close code', (await close)[0] === 4321);
  s.kill();
}

// ---- our echoing client against the npm ws server
async function wsServer(deflate) {
  const wss = new WebSocket.Server({ port: 0, host: '127.0.0.1', perMessageDeflate: deflate });
  await once(wss, 'listening');
  const done = run('connect', `ws://127.0.0.1:${wss.address().port}/x`, '--echo', '-q');
  const [ws] = await once(wss, 'connection');
  check('ws server: extension', /permessage-deflate/.test(ws.extensions) === deflate, ws.extensions);
  for (const text of ['', 'hello', 'ä€'.repeat(40000), 'z'.repeat(65535)]) {
    const back = once(ws, 'message');
    ws.send(text);
    check(`ws server: ${text.length} characters come back`, (await back)[0].toString() === text);
  }
  const closed = once(ws, 'close');
  ws.close(1000, 'bye');
  check('ws server: close code', (await closed)[0] === 1000);
  const r = await done;
  check('ws server: our client ended well', r.code === 0 && /close code 1000/.test(r.err), JSON.stringify(r));
  wss.close();
}

// ---- the npm ws client against the technique endpoint: messages arrive in order, resume after a cut
async function wsTechnique() {
  const s = await serve('websocket', '--every', '50ms', '--cut', '5');
  const ids = [];
  for (let since = 0; ids.length < 12;) {
    const ws = new WebSocket(`ws://127.0.0.1:${s.port}/ws?since=${since}`);
    ws.on('error', () => {});
    ws.on('message', d => { since = JSON.parse(d).id; ids.push(since); });
    await once(ws, 'close');
  }
  check('ws technique: every message once, in order, across cuts', ids.every((v, i) => v === i + 1), ids.join());
  s.kill();
}

// ---- Node's http client against our servers
const get = (port, path, headers = {}) => new Promise((ok, no) => {
  const req = http.get({ host: '127.0.0.1', port, path, headers, agent }, res => {
    let body = '';
    res.setEncoding('utf8').on('data', d => (body += d)).on('end', () => ok({ res, body }));
  });
  req.on('error', no);
});
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

async function nodeClient() {
  let s = await serve('polling', '--every', '40ms');
  let since = 0;
  const seen = [];
  for (let i = 0; i < 6; i++) {
    const { res, body } = await get(s.port, `/poll?since=${since}`);
    check('http client: polling answers 200 with JSON', res.statusCode === 200 && /json/.test(res.headers['content-type']));
    for (const m of JSON.parse(body).messages) { seen.push(m.id); since = m.id; }
    await sleep(60);
  }
  check('http client: each message once and in order', seen.length > 2 && seen.every((v, i) => v === i + 1), seen.join());
  check('http client: an unknown path is 404', (await get(s.port, '/nothing')).res.statusCode === 404);
  s.kill();
  s = await serve('long-polling', '--every', '300ms', '--hold', '100ms');
  const t0 = Date.now();
  const held = await get(s.port, '/longpoll?since=1000');
  check('http client: a held request ends empty after the hold', Date.now() - t0 >= 90 && (held.res.statusCode === 204 || JSON.parse(held.body).messages.length === 0), `${held.res.statusCode} ${held.body}`);
  s.kill();
}

// ---- our clients against Node's http server
async function nodeServer() {
  let polls = 0;
  const server = http.createServer((req, res) => {
    const url = new URL(req.url, 'http://a');
    const since = +(url.searchParams.get('since') ?? 0);
    if (url.pathname === '/poll') {
      polls++;
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify({ messages: [{ id: since + 1, live: since + 1, text: 'x' }] }));
    } else {
      const last = +(req.headers['last-event-id'] ?? since);
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      let n = last;
      res.write('retry: 50\n\n');
      const t = setInterval(() => {
        n++;
        res.write(`id: ${n}\ndata: {"id":${n},"live":${n},"text":"y"}\n\n`);
        if (n % 3 === 0) { clearInterval(t); res.end(); }
      }, 20);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = `http://127.0.0.1:${server.address().port}`;
  const poll = await run('connect', `${at}/poll`, '--interval', '30ms', '--count', '5');
  check('http server: our polling client gets five messages in five polls', poll.code === 0 && polls === 5, `${polls} ${poll.err}`);
  const sse = await run('connect', `${at}/events`, '--count', '8');
  check('http server: our event stream client resumes by Last-Event-ID', sse.code === 0 && /8 messages/.test(sse.err), sse.out + sse.err);
  server.close();
}

await wsClient(false);
await wsClient(true);
await wsServer(false);
await wsServer(true);
await wsTechnique();
await nodeClient();
await nodeServer();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
