#!/usr/bin/env python3
"""Writes ws.json and ws-handshake.json: what RFC 6455 and RFC 7692 ask of a reader of frames and of both ends of the handshake.

Each frame case says by hand how it ends (open, closed, incomplete, or the close code and the octet at which a strict reader fails); frames and
events come from the reader in tests/peers/codec_reference.py, which must agree. Run it after changing a case.
"""
import base64
import hashlib
import json
import os
import sys
import zlib

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "../../../peers"))
from codec_reference import code_legal, ws_reference  # noqa: E402

OUT, SEEN = [], set()
KEYS = [bytes.fromhex(k) for k in ("37fa213d", "00000000", "ffffffff", "80010203")]


class Writer:
    """Frames for one reader: masked for a server."""

    def __init__(self, role):
        self.role, self.n, self.data = role, 0, b""

    def head(self, b0, length, size=None, mask=None):
        """`size`: octets of the extended length; None: as few as will do."""
        m = 0x80 if (self.role == "server" if mask is None else mask) else 0
        if size is None:
            size = 0 if length < 126 else 2 if length < 65536 else 8
        code = {0: length, 2: 126, 8: 127}[size]
        self.data += bytes([b0, m | code]) + (length.to_bytes(size, "big") if size else b"")
        return m

    def put(self, op, payload=b"", fin=1, rsv=0, size=None, mask=None, declared=None):
        masked = self.head(fin << 7 | rsv << 4 | op, len(payload) if declared is None else declared, size, mask)
        if masked:
            key = KEYS[self.n % len(KEYS) if len(payload) < 200 else 1]
            self.n += 1
            payload = bytes(x ^ key[i & 3] for i, x in enumerate(payload))
            self.data += key
        self.data += payload
        return self


def small(data):
    """Hex, with long runs of one octet written short."""
    if len(data) < 400:
        return data.hex()
    out, i = [], 0
    while i < len(data):
        j = i
        while j < len(data) and data[j] == data[i]:
            j += 1
        if j - i > 40:
            out.append({"rep": f"{data[i]:02x}", "n": j - i})
        elif out and isinstance(out[-1], str):
            out[-1] += data[i:j].hex()
        else:
            out.append(data[i:j].hex())
        i = j
    return out


