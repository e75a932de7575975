#!/usr/bin/env python3
"""WebSocket judged by python3-wsproto, both ways.

  frames   wsproto writes messages, pings and closes, with fragments and permessage-deflate; some headers are then changed. What wsproto itself
           reads from that is written as a wire-vectors/1 file for `backtalk vectors`.
  serve    wsproto is the client of `backtalk live serve websocket --echo`
  connect  wsproto is the server of `backtalk live connect ws://… --echo`

In the last two every message must come back as it was, every ping be answered, and the close repeat the code.

usage: wsproto_judge.py frames FILE [CASES] | serve BACKTALK [ROUNDS] | connect BACKTALK [ROUNDS]
"""
import json
import random
import re
import socket
import subprocess
import sys

import wsproto
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, Request, TextMessage
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

TEXTS = ["", "plain", "Grüße aus Köln", "日本語のテキスト", "👍" * 40, "x" * 125, "x" * 126, "ab" * 40000, "\0\x7f"]


def agreed(client_nct, server_nct, client_bits, server_bits):
    """A pair of extensions, client's and server's, after a handshake."""
    client, server = PerMessageDeflate(client_nct, client_bits, server_nct, server_bits), PerMessageDeflate()
    answer = server.accept("permessage-deflate; " + client.offer())
    client.finalize("permessage-deflate; " + answer)
    return client, server


# ---- frames ------------------------------------------------------------------------------------------------------------------

def draw_payload(odd):
    if odd.random() < 0.5:
        return odd.choice(TEXTS[:-2]) + odd.choice(TEXTS[:4])
    return bytes(odd.randrange(256) for _ in range(odd.choice([0, 1, 5, 124, 125, 126, 300]))) * odd.choice([1, 1, 3])


def draw_close(writer, odd):
    code = odd.choice([None, 1000, 1001, 1003, 1008, 1011, 1012, 3000, 4999])
    return writer.close(code, odd.choice([None, "", "why", "Größe"]) if code else None)


def write_stream(writer, odd):
    """Some frames as wsproto writes them, one a list entry. wsproto forgets that a message is compressed when a control frame comes between its
    fragments, so with permessage-deflate there are none."""
    out = []
    for _ in range(odd.randint(1, 5)):
        payload = draw_payload(odd)
        cuts = sorted(odd.randint(0, len(payload)) for _ in range(odd.choice([0, 0, 1, 2])))
        parts = [payload[a:b] for a, b in zip([0] + cuts, cuts + [len(payload)])]
        for i, part in enumerate(parts):
            out.append(writer.send_data(part, i == len(parts) - 1))
            if odd.random() < 0.2 and (i == len(parts) - 1 or not writer.extensions):
                out.append(odd.choice([writer.ping, writer.pong])(odd.choice([b"", b"beat", b"\xff" * 125])))
    if odd.random() < 0.3:
        out.append(draw_close(writer, odd))
    return out


def spoil(frames, odd):
    """Changes a bit or two of one header, or the payload of a control frame or close."""
    i = odd.randrange(len(frames))
    f = bytearray(frames[i])
    for _ in range(odd.randint(1, 2)):
        at = odd.choice([0, 0, 0, 1, len(f) - 1])
        f[at] ^= 1 << odd.randrange(8)
    frames[i] = bytes(f)


def read_stream(reader, data):
    """Events and outcome; None when a frame is incomplete at the end."""
    reader.receive_bytes(data)
    events, now = [], None
    try:
        for frame in reader.received_frames():
            if frame.opcode is Opcode.CLOSE:
                code, reason = frame.payload
                events.append({"ev": "close", "code": int(code), "reason": reason.encode().hex()})
                return {"outcome": "closed", "events": events}
            if frame.opcode in (Opcode.PING, Opcode.PONG):
                events.append({"ev": frame.opcode.name.lower(), "data": bytes(frame.payload).hex()})
                continue
            part = frame.payload.encode() if isinstance(frame.payload, str) else bytes(frame.payload)
            now = (now or b"") + part
            if frame.message_finished:
                events.append({"ev": "message", "op": "text" if frame.opcode is Opcode.TEXT else "binary", "data": now.hex()})
                now = None
    except ParseFailed as e:
        return {"outcome": "fail", "events": events, "fail": {"codes": [int(e.code)]}}
    decoder = reader._frame_decoder
    if len(decoder.buffer) or decoder.header is not None:
        return None
    return {"outcome": "incomplete" if now is not None else "open", "events": events}


def frames_case(number, odd):
    role = odd.choice(["server", "client"])
    nct, bits, packed = odd.random() < 0.3, odd.randint(9, 15), odd.random() < 0.5
    exts = agreed(nct, nct, bits, bits) if packed else (None, None)
    writer = FrameProtocol(role == "server", [exts[0 if role == "server" else 1]] if packed else [])
    reader = FrameProtocol(role == "client", [exts[1 if role == "server" else 0]] if packed else [])
    frames = write_stream(writer, odd)
    spoilt = odd.random() < 0.5
    if spoilt:
        spoil(frames, odd)
    data = b"".join(frames)
    expect = read_stream(reader, data)
    if expect is None or len(data) > 20000:
        return None
    case = {"id": f"ws/wsproto/{number}", "title": "spoilt" if spoilt else "as written", "role": role, "max_message": (1 << 63) - 1, "input": data.hex(),
            "splits": [sorted({odd.randint(0, len(data)) for _ in range(3)})], "expect": expect}
    if packed:
        case["deflate"] = {"peer_bits": bits, "peer_nct": nct}
        # zlib does not say whether spoilt data end between two blocks, nor keep to the window; we ask for both.
        case["optional"] = spoilt
    return case


