// What the reference parsers say of our vectors: socket.io-parser, engine.io-parser, and the message check of graphql-ws.
// Each case must be taken or refused by them as it says; where they are laxer than their protocol, the case is listed here with the reason.
// usage: node parsers.mjs NODE_MODULES FILE...
import fs from 'node:fs';
import { createRequire } from 'node:module';

const [modules, ...files] = process.argv.slice(2);
const require = createRequire(modules + '/');
const { Decoder, PacketType } = require('socket.io-parser');
const { decodePacket, decodePayload } = require('engine.io-parser');
const { validateMessage } = require('graphql-ws');

const lax = new Map(Object.entries({
  'socketio/error/own-empty': 'Number("") is 0, so nothing at all is a CONNECT',
  'socketio/error/own-event-none': 'a payload that is not there is not checked',
  'socketio/error/own-ack-none': 'likewise',
  'socketio/error/own-connect-error-none': 'likewise',
  'socketio/error/own-connect-error-number': 'Number(" ") is 0, so the space begins an id',
  'socketio/error/own-event-id-huge': 'the id loses its last digits to a double',
  'socketio/error/own-placeholder-fraction': 'attachment 0.5 becomes undefined',
  'engineio/error/own-not-utf8': 'octets become a string before the parser sees them',
  'engineio/error/own-cut-utf8': 'likewise',
  'engineio/error/own-over-limit': 'maxPayload is the transport\'s business',
}));
// Buffer.from takes any text for base64.
const lenient = id => lax.has(id) || id.startsWith('engineio/error/own-base64-');

const octets = v => Array.isArray(v) ? Buffer.concat(v.map(octets)) : v.rep ? Buffer.concat(Array(v.n).fill(octets(v.rep))) : Buffer.from(v, 'hex');

function socketio(c) {
  let packet = null;
  const d = new Decoder({ maxAttachments: 1000 });
  d.on('decoded', p => { packet = p; });
  d.add(c.input);
  for (const a of c.attachments ?? []) d.add(a.text ?? octets(a));
  if (!packet) throw new Error('attachments are missing');
  const type = c.expect.type?.replace('BINARY_', '');
  if (!c.expect.error && (PacketType[packet.type] !== type || packet.nsp !== c.expect.nsp || (packet.id ?? null) !== (c.expect.id ?? null)))
    return JSON.stringify(packet);
}

function engineio(c) {
  const raw = octets(c.input);
  const packets = c.transport === 'polling' ? decodePayload(raw.toString(), 'nodebuffer')
    : [decodePacket(c.frame === 'binary' ? raw : raw.toString(), 'nodebuffer')];
  if (packets.some(p => p.type === 'error')) throw new Error('error packet');
  const want = c.expect.packets ?? [c.expect];
  if (!c.expect.error && packets.map(p => p.type).join() !== want.map(p => p.type).join()) return JSON.stringify(packets);
}

// It does not know directions: who may send what is not its question.
function graphql(c) {
  const wrongWay = c.direction !== 'both' && /-from-client-|subscribe-server$|init-server$/.test(c.id);
  if (wrongWay) throw new Error('not asked');
  validateMessage(JSON.parse(c.input));
}

let passed = 0, failed = 0;
for (const file of files) {
  const { protocol, cases } = JSON.parse(fs.readFileSync(file, 'utf8'));
  for (const c of cases.filter(x => x.expect)) {
    const good = c.expect.error === undefined && c.expect.valid !== false;
    let said = 'taken', other;
    try {
      other = { socketio, engineio, 'graphql-ws': graphql }[protocol](c);
    } catch (e) {
      said = `refused: ${e.message}`;
    }
    if (other === undefined && ((said === 'taken') === good || (!good && lenient(c.id)))) passed++;
    else { failed++; console.log(`FAIL ${c.id}: ${other ?? said}`); }
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
