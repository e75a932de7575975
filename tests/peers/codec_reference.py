#!/usr/bin/env python3
"""A second opinion on WebSocket frames and event streams.

Small decoders written once more from RFC 6455, RFC 7692 and HTML 9.2, for clearness and not for speed, say what a correct
decoder must make of inputs drawn from a fixed seed. The result is wire-vectors/1 files for `backtalk vectors`.

usage: codec_reference.py FOLDER [CASES]
"""
import json
import os
import random
import sys
import zlib


# ---- WebSocket ------------------------------------------------------------------------------------------------------

class Fail(Exception):
    def __init__(self, code, at, frame):
        super().__init__(code)
        self.code, self.at, self.frame = code, at, frame


def code_legal(c):
    return 1000 <= c <= 1003 or 1007 <= c <= 1014 or 3000 <= c <= 4999


def utf8_fault(data):
    """Index of the octet that spoils the text; len(data) when it only lacks its end; None when it is fine."""
    need, lo, hi = 0, 0x80, 0xBF
    for i, b in enumerate(data):
        if need:
            if not lo <= b <= hi:
                return i
            need, lo, hi = need - 1, 0x80, 0xBF
        elif b < 0x80:
            pass
        elif 0xC2 <= b <= 0xDF:
            need = 1
        elif 0xE0 <= b <= 0xEF:
            need, lo, hi = 2, 0xA0 if b == 0xE0 else 0x80, 0x9F if b == 0xED else 0xBF
        elif 0xF0 <= b <= 0xF4:
            need, lo, hi = 3, 0x90 if b == 0xF0 else 0x80, 0x8F if b == 0xF4 else 0xBF
        else:
            return i
    return len(data) if need else None


def inflate(state, data, limit):
    """One message; None when it is not DEFLATE data, False when too long."""
    if state["nct"] or state["z"] is None:
        state["z"] = zlib.decompressobj(-15)
    try:
        out = state["z"].decompress(data + b"\x00\x00\xff\xff", limit + 1)
    except zlib.error:
        return None
    return out if len(out) <= limit else False