def write_frames(path, n):
    odd = random.Random(6455)
    cases = [c for c in (frames_case(i, odd) for i in range(n)) if c]
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"format": "wire-vectors/1", "protocol": "ws", "suite": "wsproto", "sources": ["wsproto " + wsproto.__version__], "cases": cases}, f)


# ---- over sockets -----------------------------------------------------------------------------------------------------------------

class Peer:
    """One connection: what wsproto says goes out, what comes in becomes events."""

    def __init__(self, sock, kind):
        self.sock, self.ws, self.queue = sock, wsproto.WSConnection(kind), []
        self.parts = b""

    def send(self, event):
        self.sock.sendall(self.ws.send(event))

    def next(self):
        while not self.queue:
            data = self.sock.recv(65536)
            self.ws.receive_data(data or None)
            self.queue += list(self.ws.events())
            if not data:
                break
        return self.queue.pop(0) if self.queue else None

    def message(self):
        """The next whole message, as text or octets; events other than messages are returned as they are."""
        whole = None
        while True:
            e = self.next()
            if not isinstance(e, (TextMessage, BytesMessage)):
                return e
            whole = e.data if whole is None else whole + e.data
            if e.message_finished:
                return whole


def talk(peer, odd):
    """Sends messages whole and in fragments, with pings between, and wants all of them back; then closes. What is wrong, or None."""
    for _ in range(odd.randint(1, 6)):
        payload = odd.choice([odd.choice(TEXTS), bytes(odd.randrange(256) for _ in range(50)) * odd.choice([1, 3, 1500])])
        kind = TextMessage if isinstance(payload, str) else BytesMessage
        cuts = sorted(odd.randint(0, len(payload)) for _ in range(odd.choice([0, 0, 1, 3])))
        parts = [payload[a:b] for a, b in zip([0] + cuts, cuts + [len(payload)])]
        for i, part in enumerate(parts):
            peer.send(kind(part, message_finished=i == len(parts) - 1))
        back = peer.message()
        if back != payload:
            return f"sent {payload!r:.60}, came back {back!r:.60}"
        beat = bytes(odd.randrange(256) for _ in range(odd.choice([0, 4, 125])))
        peer.send(Ping(beat))
        pong = peer.next()
        if not isinstance(pong, Pong) or bytes(pong.payload) != beat:
            return f"a ping of {len(beat)} octets was answered by {pong!r:.80}"
    code = odd.choice([1000, 1001, 3000, 4321])
    peer.send(CloseConnection(code, "done"))
    end = peer.next()
    if not isinstance(end, CloseConnection) or end.code != code:
        return f"closed with {code}, answered by {end!r:.80}"
    return None


def offers(odd):
    if odd.random() < 0.3:
        return []
    return [PerMessageDeflate(odd.random() < 0.5, odd.choice([None, 9, 12, 15]), odd.random() < 0.5, odd.choice([None, 9, 11, 15]))]


def serve(program, rounds):
    """wsproto as the client of our server."""
    ours = subprocess.Popen([program, "live", "serve", "websocket", "--echo", "--listen", "127.0.0.1:0"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True)
    try:
        address = None
        while address is None:
            line = ours.stderr.readline()
            if not line:
                return ["backtalk live serve ended"]
            address = re.search(r"127\.0\.0\.1:(\d+)/", line)
        port = int(address[1])
        faults = []
        for i in range(rounds):
            odd = random.Random(i)
            with socket.create_connection(("127.0.0.1", port), 10) as sock:
                peer = Peer(sock, wsproto.ConnectionType.CLIENT)
                wanted = offers(odd)
                peer.send(Request(host=f"127.0.0.1:{port}", target="/", extensions=wanted))
                first = peer.next()
                if not isinstance(first, AcceptConnection):
                    faults.append(f"round {i}: the handshake was answered by {first!r:.200}")
                    continue
                if wanted and not any(x.enabled() for x in wanted):
                    faults.append(f"round {i}: permessage-deflate was not agreed")
                fault = talk(peer, odd)
                if fault:
                    faults.append(f"round {i}: {fault}")
        return faults
    finally:
        ours.kill()
        ours.wait()


def connect(program, rounds):
    """wsproto as the server of our client."""
    faults = []
    for i in range(rounds):
        odd = random.Random(1000 + i)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(10)
            url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
            ours = subprocess.Popen([program, "live", "connect", url, "--echo"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                sock, _ = listener.accept()
                with sock:
                    sock.settimeout(10)
                    peer = Peer(sock, wsproto.ConnectionType.SERVER)
                    request = peer.next()
                    if not isinstance(request, Request):
                        faults.append(f"round {i}: not a request: {request!r:.200}")
                        continue
                    peer.send(AcceptConnection(extensions=offers(odd) if request.extensions else []))
                    fault = talk(peer, odd)
                    if fault:
                        faults.append(f"round {i}: {fault}")
            except (OSError, wsproto.utilities.ProtocolError) as e:
                faults.append(f"round {i}: {e}")
            finally:
                ours.kill()
                ours.wait()
    return faults


def main():
    what, where = sys.argv[1:3]
    n = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    if what == "frames":
        write_frames(where, n or 1500)
        return 0
    rounds = n or 40
    faults = (serve if what == "serve" else connect)(where, rounds)
    for fault in faults:
        print(f"{what}: {fault}")
    print(f"{rounds - len(faults)} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