def frames(suite, name, build, want, roles=("server", "client"), limit=None, deflate=None, cut=None, by=None):
    """`want`: "open", "closed", "incomplete", or (code, what is before the fault): an int counts payload octets of the last header written."""
    for role in roles:
        w = Writer(role)
        mark = build(w)
        data = w.data if cut is None else w.data[:cut]
        ident = f"ws/{suite}/own-{name}/{role[0]}"
        assert ident not in SEEN, ident
        SEEN.add(ident)
        c = {"id": ident, "title": name.replace("-", " "), "role": role, "input": small(data), "splits": [[1], [max(1, len(data) // 2)]]}
        if limit is not None:
            c["max_message"] = limit
        if deflate is not None:
            c["deflate"] = deflate
        e = ws_reference(data, int(role == "server"), 64 << 20 if limit is None else limit, deflate)
        if isinstance(want, str):
            assert e["outcome"] == want, (ident, e)
        else:
            code, at = want
            if callable(at):
                at = at(role)
            elif at is None:
                at = mark
            assert e["outcome"] == "fail" and e["fail"] == {"codes": [code], "at": at}, (ident, e.get("fail"), at, e["outcome"])
            if by is not None:
                e["fail"]["by"] = len(data) if by == "end" else by
        for ev in e["events"]:
            for k in ("data", "reason"):
                if k in ev:
                    ev[k] = small(bytes.fromhex(ev[k]))
        c["expect"] = e
        OUT.append(c)


def one(suite, name, want, *args, **kw):
    extra = {k: kw.pop(k) for k in ("roles", "limit", "deflate", "cut", "by") if k in kw}
    frames(suite, name, lambda w: w.put(*args, **kw) and None, want, **extra)


def seq(suite, name, want, *puts, **extra):
    """puts: (op, payload, {options})."""
    def build(w):
        for p in puts:
            w.put(p[0], p[1] if len(p) > 1 else b"", **(p[2] if len(p) > 2 else {}))
    frames(suite, name, build, want, **extra)


def hdr(n):
    """Octets of the header of a frame with n octets of payload."""
    return lambda role: (2 if n < 126 else 4 if n < 65536 else 10) + (4 if role == "server" else 0)


def after(*lengths, plus=0):
    """The offset behind whole frames with these payload lengths, and `plus`."""
    return lambda role: sum(hdr(n)(role) + n for n in lengths) + plus


# ---- opcodes and reserved bits (RFC 6455 5.2) ----
for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    one("opcodes", f"op{op}", (1002, 1), op, b"x")
    one("opcodes", f"op{op}-not-final", (1002, 1), op, b"x", fin=0)
    one("opcodes", f"op{op}-with-deflate", (1002, 1), op, b"x", deflate={})
    seq("opcodes", f"op{op}-inside-message", (1002, after(1, plus=1)), (1, b"a", {"fin": 0}), (op, b"x"))
for rsv in range(1, 8):
    for op in (1, 2, 8, 9, 10):
        one("rsv", f"rsv{rsv}-op{op}", (1002, 1), op, b"\x03\xe8", rsv=rsv)
    if rsv != 4:
        one("rsv", f"rsv{rsv}-with-deflate", (1002, 1), 1, b"x", rsv=rsv, deflate={})
    seq("rsv", f"rsv{rsv}-on-continuation", (1002, after(1, plus=1)), (1, b"a", {"fin": 0}), (0, b"b", {"rsv": rsv}))
    seq("rsv", f"rsv{rsv}-on-second-message", (1002, after(2, plus=1)), (1, b"ok"), (1, b"no", {"rsv": rsv}))
for op in (8, 9, 10):
    one("rsv", f"rsv1-op{op}-with-deflate", (1002, 1), op, b"", rsv=4, deflate={})

# ---- masking (5.1, 5.3) ----
for op in (1, 2, 8, 9, 10):
    for role in ("server", "client"):
        one("framing", f"wrong-mask-op{op}", (1002, 2), op, b"\x03\xe8", mask=role == "client", roles=(role,))
one("framing", "wrong-mask-empty", (1002, 2), 1, b"", mask=False, roles=("server",))
seq("framing", "wrong-mask-on-second", (1002, after(2, plus=2)), (1, b"ok"), (1, b"no", {"mask": False}), roles=("server",))
seq("framing", "mask-on-second", (1002, after(2, plus=2)), (1, b"ok"), (1, b"no", {"mask": True}), roles=("client",))
seq("framing", "four-keys", "open", *[(1, b"abcdefghijk"[:n]) for n in range(12)], roles=("server",))

# ---- lengths (5.2) ----
for n in (0, 1, 2, 3, 4, 7, 8, 9, 124, 125, 126, 127, 128, 255, 256, 65534, 65535, 65536, 65537):
    one("framing", f"text-{n}", "open", 1, b"a" * n)
    one("framing", f"binary-{n}", "open", 2, b"\0" * n)
for n in (0, 1, 125):
    one("framing", f"not-minimal-16-{n}", (1002, 4), 2, b"x" * n, size=2)
for n in (0, 1, 125, 126, 65535):
    at = 2 + next(k for k in range(1, 9) if int.from_bytes(n.to_bytes(8, "big")[:k] + b"\xff" * (8 - k), "big") < 65536)
    one("framing", f"not-minimal-64-{n}", (1002, at), 2, b"x" * min(n, 200), size=8, declared=n)
for first in (0x80, 0xFF, 0xC0):
    one("framing", f"length-msb-{first:02x}", (1002, 3), 2, b"", size=8, declared=first << 56)
one("framing", "length-2-62", (1009, 3), 2, b"", size=8, declared=1 << 62)
for cut in range(1, 14):
    one("framing", f"cut-after-{cut}", "incomplete", 2, b"x" * 70000, roles=("server",), cut=cut)
    one("framing", f"cut-after-{cut}", "incomplete", 2, b"x" * 70000, roles=("client",), cut=cut) if cut < 10 else None
one("framing", "cut-in-payload", "incomplete", 1, b"hello", cut=-1)
seq("framing", "cut-in-second", "incomplete", (1, b"hello"), (1, b"world"), cut=-3)
one("framing", "nothing", "open", 1, b"", cut=0)
seq("framing", "two", "open", (1, b"one"), (2, b"two"))
seq("framing", "empty-messages", "open", (1,), (2,), (1,))

# ---- control frames (5.5) ----
for op in (8, 9, 10):
    ok = b"\x03\xe8" + b"r" * 123 if op == 8 else b"p" * 125
    one("control", f"op{op}-125", "closed" if op == 8 else "open", op, ok)
    one("control", f"op{op}-126", (1002, 2), op, ok + b"x")
    one("control", f"op{op}-127-code", (1002, 2), op, b"", size=8, declared=70000)
    one("control", f"op{op}-16-bit-short", (1002, 2), op, b"ab", size=2)
    one("control", f"op{op}-empty", "closed" if op == 8 else "open", op)
    one("control", f"op{op}-not-final", (1002, 1), op, b"\x03\xe8", fin=0)
    seq("control", f"op{op}-not-final-inside-message", (1002, after(1, plus=1)), (1, b"a", {"fin": 0}), (op, b"", {"fin": 0}))
one("control", "ping-binary", "open", 9, bytes(range(120)))
one("control", "ping-not-utf8", "open", 9, b"\xff\xfe")
seq("control", "many-pings", "open", *[(9, bytes([i])) for i in range(10)])
seq("control", "pongs-unasked", "open", (10, b"a"), (10,), (10, b"b"))
seq("control", "ping-between-every-fragment", "open", (1, b"a", {"fin": 0}), (9, b"1"), (0, b"b", {"fin": 0}), (9, b"2"), (0, b"c", {"fin": 0}), (10, b"3"), (0, b"d"))
one("control", "ping-cut", "incomplete", 9, b"beat", cut=-1)

# ---- fragmentation (5.4) ----
seq("fragmentation", "orphan-not-final", (1002, 1), (0, b"x", {"fin": 0}))
seq("fragmentation", "orphan-after-message", (1002, after(1, plus=1)), (1, b"a"), (0, b"b"))
seq("fragmentation", "orphan-after-fragmented", (1002, after(1, 1, plus=1)), (1, b"a", {"fin": 0}), (0, b"b"), (0, b"c"))
seq("fragmentation", "orphan-after-ping", (1002, after(1, plus=1)), (9, b"a"), (0, b"b"))
for op in (1, 2):
    seq("fragmentation", f"nested-op{op}", (1002, after(1, plus=1)), (1, b"a", {"fin": 0}), (op, b"b"))
    seq("fragmentation", f"nested-op{op}-not-final", (1002, after(1, 1, plus=1)), (2, b"a", {"fin": 0}), (0, b"b", {"fin": 0}), (op, b"c", {"fin": 0}))
seq("fragmentation", "all-empty", "open", (1, b"", {"fin": 0}), (0, b"", {"fin": 0}), (0, b""))
seq("fragmentation", "empty-first", "open", (2, b"", {"fin": 0}), (0, b"data"))
seq("fragmentation", "empty-last", "open", (2, b"data", {"fin": 0}), (0, b""))
seq("fragmentation", "octet-by-octet", "open", (1, b"f", {"fin": 0}), *[(0, bytes([c]), {"fin": 0}) for c in b"ragment"], (0, b"s"))
seq("fragmentation", "two-messages", "open", (1, b"a", {"fin": 0}), (0, b"b"), (2, b"c", {"fin": 0}), (0, b"d"))
seq("fragmentation", "close-inside", "closed", (1, b"a", {"fin": 0}), (8, b"\x03\xe8"), (0, b"b"))
seq("fragmentation", "never-ended", "incomplete", (1, b"a", {"fin": 0}))
seq("fragmentation", "never-ended-after-ping", "incomplete", (1, b"a", {"fin": 0}), (9, b"b"))
seq("fragmentation", "large-parts", "open", (2, b"a" * 70000, {"fin": 0}), (0, b"b" * 300, {"fin": 0}), (0, b"c" * 65536))

# ---- size (7.4.1, 10.4) ----
one("framing", "limit-reached", "open", 2, b"x" * 100, limit=100)
one("framing", "limit-plus-one", (1009, 2), 2, b"x" * 101, limit=100)
one("framing", "limit-16-bit", (1009, 4), 2, b"x" * 126, limit=125)
one("framing", "limit-16-bit-first-octet", (1009, 3), 2, b"x" * 600, limit=300)
one("framing", "limit-64-bit", (1009, 8), 2, b"x" * 65536, limit=65535)
one("framing", "limit-zero", "open", 1, b"", limit=0)
one("framing", "limit-zero-plus-one", (1009, 2), 1, b"a", limit=0)
seq("framing", "limit-is-per-message", "open", (2, b"x" * 100), (1, b"y" * 100), limit=100)
seq("framing", "limit-sum-reached", "open", (2, b"x" * 60, {"fin": 0}), (0, b"y" * 40), limit=100)
seq("framing", "limit-sum-plus-one", (1009, after(60, plus=2)), (2, b"x" * 60, {"fin": 0}), (0, b"y" * 41), limit=100)
seq("framing", "limit-not-for-control", "open", (2, b"x" * 10, {"fin": 0}), (9, b"p" * 125), (0, b""), limit=10)

# ---- close (5.5.1, 7.4) ----
for code in (0, 1, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1100, 1999, 2000, 2999, 3000, 3001,
             3999, 4000, 4999, 5000, 9999, 32768, 65535):
    raw = code.to_bytes(2, "big")
    one("close", f"code-{code}", "closed" if code_legal(code) else (1002, lambda role: hdr(2)(role) + 2), 8, raw)
    if code in (0, 1005, 1006, 1015, 65535):
        one("close", f"code-{code}-with-reason", (1002, lambda role: hdr(2)(role) + 2), 8, raw + b"why", by="end")
one("close", "one-octet", (1002, 2), 8, b"\x03", by="end")
one("close", "reason-utf8", "closed", 8, b"\x03\xe8" + "Grüße 日本 👍".encode())
one("close", "reason-with-nul", "closed", 8, b"\x03\xe8a\0b")
for name, bad, at in (("ff", b"\xff", 0), ("surrogate", b"ok\xed\xa0\x80", 3), ("overlong", b"\xc0\x80", 0), ("late", b"fine\x80", 4)):
    one("close", f"reason-{name}", (1007, lambda role, at=at: 6 + (4 if role == "server" else 0) - 2 + at + 1), 8, b"\x03\xe8" + bad, by="end")
one("close", "reason-cut-char", (1007, lambda role: hdr(4)(role) + 4), 8, b"\x03\xe8\xe2\x82")
seq("close", "ping-after", "closed", (8, b"\x03\xe8"), (9, b"late"))
seq("close", "garbage-after", "closed", (8, b"\x03\xe8"), (15, b"junk", {"rsv": 7}))
seq("close", "second-close", "closed", (8, b"\x03\xe8"), (8, b"\x03\xe9"))
seq("close", "cut-frame-after", "closed", (8, b"\x03\xe8"), (1, b"late"), cut=-2)
seq("close", "message-before", "closed", (1, b"bye"), (8, b"\x0f\xa0bye"))
one("close", "cut-code", "incomplete", 8, b"\x03\xe8", cut=-1)

# ---- UTF-8 (8.1) ----
GOOD = ["00", "7f", "c280", "dfbf", "e0a080", "e18080", "ecbfbf", "ed9fbf", "ee8080", "efbfbf", "efbfbe", "f0908080", "f3bfbfbf", "f48fbfbf", "efbbbf", "ceba e1bdb9 cf83 cebc ceb5"]
# text, index of the octet that cannot be right
BAD = [("80", 0), ("bf", 0), ("c080", 0), ("c1bf", 0), ("c200", 1), ("c2c2", 1), ("dfc0", 1), ("e08080", 1), ("e09fbf", 1), ("e0a000", 2), ("e1c080", 1), ("e180c0", 2), ("eda080", 1), ("edbfbf", 1),
       ("ed9f7f", 2), ("efbf41", 2), ("f0808080", 1), ("f08fbfbf", 1), ("f09080c0", 3), ("f0904180", 2), ("f1807f80", 2), ("f4908080", 1), ("f5808080", 0), ("f888808080", 0), ("fc8480808080", 0), ("fe", 0),
       ("ff", 0), ("6f6bff6f6b", 2), ("c3a9c3", None), ("e282", None), ("f09f91", None), ("f0", None), ("e2", None)]
for text in GOOD:
    one("utf8", f"good-{text.replace(' ', '')}", "open", 1, bytes.fromhex(text))
for text, index in BAD:
    raw = bytes.fromhex(text)
    place = len(raw) if index is None else index + 1
    one("utf8", f"bad-{text}", (1007, lambda role, p=place: hdr(0)(role) + p), 1, raw, by="end")
    one("utf8", f"binary-{text}", "open", 2, raw)
    if len(raw) > 1 and place > 1:
        seq("utf8", f"split-{text}", (1007, lambda role, p=place: after(1)(role) + hdr(0)(role) + p - 1), (1, raw[:1], {"fin": 0}), (0, raw[1:]))
for text in GOOD[2:]:
    raw = bytes.fromhex(text)
    seq("utf8", f"octets-{text.replace(' ', '')}", "open", (1, raw[:1], {"fin": 0}), *[(0, raw[i:i + 1], {"fin": 0}) for i in range(1, len(raw))], (9, b"\xff"), (0, b""))
seq("utf8", "ends-in-empty-fragment", (1007, lambda role: after(1)(role) + hdr(0)(role)), (1, b"\xc3", {"fin": 0}), (0, b""))
seq("utf8", "fault-in-first-of-many", (1007, lambda role: hdr(0)(role) + 1), (1, b"\xff", {"fin": 0}), (0, b"ok"), by=None)
seq("utf8", "state-is-per-message", (1007, lambda role: after(1)(role) + hdr(0)(role) + 1), (1, b"a"), (1, b"\x80"))
seq("utf8", "cut-before-fault", "incomplete", (1, b"\xc3\xff"), cut=-1)
one("utf8", "long-then-bad", (1007, lambda role: hdr(1001)(role) + 1001), 1, b"a" * 1000 + b"\xff", by="end")
for n in (6, 7, 8, 15, 16, 31, 32, 33):
    one("utf8", f"bad-at-{n}", (1007, lambda role, n=n: hdr(n)(role) + n + 1), 1, b"a" * n + b"\x80" + b"b" * 20, by="end")


# ---- permessage-deflate (RFC 7692 7) ----
def squeeze(*messages, bits=15, level=9, nct=False, strategy=0):
    out, z = [], None
    for m in messages:
        if z is None or nct:
            z = zlib.compressobj(level, zlib.DEFLATED, -bits, 8, strategy)
        part = z.compress(m) + z.flush(zlib.Z_SYNC_FLUSH)
        out.append(part[:-4] if m else b"\0")
    return out


def zipped(name, want, payloads, deflate=None, op=2, **extra):
    seq("deflate", name, want, *[(op, p, {"rsv": 4}) for p in payloads], deflate={} if deflate is None else deflate, **extra)


HELLO = b"Hello"
zipped("rfc-7-2-3-1", "open", [bytes.fromhex("f248cdc9c90700")], op=1)
zipped("rfc-7-2-3-2", "open", [bytes.fromhex("f248cdc9c90700"), bytes.fromhex("f200110000")], op=1)
zipped("rfc-7-2-3-3-stored", "open", [bytes.fromhex("000500faff48656c6c6f00")], op=1)
zipped("rfc-7-2-3-4-final-block", "open", [bytes.fromhex("f348cdc9c9070000")], op=1)
zipped("empty-final-stored-block", "open", [bytes.fromhex("f248cdc9c907000000ffff01")], op=1)
zipped("only-empty-final-stored-block", "open", [b"\x01"], op=1)
zipped("rfc-7-2-3-5-two-blocks", "open", [bytes.fromhex("f24805000000ffffcac9c90700")], op=1)
zipped("empty-message", "open", [b"\0", b"\0"], op=1)
zipped("no-payload-at-all", "open", [b""], op=1)
zipped("context-lost-without-takeover", (1007, lambda role: after(7, 5)(role)), [bytes.fromhex("f248cdc9c90700"), bytes.fromhex("f200110000")], {"peer_nct": True}, op=1)
zipped("no-takeover-three", "open", squeeze(b"abcabcabc" * 9, b"abcabcabc" * 9, b"x", nct=True), {"peer_nct": True})
zipped("takeover-three", "open", squeeze(b"abcabcabc" * 9, b"abcabcabc" * 9, b"abcabcabc"))
seq("deflate", "plain-between", "open", *[(2, p, {"rsv": 4 if p is not HELLO else 0}) for p in (squeeze(b"abcdef", b"abcdef")[0], HELLO, squeeze(b"abcdef", b"abcdef")[1])], deflate={})
seq("deflate", "plain-only", "open", (1, b"plain"), (2, b"\xff"), deflate={})
seq("deflate", "plain-bad-utf8", (1007, lambda role: hdr(1)(role) + 1), (1, b"\xff"), deflate={})
for bits in range(9, 16):
    text = bytes((i * 7 + i // 50) & 0xFF for i in range(3000))
    zipped(f"window-{bits}", "open", squeeze(text, text, bits=bits), {"peer_bits": bits})
zipped("window-8-literals", "open", squeeze(b"only literals here", bits=9, strategy=zlib.Z_HUFFMAN_ONLY), {"peer_bits": 8})
for level in (0, 1, 6, 9):
    zipped(f"level-{level}", "open", squeeze(b"level " * 50, level=level))
zipped("fixed-codes", "open", squeeze(b"fixed codes", strategy=zlib.Z_FIXED))
zipped("run-lengths", "open", squeeze(b"a" * 1000 + b"b" * 1000, strategy=zlib.Z_RLE))
packed = squeeze(b"split me " * 20)[0]
for n in range(len(packed) + 1):
    seq("deflate", f"fragment-at-{n}", "open", (2, packed[:n], {"rsv": 4, "fin": 0}), (9, b"mid"), (0, packed[n:]), deflate={})
seq("deflate", "octet-fragments", "open", (2, packed[:1], {"rsv": 4, "fin": 0}), *[(0, packed[i:i + 1], {"fin": 0}) for i in range(1, len(packed))], (0, b""), deflate={})
seq("deflate", "rsv1-not-on-first", (1002, after(3, plus=1)), (2, packed[:3], {"fin": 0}), (0, packed[3:], {"rsv": 4}), deflate={})
seq("deflate", "not-agreed", (1002, 1), (2, packed, {"rsv": 4}))
for name, raw in (("reserved-block-type", "07"), ("reserved-block-type-later", "f248cdc9c9070007"), ("stored-length-wrong", "000500faf048656c6c6f00"),
                  ("distance-before-start", "020001"), ("bad-code-lengths", "05ffffffffffff")):
    data = bytes.fromhex(raw)
    try:
        zlib.decompressobj(-15).decompress(data + b"\0\0\xff\xff")
        raise AssertionError(name)
    except zlib.error:
        pass
    zipped(name, (1007, lambda role, n=len(data): after(n)(role)), [data])
zipped("inflated-not-utf8", (1007, lambda role, n=len(squeeze(b"\xff\xfe")[0]): after(n)(role)), squeeze(b"\xff\xfe"), op=1)
zipped("inflated-not-utf8-binary", "open", squeeze(b"\xff\xfe"), op=2)
zipped("inflated-cut-char", (1007, lambda role, n=len(squeeze("é".encode()[:1])[0]): after(n)(role)), squeeze("é".encode()[:1]), op=1)
zipped("limit-reached", "open", squeeze(b"z" * 1000), limit=1000)
zipped("limit-plus-one", (1009, lambda role, n=len(squeeze(b"z" * 1001)[0]): after(n)(role)), squeeze(b"z" * 1001), limit=1000)
zipped("bomb", (1009, lambda role, n=len(squeeze(b"\0" * 1000000)[0]): after(n)(role)), squeeze(b"\0" * 1000000), limit=10000)
zipped("limit-second", (1009, lambda role: after(*(len(p) for p in squeeze(b"ab" * 400, b"ab" * 600)))(role)), squeeze(b"ab" * 400, b"ab" * 600), limit=1000)
seq("deflate", "ping-compressed-payload-is-plain", "open", (9, packed), deflate={})
seq("deflate", "close-is-plain", "closed", (8, b"\x03\xe8" + b"bye"), deflate={})
zipped("cut", "incomplete", [packed], cut=-1)

with open(os.path.join(here, "ws.json"), "w", encoding="utf-8") as f:
    f.write('{"format": "wire-vectors/1", "protocol": "ws", "suite": "own", "sources": ["RFC 6455", "RFC 7692"], "cases": [\n ')
    f.write(",\n ".join(json.dumps(c) for c in OUT))
    f.write("\n]}\n")
print(len(OUT), "cases of frames")

# ---- the opening handshake (RFC 6455 4; RFC 7692 7.1) ----
HAND, KEY = [], "SGVsbG8sIHdvcmxkIQAAAA=="


def accept_of(key):
    return base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def hand(kind, name, expect, **more):
    ident = f"ws/handshake/own-{kind}-{name}"
    assert ident not in SEEN, ident
    SEEN.add(ident)
    HAND.append({"id": ident, "kind": kind, "title": name.replace("-", " "), **more, "expect": expect})


for key in (KEY, "dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==", "/////////////////////w==", "x3JJHMbDL1EzLkh9GBhXDw=="):
    hand("accept", f"key-{len(HAND)}", {"accept": accept_of(key)}, key=key)
assert accept_of("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

FIELDS = {"host": "Host: localhost:8080", "connection": "Connection: Upgrade", "upgrade": "Upgrade: websocket", "version": "Sec-WebSocket-Version: 13",
          "key": f"Sec-WebSocket-Key: {KEY}"}


def server(name, status, line="GET /live HTTP/1.1", extra=(), **change):
    lines = [v for k, v in {**FIELDS, **change}.items() if v] + list(extra)
    expect = {"status": status if isinstance(status, list) else [status]}
    if status == 101:
        k = next(x for x in lines if x.lower().startswith("sec-websocket-key:")).split(":", 1)[1].strip()
        expect["accept"] = accept_of(k)
    hand("server", name, expect, input={"latin1": "\r\n".join([line] + lines + ["", ""])})


for name, change in [("upgrade-case", {"upgrade": "upgrade: WebSocket"}), ("upgrade-upper", {"upgrade": "UPGRADE: WEBSOCKET"}), ("upgrade-list", {"upgrade": "Upgrade: h2c, websocket"}),
                     ("connection-list", {"connection": "Connection: keep-alive, Upgrade"}), ("connection-case", {"connection": "connection: uPGRADE"}), ("connection-lines", {"connection": "Connection: keep-alive\r\nConnection: upgrade"}),
                     ("connection-tight-list", {"connection": "Connection: a,upgrade,b"}), ("key-spaces", {"key": f"Sec-WebSocket-Key:   {KEY}  "}), ("key-zero", {"key": "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}),
                     ("names-lower", {"version": "sec-websocket-version: 13", "key": f"sec-websocket-key: {KEY}"}), ("version-spaces", {"version": "Sec-WebSocket-Version:\t13 "})]:
    server(name, 101, **change)
server("absolute-form", 101, "GET http://localhost:8080/live HTTP/1.1")
server("later-minor", 101, "GET /live HTTP/1.2")
for name, extra in [("origin", ["Origin: http://example.org"]), ("origin-null", ["Origin: null"]), ("cookie", ["Cookie: a=b"]), ("protocol", ["Sec-WebSocket-Protocol: chat"]),
                    ("protocols", ["Sec-WebSocket-Protocol: chat, superchat"]), ("protocol-lines", ["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: superchat"]),
                    ("deflate", ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]), ("unknown-extension", ["Sec-WebSocket-Extensions: x-mine; a=b; c=\"d\""]),
                    ("deflate-unacceptable", ["Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99"]), ("extension-lines", ["Sec-WebSocket-Extensions: x", "Sec-WebSocket-Extensions: permessage-deflate"]),
                    ("unknown-field", ["X-Anything: goes"])]:
    server(name, 101, extra=extra)
for name, line in [("post", "POST /live HTTP/1.1"), ("lower-case-get", "get /live HTTP/1.1"), ("head", "HEAD /live HTTP/1.1")]:
    server(name, [400, 405, 501], line)
server("http-1-0", [400, 426, 505], "GET /live HTTP/1.0")
server("http-2-0", [400, 505], "GET /live HTTP/2.0")
server("bad-line", [400], "GET  /live HTTP/1.1")
for name, change in [("no-host", {"host": None}), ("two-hosts", {"host": "Host: a\r\nHost: b"}), ("bad-host", {"host": "Host: a b"}), ("no-key", {"key": None}), ("empty-key", {"key": "Sec-WebSocket-Key:"}),
                     ("two-keys", {"key": f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Key: {KEY}"}), ("key-15-octets", {"key": "Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQAA"}), ("key-17-octets", {"key": "Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQAAAAA="}),
                     ("key-no-padding", {"key": "Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQAAAA"}), ("key-not-base64", {"key": "Sec-WebSocket-Key: SGVsbG8sIHdvcmxkI!AAAA=="}), ("key-url-alphabet", {"key": "Sec-WebSocket-Key: ____________________-w=="}),
                     ("key-space-inside", {"key": "Sec-WebSocket-Key: SGVsbG8sIHd cmxkIQAAAA=="}), ("key-padding-inside", {"key": "Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQ==AAAA"}), ("space-before-colon", {"key": f"Sec-WebSocket-Key : {KEY}"})]:
    server(name, [400], **change)
for name, change in [("no-upgrade", {"upgrade": None}), ("empty-upgrade", {"upgrade": "Upgrade:"}), ("other-upgrade", {"upgrade": "Upgrade: h2c"}), ("upgrade-prefix", {"upgrade": "Upgrade: websockets"}),
                     ("upgrade-two-words", {"upgrade": "Upgrade: web socket"}), ("no-connection", {"connection": None}), ("connection-keep-alive", {"connection": "Connection: keep-alive"}),
                     ("connection-prefix", {"connection": "Connection: Upgrades"}), ("connection-websocket", {"connection": "Connection: websocket"})]:
    server(name, [400, 426], **change)
for v in ("0", "7", "8", "12", "14", "255"):
    server(f"version-{v}", [426, 400], version=f"Sec-WebSocket-Version: {v}")
for name, v in [("missing", None), ("empty", "Sec-WebSocket-Version:"), ("letters", "Sec-WebSocket-Version: abc"), ("013", "Sec-WebSocket-Version: 013"), ("13-0", "Sec-WebSocket-Version: 13.0"),
                ("plus", "Sec-WebSocket-Version: +13"), ("list", "Sec-WebSocket-Version: 13, 8"), ("twice", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 8"), ("256", "Sec-WebSocket-Version: 256"),
                ("300", "Sec-WebSocket-Version: 300")]:
    server(f"version-{name}", [426, 400], version=v)
for name, v in [("semicolon-end", "permessage-deflate;"), ("no-name", "; a"), ("two-semicolons", "a;; b"), ("no-value", "a; b="), ("open-quote", 'a; b="c'), ("quoted-not-token", 'a; b="c d"'), ("two-words", "a b"), ("slash", "a/b")]:
    server(f"extensions-{name}", [400], extra=[f"Sec-WebSocket-Extensions: {v}"])

ANSWER = {"connection": "Connection: Upgrade", "upgrade": "Upgrade: websocket", "accept": f"Sec-WebSocket-Accept: {accept_of(KEY)}"}


def client(name, verdict, line="HTTP/1.1 101 Switching Protocols", extra=(), more=None, **change):
    lines = [v for k, v in {**ANSWER, **change}.items() if v] + list(extra)
    hand("client", name, {"verdict": verdict}, key=KEY, **(more or {}), input={"latin1": "\r\n".join([line] + lines + ["", ""])})


for name, change in [("upgrade-case", {"upgrade": "upgrade: WebSocket"}), ("connection-list", {"connection": "Connection: keep-alive, Upgrade"}), ("connection-case", {"connection": "CONNECTION: upgrade"}),
                     ("accept-spaces", {"accept": f"sec-websocket-accept:  {accept_of(KEY)} \t"})]:
    client(name, "accept", **change)
client("reason-empty", "accept", "HTTP/1.1 101 ")
client("other-fields", "accept", extra=["Server: x", "Date: now", "Set-Cookie: a=b"])
client("empty-extensions", "accept", extra=["Sec-WebSocket-Extensions: "])
for line in ("HTTP/1.1 200 OK", "HTTP/1.1 400 Bad Request", "HTTP/1.1 100 Continue", "HTTP/1.1 426 Upgrade Required", "HTTP/1.1 301 Moved", "HTTP/1.0 101 Switching Protocols", "HTTP/2.0 101 x", "HTTP/1.1 1010 x"):
    client("status-" + "-".join(line.split()[:2])[5:], "fail", line)
for name, change in [("no-upgrade", {"upgrade": None}), ("upgrade-other", {"upgrade": "Upgrade: h2c"}), ("upgrade-list", {"upgrade": "Upgrade: websocket, h2c"}), ("upgrade-twice", {"upgrade": "Upgrade: websocket\r\nUpgrade: websocket"}),
                     ("no-connection", {"connection": None}), ("connection-close", {"connection": "Connection: close"}), ("connection-prefix", {"connection": "Connection: Upgraded"}), ("no-accept", {"accept": None}),
                     ("accept-empty", {"accept": "Sec-WebSocket-Accept:"}), ("accept-case", {"accept": f"Sec-WebSocket-Accept: {accept_of(KEY).swapcase()}"}), ("accept-is-key", {"accept": f"Sec-WebSocket-Accept: {KEY}"}),
                     ("accept-and-more", {"accept": f"Sec-WebSocket-Accept: {accept_of(KEY)}, x"}), ("accept-twice", {"accept": f"Sec-WebSocket-Accept: {accept_of(KEY)}\r\nSec-WebSocket-Accept: {accept_of(KEY)}"}),
                     ("accept-cut", {"accept": f"Sec-WebSocket-Accept: {accept_of(KEY)[:-1]}"}), ("accept-quoted", {"accept": f"Sec-WebSocket-Accept: \"{accept_of(KEY)}\""})]:
    client(name, "fail", **change)
client("protocol-not-asked", "fail", extra=["Sec-WebSocket-Protocol: chat"])
client("extension-not-asked", "fail", extra=["Sec-WebSocket-Extensions: permessage-deflate"])
client("extension-malformed", "fail", extra=["Sec-WebSocket-Extensions: permessage-deflate;"], more={"offer": "permessage-deflate"})
client("protocol-asked", "accept", extra=["Sec-WebSocket-Protocol: superchat"], more={"protocols": ["chat", "superchat"]})
client("protocol-other", "fail", extra=["Sec-WebSocket-Protocol: other"], more={"protocols": ["chat", "superchat"]})
client("protocol-case", "fail", extra=["Sec-WebSocket-Protocol: Chat"], more={"protocols": ["chat"]})
client("protocol-two", "fail", extra=["Sec-WebSocket-Protocol: chat, superchat"], more={"protocols": ["chat", "superchat"]})
client("protocol-twice", "fail", extra=["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"], more={"protocols": ["chat"]})
client("protocol-none", "accept", more={"protocols": ["chat"]})
client("extension-asked", "accept", extra=["Sec-WebSocket-Extensions: permessage-deflate"], more={"offer": "permessage-deflate"})
client("extension-twice", "fail", extra=["Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Extensions: permessage-deflate"], more={"offer": "permessage-deflate"})

D = "permessage-deflate"
S, C, SN, CN = "server_max_window_bits", "client_max_window_bits", "server_no_context_takeover", "client_no_context_takeover"
for n, (offer, ok) in enumerate(
        [(D, True), ("", False), ("x-webkit-deflate-frame", False), (f"{D}; {C}", True), (f"{D};{C}", True), (f"{D} ; {C} ", True), (f"{D}; {SN}", True), (f"{D}; {CN}", True), (f"{D}; {SN}; {CN}; {S}=10; {C}", True),
         (f"{D}; {C}; {S}=8; {CN}; {SN}", True), (f"{D}; {S}=\"10\"", True), (f"{D}; {C}=\"9\"", True), (f"{D}; {S}", False), (f"{D}; {S}=", False), (f"{D}; {S}=\"\"", False), (f"{D}; {S}=010", False), (f"{D}; {C}=09", False),
         (f"{D}; {S}=+9", False), (f"{D}; {S}=-9", False), (f"{D}; {S}=9.0", False), (f"{D}; {S}=0x9", False), (f"{D}; {S}=nine", False), (f"{D}; {SN}=1", False), (f"{D}; {SN}=true", False), (f"{D}; {CN}=\"\"", False), (f"{D}; {CN}=8", False),
         (f"{D}; unknown", False), (f"{D}; unknown=1", False), (f"{D}; {S}=9; {S}=9", False), (f"{D}; {C}; {C}", False), (f"{D}; {C}; {C}=10", False), (f"{D}; {SN}; {SN}", False), (f"{D}; {S.upper()}=9", False),
         (f"{D}; mux, {D}", True), (f"mux, {D}", True), (f"{D}, mux", True), (f"{D}; {S}=7, {D}; {S}=9", True), (f"{D}; {S}=7, {D}; {S}=16", False), (f"a; b=c, {D}", True), (f"a; b=\"c\" , {D}", True), (f", {D} ,", True), (f"{D};", False),
         (f"{D}; ; {C}", False), (f"{D} {C}", False), (f"{D}={C}", False), (f"\"{D}\"", False), (f"{D}; =9", False), (f"{D}; {S}=\"9", False), (f"{D}; {S}='9'", False), (f"{D}; {S} = 9", True), (f"{D}\t;\t{S}=9", True)]
        + [(f"{D}; {p}={b}", 8 <= b <= 15) for p in (S, C) for b in (0, 1, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 80, 100, 256)]):
    hand("pmd-offer", str(n), {"acceptable": ok}, offer=offer)
    HAND[-1]["title"] = offer
for n, (offer, answer, ok) in enumerate(
        [(D, D, True), (D, "", True), ("", "", True), ("", D, False), (D, "mux", False), (D, f"{D}, {D}", False), (D, f"{D}, mux", False), (f"{D}, mux", D, True), (D, f"{D};", False), (D, f"{D}; a b", False),
         (D, f"{D}; {SN}", True), (D, f"{D}; {CN}", True), (D, f"{D}; {SN}; {CN}", True), (D, f"{D}; {S}=9", True), (D, f"{D}; {C}=9", False), (D, f"{D}; {C}", False), (D, f"{D}; {C}=15", False),
         (f"{D}; {SN}", D, False), (f"{D}; {SN}", f"{D}; {SN}", True), (f"{D}; {SN}", f"{D}; {CN}", False), (f"{D}; {CN}", D, True), (f"{D}; {CN}", f"{D}; {CN}", True), (f"{D}; {C}", D, True),
         (f"{D}; {C}", f"{D}; {C}=8", True), (f"{D}; {C}", f"{D}; {C}=15", True), (f"{D}; {C}", f"{D}; {C}", False), (f"{D}; {C}", f"{D}; {C}=7", False), (f"{D}; {C}", f"{D}; {C}=16", False), (f"{D}; {C}=10", D, True),
         (f"{D}; {C}=10", f"{D}; {C}=10", True), (f"{D}; {C}=10", f"{D}; {C}=9", True), (f"{D}; {C}=10", f"{D}; {C}=11", False), (f"{D}; {S}=10", f"{D}; {S}=10", True), (f"{D}; {S}=10", f"{D}; {S}=8", True),
         (f"{D}; {S}=10", f"{D}; {S}=11", False), (f"{D}; {S}=10", D, False), (f"{D}; {S}=10", f"{D}; {S}", False), (D, f"{D}; {S}=7", False), (D, f"{D}; {S}=16", False), (D, f"{D}; {S}=09", False), (D, f"{D}; {S}=\"9\"", True),
         (D, f"{D}; {SN}; {SN}", False), (D, f"{D}; {S}=9; {S}=9", False), (D, f"{D}; {SN}=1", False), (D, f"{D}; x", False), (D, f"{D}; x=1", False), (f"{D}; {C}", f"{D}; {C}=9; {C}=9", False),
         (f"{D}; {S}=9, {D}", D, True), (f"{D}; {S}=9, {D}", f"{D}; {S}=9", True), (f"{D}; {S}=9, {D}", f"{D}; {S}=12", True), (f"{D}; {SN}; {C}, {D}", f"{D}; {C}=9", False), (D.upper(), D, False)]):
    hand("pmd-answer", str(n), {"verdict": "accept" if ok else "fail"}, offer=offer, answer=answer)
    HAND[-1]["title"] = f"{offer} -> {answer}"

with open(os.path.join(here, "ws-handshake.json"), "w", encoding="utf-8") as f:
    f.write('{"format": "wire-vectors/1", "protocol": "ws", "suite": "own", "sources": ["RFC 6455", "RFC 7692"], "cases": [\n ')
    f.write(",\n ".join(json.dumps(c) for c in HAND))
    f.write("\n]}\n")
print(len(HAND), "cases of the handshake")