def ws_reference(data, server, limit, deflate):
    frames, events = [], []
    at, message, text_off = 0, None, []
    state = {"z": None, "nct": bool(deflate and deflate.get("peer_nct"))}

    def fail(code, octet):
        return {"outcome": "fail", "events": events, "frames": frames, "fail": {"codes": [code], "at": octet}}

    while at < len(data):
        b0 = data[at]
        fin, rsv, op = b0 >> 7, b0 >> 4 & 7, b0 & 15
        if rsv & (3 if deflate is not None else 7) or op in (3, 4, 5, 6, 7) or op > 10:
            return fail(1002, at + 1)
        if rsv and (op >= 8 or op == 0) or op >= 8 and not fin:
            return fail(1002, at + 1)
        if op == 0 and message is None or op in (1, 2) and message is not None:
            return fail(1002, at + 1)
        if at + 1 >= len(data):
            break
        mask, n = data[at + 1] >> 7, data[at + 1] & 127
        if mask != server or op >= 8 and n > 125 or op == 8 and n == 1:
            return fail(1002, at + 2)
        ext = {126: 2, 127: 8}.get(n, 0)
        raw = data[at + 2:at + 2 + ext]
        have = message["wire"] if message else 0
        packed = (rsv & 4) if op else (message or {}).get("packed")
        room = (limit + limit // 64 + 64 if packed else limit) - have
        if ext == 0 and op < 8 and n > room:
            return fail(1009, at + 2)
        for k in range(1, len(raw) + 1):
            low = int.from_bytes(raw[:k] + b"\0" * (ext - k), "big")
            high = int.from_bytes(raw[:k] + b"\xff" * (ext - k), "big")
            if low >> 63 or high < (126 if ext == 2 else 65536):
                return fail(1002, at + 2 + k)
            if op < 8 and low > room:
                return fail(1009, at + 2 + k)
        if len(raw) < ext:
            break
        if ext:
            n = int.from_bytes(raw, "big")
        hdr = 2 + ext + 4 * mask
        if at + hdr > len(data):
            break
        key = data[at + 2 + ext:at + hdr]
        frame = {"off": at, "fin": fin, "rsv": rsv, "op": op, "mask": mask, "hdr_len": hdr, "pay_off": at + hdr, "pay_len": n}
        if mask:
            frame["key"] = key.hex()
        frames.append(frame)
        start = at + hdr
        part = data[start:start + n]
        if mask:
            part = bytes(x ^ key[i & 3] for i, x in enumerate(part))
        whole = len(part) == n
        if op >= 8:
            if op == 8 and len(part) >= 2 and not code_legal(int.from_bytes(part[:2], "big")):
                return fail(1002, start + 2)
            if op == 8 and len(part) > 2:
                bad = utf8_fault(part[2:])
                if bad is not None and (bad < len(part) - 2 or whole):
                    return fail(1007, start + 2 + min(bad + 1, len(part) - 2))
            if not whole:
                break
            if op == 8:
                code = int.from_bytes(part[:2], "big") if n else 1005
                events.append({"ev": "close", "code": code, "reason": part[2:].hex()})
                return {"outcome": "closed", "events": events, "frames": frames}
            events.append({"ev": "ping" if op == 9 else "pong", "data": part.hex()})
        else:
            if op:
                message = {"op": op, "data": b"", "packed": rsv & 4, "wire": 0, "where": []}
            message["wire"] += n
            message["data"] += part
            message["where"] += range(start, start + len(part))
            if message["op"] == 1 and not message["packed"]:
                bad = utf8_fault(message["data"])
                if bad is not None and bad < len(message["data"]):
                    return fail(1007, message["where"][bad] + 1)
                if bad is not None and fin and whole:
                    return fail(1007, start + n)
            if not whole:
                break
            if fin:
                out = message["data"]
                if message["packed"]:
                    out = inflate(state, out, limit) if out else b""
                    if out is None:
                        return fail(1007, start + n)
                    if out is False:
                        return fail(1009, start + n)
                    if message["op"] == 1 and utf8_fault(out) is not None:
                        return fail(1007, start + n)
                events.append({"ev": "message", "op": "text" if message["op"] == 1 else "binary", "data": out.hex()})
                message = None
        at = start + n
    else:
        return {"outcome": "incomplete" if message is not None else "open", "events": events, "frames": frames}
    return {"outcome": "incomplete", "events": events, "frames": frames}


def put_frame(op, payload, fin, rsv, key, odd):
    n, long_form = len(payload), odd.random() < 0.03
    head = bytes([fin << 7 | rsv << 4 | op])
    m = 0x80 if key else 0
    if n < 126 and not long_form:
        head += bytes([m | n])
    elif n < 65536 and odd.random() > 0.02:
        head += bytes([m | 126]) + n.to_bytes(2, "big")
    else:
        head += bytes([m | 127]) + n.to_bytes(8, "big")
    if key:
        payload = bytes(x ^ key[i & 3] for i, x in enumerate(payload))
    return head + (key or b"") + payload


TEXTS = ["plain text", "Grüße", "日本語", "\U0001f44d ok", "", "x" * 130, "tick"]


def ws_case(number, odd):
    server, limit = odd.random() < 0.5, odd.choice([20, 100, 1000, 100000])
    deflate = odd.choice([None, None, {}, {"peer_nct": True}])
    packer, data, spoilt = None, b"", False
    for _ in range(odd.randint(1, 6)):
        key = bytes(odd.randrange(256) for _ in range(4)) if server else None
        if odd.random() < 0.02:
            key = None if key else b"abcd"
        kind = odd.random()
        if kind < 0.25:
            op, payload = odd.choice([(9, b"beat"), (10, b""), (9, b"z" * odd.choice([1, 125, 126])), (8, b""), (8, b"\x03\xe8bye"),
                                      (8, odd.randrange(65536).to_bytes(2, "big") + odd.choice([b"", b"why", b"\xc3", b"\xc3\xa9\xff"])),
                                      (odd.randrange(16), b"x"), (8, b"x")])
            data += put_frame(op, payload, odd.random() > 0.03, 0, key, odd)
            continue
        payload = odd.choice(TEXTS).encode() * odd.choice([1, 1, 3])
        if odd.random() < 0.1:
            payload += bytes([odd.randrange(256)])
        op, rsv = odd.choice([1, 1, 2]), 0
        if deflate is not None and odd.random() < 0.6:
            if packer is None or deflate.get("peer_nct"):
                packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            payload = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
            payload, rsv = payload[:-4] or b"\0", 4
            if odd.random() < 0.05:
                payload, spoilt = payload[:-1] + bytes([odd.randrange(256)]), True
        elif odd.random() < 0.02:
            rsv = odd.randrange(8)
        cuts = sorted(odd.randint(0, len(payload)) for _ in range(odd.choice([0, 0, 0, 1, 2])))
        parts = [payload[a:b] for a, b in zip([0] + cuts, cuts + [len(payload)])]
        for i, part in enumerate(parts):
            data += put_frame(op if i == 0 else 0, part, i == len(parts) - 1, rsv if i == 0 or odd.random() < 0.02 else 0, key, odd)
            if i < len(parts) - 1 and odd.random() < 0.3:
                data += put_frame(9, b"in", 1, 0, key, odd)
    if odd.random() < 0.2:
        data = data[:odd.randint(0, len(data))]
    if odd.random() < 0.1 and data:
        at = odd.randrange(len(data))
        data, spoilt = data[:at] + bytes([odd.randrange(256)]) + data[at + 1:], True
    case = {"id": f"ws/reference/{number}", "title": "drawn", "role": "server" if server else "client", "max_message": limit,
            "input": data.hex(), "splits": [sorted({odd.randint(0, len(data)) for _ in range(3)})]}
    if deflate is not None:
        case["deflate"] = deflate
        # zlib alone does not say whether spoilt data end between two blocks; we ask for that.
        case["optional"] = spoilt
    case["expect"] = ws_reference(data, int(server), limit, deflate)
    return case


# ---- event streams ---------------------------------------------------------------------------------------------------

def sse_reference(data):
    text = data.decode("utf-8", "replace")
    if text.startswith("\ufeff"):
        text = text[1:]
    lines, line, skip = [], "", False
    for ch in text:
        if skip and ch == "\n":
            skip = False
            continue
        skip = ch == "\r"
        if ch in "\r\n":
            lines.append(line)
            line = ""
        else:
            line += ch
    events, comments, retry, last = [], [], None, ""
    buf, kind, ident, had, pending = [], "", "", False, False
    for one in lines:
        if one == "":
            last = ident
            if had:
                events.append({"event": kind or "message", "data": "\n".join(buf), "id": last})
            buf, kind, had, pending = [], "", False, False
            continue
        if one.startswith(":"):
            comments.append(one[1:])
            continue
        name, colon, value = one.partition(":")
        if colon and value.startswith(" "):
            value = value[1:]
        if name == "event":
            kind = value
        elif name == "data":
            buf.append(value)
            had = True
        elif name == "id" and "\0" not in value:
            ident, pending = value, True
        elif name == "retry" and value and all(c in "0123456789" for c in value):
            retry = int(value)
    return {"events": events, "last_event_id": last, "retry": retry, "comments": comments,
            "dropped_at_eof": bool(had or kind or pending or line)}


WORDS = [b"data", b"data:", b"data: ", b"id: ", b"id", b"event: ", b"retry: ", b"1500", b"x", b"\n", b"\n", b"\r", b"\r\n", b"\n\n", b":",
         b" ", b"\xef\xbb\xbf", b"\xc3\xa9", b"\xc3", b"\xff", b"\xf0\x9f\x91", b"\0", b"tick", b"\t"]


def sse_case(number, odd):
    data = b"".join(odd.choice(WORDS) for _ in range(odd.randint(1, 40)))
    return {"id": f"sse/reference/{number}", "title": "drawn", "input": data.hex(),
            "splits": [sorted({odd.randint(0, len(data)) for _ in range(3)})], "expect": sse_reference(data)}


def write(folder, protocol, cases):
    with open(os.path.join(folder, protocol + ".json"), "w", encoding="utf-8") as f:
        json.dump({"format": "wire-vectors/1", "protocol": protocol, "suite": "reference", "sources": ["drawn"], "cases": cases}, f)


def main():
    folder, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    os.makedirs(folder, exist_ok=True)
    odd = random.Random(20)
    write(folder, "ws", [ws_case(i, odd) for i in range(n)])
    write(folder, "sse", [sse_case(i, odd) for i in range(n)])


if __name__ == "__main__":
    main()
