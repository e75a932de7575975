"""HTTP/2: single frames (RFC 9113 4, 6) and what a client may send to a server (RFC 9113 3.4, 5, 6, 8)."""
from wire import Suite, plain, u

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
ES, EH, PADDED, PRIO = 1, 4, 8, 0x20
MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
P, FC, SC, FS, COMP, CALM = ("PROTOCOL_ERROR", "FLOW_CONTROL_ERROR", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
                             "COMPRESSION_ERROR", "ENHANCE_YOUR_CALM")


def frame(kind, flags, stream, payload=b"", length=None):
    return u(len(payload) if length is None else length, 3) + bytes([kind, flags]) + u(stream, 4) + payload


def setting(ident, value):
    return u(ident, 2) + u(value, 4)


# ---- single frames

frames = Suite("http2", "frames", ["RFC 9113", "RFC 7540 5.3.1"])


def ok(name, title, ref, octets, **fields):
    frames.add("http2/frame/own-" + name, title, "RFC9113 " + ref, {"verdict": "accept", "fields": fields},
               input=octets.hex())


def bad(name, title, ref, octets, scope, *codes):
    frames.add("http2/frame/own-e-" + name, title, "RFC9113 " + ref,
               {"verdict": "error", "scope": scope, "code": list(codes)}, input=octets.hex())


def cut(name, title, octets):
    frames.add("http2/frame/own-cut-" + name, title, "RFC9113 4.1", {"verdict": "incomplete"}, input=octets.hex())


def all_frames():
    ok("data-empty", "DATA without octets, END_STREAM", "6.1", frame(DATA, ES, 1), type="DATA", flags=1, stream=1,
       length=0, data="")
    ok("data-pad0", "DATA with a padding of none", "6.1", frame(DATA, PADDED, 1, b"\0ab"), type="DATA", flags=8,
       length=3, data="6162")
    ok("data-pad", "DATA with padding", "6.1", frame(DATA, PADDED | ES, 3, b"\3hi\0\0\0"), type="DATA", flags=9,
       stream=3, length=6, data="6869")
    ok("data-pad-all", "DATA that is padding only", "6.1", frame(DATA, PADDED, 3, b"\4\0\0\0\0"), type="DATA",
       length=5, data="")
    ok("data-pad255", "the longest padding", "6.1", frame(DATA, PADDED, 3, b"\xff" + b"x" + bytes(255)), type="DATA",
       length=257, data="78")
    ok("data-max-id", "the highest stream identifier", "5.1.1", frame(DATA, 0, 0x7FFFFFFF, b"x"), type="DATA",
       stream=0x7FFFFFFF, data="78")
    ok("data-reserved", "the reserved bit is ignored", "4.1", frame(DATA, 0, 0x80000005, b"x"), type="DATA", stream=5,
       data="78")
    ok("data-flags", "flags that mean nothing here are ignored", "4.1", frame(DATA, 0xF6, 5, b"x"), type="DATA",
       stream=5, flags=0xF6, data="78")
    ok("data-largest", "a frame of 2^14 octets", "4.2", frame(DATA, 0, 5, b"x" * 16384), type="DATA", length=16384)
    ok("headers", "HEADERS", "6.2", frame(HEADERS, EH | ES, 1, b"\x82"), type="HEADERS", flags=5, stream=1, length=1)
    ok("headers-empty", "HEADERS with an empty fragment", "6.2", frame(HEADERS, 0, 1), type="HEADERS", length=0)
    ok("headers-prio", "HEADERS with priority", "6.2", frame(HEADERS, EH | PRIO, 5, u(0x80000003, 4) + b"\x0f\x82"),
       type="HEADERS", flags=0x24, stream=5, length=6)
    ok("headers-pad-prio", "HEADERS with padding and priority", "6.2",
       frame(HEADERS, EH | PRIO | PADDED, 5, b"\2" + u(3, 4) + b"\xff\x82\0\0"), type="HEADERS", flags=0x2C, length=9)
    ok("prio", "PRIORITY", "6.3", frame(PRIORITY, 0, 5, u(0x80000003, 4) + b"\x0f"), type="PRIORITY", stream=5,
       length=5)
    ok("rst", "RST_STREAM", "6.4", frame(RST_STREAM, 0, 5, u(8, 4)), type="RST_STREAM", stream=5, length=4,
       error_code=8)
    ok("rst-unknown", "a code nobody knows", "7", frame(RST_STREAM, 0, 5, u(0xFFFFFFFF, 4)), type="RST_STREAM",
       error_code=0xFFFFFFFF)
    ok("settings-empty", "SETTINGS without settings", "6.5", frame(SETTINGS, 0, 0), type="SETTINGS", length=0,
       settings=[])
    ok("settings-ack", "SETTINGS ACK", "6.5", frame(SETTINGS, 1, 0), type="SETTINGS", flags=1, length=0, settings=[])
    ok("settings-unknown", "an unknown setting is ignored", "6.5.2", frame(SETTINGS, 0, 0, setting(0xABCD, 7)),
       type="SETTINGS", settings=[[0xABCD, 7]])
    ok("settings-twice", "a setting may come twice", "6.5.3", frame(SETTINGS, 0, 0, setting(3, 1) + setting(3, 2)),
       type="SETTINGS", settings=[[3, 1], [3, 2]])
    for ident, value, what in ((2, 0, "push off"), (2, 1, "push on"), (4, 0x7FFFFFFF, "largest window"),
                               (4, 0, "no window"), (5, 16384, "least frame size"), (5, 16777215, "largest frame size"),
                               (1, 0xFFFFFFFF, "largest table"), (3, 0, "no streams"), (6, 0, "no header list")):
        ok("settings-%d-%d" % (ident, value), "SETTINGS at the edge: " + what, "6.5.2",
           frame(SETTINGS, 0, 0, setting(ident, value)), type="SETTINGS", settings=[[ident, value]])
    ok("push", "PUSH_PROMISE", "6.6", frame(PUSH_PROMISE, EH, 1, u(2, 4) + b"\x82"), type="PUSH_PROMISE", stream=1,
       flags=4, length=5)
    ok("ping", "PING", "6.7", frame(PING, 0, 0, b"abcdefgh"), type="PING", flags=0, length=8)
    ok("ping-ack", "PING ACK", "6.7", frame(PING, 1, 0, b"abcdefgh"), type="PING", flags=1, length=8)
    ok("goaway", "GOAWAY without debug data", "6.8", frame(GOAWAY, 0, 0, u(1, 4) + u(0, 4)), type="GOAWAY",
       last_stream=1, error_code=0, debug="")
    ok("goaway-reserved", "GOAWAY's reserved bit is ignored", "6.8", frame(GOAWAY, 0, 0, u(0x80000007, 4) + u(2, 4)),
       type="GOAWAY", last_stream=7, error_code=2)
    ok("wu-max", "the largest increment", "6.9", frame(WINDOW_UPDATE, 0, 3, u(0x7FFFFFFF, 4)), type="WINDOW_UPDATE",
       stream=3, increment=0x7FFFFFFF)
    ok("wu-reserved", "WINDOW_UPDATE's reserved bit is ignored", "6.9",
       frame(WINDOW_UPDATE, 0, 0, u(0x80000001, 4)), type="WINDOW_UPDATE", stream=0, increment=1)
    ok("continuation", "CONTINUATION", "6.10", frame(CONTINUATION, EH, 1, b"\x84"), type="CONTINUATION", flags=4,
       stream=1, length=1)
    ok("unknown", "a frame of unknown type", "4.1", frame(0x6F, 0xFF, 9, b"any"), stream=9, flags=255, length=3)
    ok("unknown0", "a frame of unknown type on stream 0", "5.5", frame(0xFE, 0, 0), stream=0, length=0)

    for kind, name, length in ((RST_STREAM, "RST_STREAM", 4), (PING, "PING", 8), (WINDOW_UPDATE, "WINDOW_UPDATE", 4)):
        stream = 0 if kind == PING else 3
        for n in (0, length - 1, length + 1):
            bad("len-%s-%d" % (name.lower(), n), "%s of %d octets" % (name, n), "6", frame(kind, 0, stream, b"\1" * n),
                "connection", FS)
    for n in (0, 4, 6):
        bad("len-priority-%d" % n, "PRIORITY of %d octets" % n, "6.3", frame(PRIORITY, 0, 3, b"\0" * n), "stream", FS)
    for n in (1, 5, 7, 11):
        bad("len-settings-%d" % n, "SETTINGS of %d octets" % n, "6.5", frame(SETTINGS, 0, 0, bytes(n)), "connection",
            FS)
    for n in (1, 6):
        bad("settings-ack-%d" % n, "SETTINGS ACK with %d octets" % n, "6.5", frame(SETTINGS, 1, 0, bytes(n)),
            "connection", FS)
    for n in (0, 4, 7):
        bad("len-goaway-%d" % n, "GOAWAY of %d octets" % n, "6.8", frame(GOAWAY, 0, 0, bytes(n)), "connection", FS)
    for kind, name, body in ((DATA, "DATA", b"x"), (HEADERS, "HEADERS", b"\x82"), (PRIORITY, "PRIORITY", u(1, 4) + b"0"),
                             (RST_STREAM, "RST_STREAM", u(8, 4)), (PUSH_PROMISE, "PUSH_PROMISE", u(2, 4)),
                             (CONTINUATION, "CONTINUATION", b"\x82")):
        bad("zero-" + name.lower(), name + " on stream 0", "6", frame(kind, 4, 0, body), "connection", P)
    for kind, name, body in ((SETTINGS, "SETTINGS", b""), (PING, "PING", bytes(8)), (GOAWAY, "GOAWAY", bytes(8))):
        bad("nonzero-" + name.lower(), name + " on stream 1", "6", frame(kind, 0, 1, body), "connection", P)
    for kind, name in ((DATA, "DATA"), (HEADERS, "HEADERS"), (PUSH_PROMISE, "PUSH_PROMISE")):
        lead = u(2, 4) if kind == PUSH_PROMISE else b""
        bad("pad-exact-" + name.lower(), name + ": padding as long as the payload", "6",
            frame(kind, PADDED | EH, 1, bytes([len(lead) + 3]) + lead + b"ab"), "connection", P)
        bad("pad-long-" + name.lower(), name + ": padding longer than the payload", "6",
            frame(kind, PADDED | EH, 1, b"\xff" + lead + b"ab"), "connection", P)
        bad("pad-none-" + name.lower(), name + ": PADDED without a Pad Length", "6", frame(kind, PADDED | EH, 1),
            "connection", FS, P)
    bad("pad-prio", "HEADERS: padding reaches into the priority", "6.2",
        frame(HEADERS, PADDED | PRIO, 1, b"\1" + u(3, 4) + b"\0"), "connection", P)
    bad("prio-short", "HEADERS too short for its priority", "6.2", frame(HEADERS, PRIO | EH, 1, b"\0\0\0"),
        "connection", FS, P)
    bad("push-short", "PUSH_PROMISE too short for its stream", "6.6", frame(PUSH_PROMISE, EH, 1, b"\0\0"),
        "connection", FS, P)
    bad("prio-self", "PRIORITY depends on itself", "6.3", frame(PRIORITY, 0, 7, u(7, 4) + b"\x10"), "stream", P)
    bad("headers-prio-self", "HEADERS depends on itself", "6.2",
        frame(HEADERS, PRIO | EH, 7, u(0x80000007, 4) + b"\x10\x82"), "stream", P)
    bad("wu-0", "WINDOW_UPDATE by 0 on the connection", "6.9", frame(WINDOW_UPDATE, 0, 0, u(0, 4)), "connection", P)
    bad("wu-0-stream", "WINDOW_UPDATE by 0 on a stream", "6.9", frame(WINDOW_UPDATE, 0, 3, u(0, 4)), "stream", P)
    bad("wu-0-reserved", "WINDOW_UPDATE by 0 with the reserved bit", "6.9",
        frame(WINDOW_UPDATE, 0, 0, u(0x80000000, 4)), "connection", P)
    for ident, value, code in ((2, 2, P), (2, 0xFFFFFFFF, P), (4, 0x80000000, FC), (4, 0xFFFFFFFF, FC), (5, 16383, P),
                               (5, 0, P), (5, 16777216, P), (5, 0xFFFFFFFF, P)):
        bad("set-%d-%d" % (ident, value), "setting %d of %d" % (ident, value), "6.5.2",
            frame(SETTINGS, 0, 0, setting(3, 9) + setting(ident, value)), "connection", code)
    for kind, name in ((DATA, "DATA"), (HEADERS, "HEADERS"), (CONTINUATION, "CONTINUATION"), (0x77, "an unknown type")):
        bad("large-%d" % kind, name + " of 2^14+1 octets", "4.2", frame(kind, 0, 1, b"", 16385), "connection", FS)
    for n in range(0, 9):
        cut("header-%d" % n, "%d octets of a header" % n, frame(PING, 0, 0, bytes(8))[:n])
    cut("ping", "PING with one octet missing", frame(PING, 0, 0, bytes(8))[:-1])
    cut("data", "DATA with one octet missing", frame(DATA, 0, 1, b"abc")[:-1])


# ---- sessions

sessions = Suite("http2", "sessions", ["RFC 9113", "RFC 7541"])
START = MAGIC + frame(SETTINGS, 0, 0)
GET = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "h.test")]
POST = [(":method", "POST")] + GET[1:]


def block(fields):
    """Every field a literal without indexing."""
    return b"".join(b"\0" + plain(n) + plain(v) for n, v in fields)


def req(stream, fields=None, end=True):
    fields = (GET if end else POST) if fields is None else fields
    return frame(HEADERS, EH | (ES if end else 0), stream, block(fields))


def session(name, title, ref, octets, result, codes=None, stream=None, answers=None, start=START, tail=None):
    expect = {"result": result}
    if codes:
        expect["codes"] = codes
    if stream is not None:
        expect["stream"] = stream
    if answers is not None:
        expect["answers"] = answers
    data = (start + octets).hex()
    sessions.add("http2/session/own-" + name, title, "RFC" + ref, expect, role="server",
                 input=[data] + tail if tail else data, preface_len=len(start))


def fine(name, title, ref, octets, answers, **more):
    session(name, title, ref, octets, "ok", answers=answers, **more)


def conn(name, title, ref, octets, *codes, **more):
    session(name, title, ref, octets, "conn", list(codes), **more)


def stream(name, title, ref, octets, ident, *codes, **more):
    session(name, title, ref, octets, "stream", list(codes), ident, **more)


def preface():
    fine("preface", "the preface alone", "9113 3.4", b"", [])
    fine("preface-settings", "a preface with settings", "9113 3.4", req(1), [1],
         start=MAGIC + frame(SETTINGS, 0, 0, setting(3, 100) + setting(4, 1 << 20)))
    fine("preface-ack", "the acknowledgement of the server's SETTINGS", "9113 6.5.3", frame(SETTINGS, 1, 0) + req(1),
         [1])
    conn("preface-bad", "a preface with one wrong octet", "9113 3.4", b"", P,
         start=b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r!" + frame(SETTINGS, 0, 0))
    conn("preface-http1", "a request of HTTP/1.1", "9113 3.4", b"", P, start=b"GET / HTTP/1.1\r\nhost: h.test\r\n\r\n")
    for kind, name, body in ((HEADERS, "HEADERS", None), (PING, "PING", bytes(8)),
                             (WINDOW_UPDATE, "WINDOW_UPDATE", u(9, 4)), (0x55, "an unknown frame", b"x")):
        octets = req(1) if kind == HEADERS else frame(kind, 0, 0, body)
        conn("first-%d" % kind, name + " before SETTINGS", "9113 3.4", octets, P, start=MAGIC)
    conn("first-ack", "SETTINGS ACK as the first frame", "9113 3.4", frame(SETTINGS, 1, 0), P, start=MAGIC)


def states():
    idle = (("data", frame(DATA, ES, 1, b"x")), ("rst", frame(RST_STREAM, 0, 1, u(8, 4))),
            ("wu", frame(WINDOW_UPDATE, 0, 1, u(100, 4))), ("continuation", frame(CONTINUATION, EH, 1, b"\x82")))
    for name, octets in idle:
        conn("idle-" + name, name.upper() + " on an idle stream", "9113 5.1", octets, P)
        conn("idle-even-" + name, name.upper() + " on an idle stream of the server", "9113 5.1",
             octets[:8] + b"\2" + octets[9:], P)
    fine("idle-priority", "PRIORITY on an idle stream", "9113 5.1", frame(PRIORITY, 0, 9, u(0, 4) + b"\1") + req(1), [1])
    closed = (("data", frame(DATA, ES, 1, b"x")), ("headers", req(1)))
    for name, octets in closed:
        stream("ended-" + name, name.upper() + " after END_STREAM", "9113 5.1", req(1) + octets, 1, SC)
        stream("reset-" + name, name.upper() + " after RST_STREAM", "9113 5.1",
               req(1, end=False) + frame(RST_STREAM, 0, 1, u(8, 4)) + octets, 1, SC)
    conn("ended-continuation", "CONTINUATION after END_STREAM", "9113 5.1",
         req(1) + frame(CONTINUATION, EH, 1, b"\x82"), P, SC)
    conn("reset-continuation", "CONTINUATION after RST_STREAM", "9113 5.1",
         req(1, end=False) + frame(RST_STREAM, 0, 1, u(8, 4)) + frame(CONTINUATION, EH, 1, b"\x82"), P, SC)
    for name, octets in (("wu", frame(WINDOW_UPDATE, 0, 1, u(5, 4))), ("rst", frame(RST_STREAM, 0, 1, u(8, 4))),
                         ("priority", frame(PRIORITY, 0, 1, u(0, 4) + b"\1"))):
        fine("after-reset-" + name, name.upper() + " after RST_STREAM may come late", "9113 5.1",
             req(1, end=False) + frame(RST_STREAM, 0, 1, u(8, 4)) + octets + req(3), [3])
    fine("half-closed-wu", "WINDOW_UPDATE on a half-closed stream", "9113 5.1",
         req(1) + frame(WINDOW_UPDATE, 0, 1, u(5, 4)), [1])
    fine("half-closed-priority", "PRIORITY on a half-closed stream", "9113 5.1",
         req(1) + frame(PRIORITY, 0, 1, u(0, 4) + b"\1"), [1])
    fine("reset-open", "a stream is reset, the next one served", "9113 6.4",
         req(1, end=False) + frame(RST_STREAM, 0, 1, u(8, 4)) + req(3), [3])
    fine("reset-unknown-code", "RST_STREAM with a code nobody knows", "9113 7",
         req(1, end=False) + frame(RST_STREAM, 0, 1, u(0xABCD, 4)) + req(3), [3])
    conn("id-even", "a request on an even stream", "9113 5.1.1", req(2), P)
    conn("id-zero", "a request on stream 0", "9113 6.2", req(0), P)
    conn("id-lower", "a stream identifier lower than the last", "9113 5.1.1", req(5) + req(3), P, SC)
    conn("id-again", "a stream identifier used twice", "9113 5.1", req(1) + req(1), SC)
    fine("id-gap", "identifiers may be left out", "9113 5.1.1", req(1) + req(7) + req(101), [1, 7, 101])
    fine("id-highest", "the highest identifier", "9113 5.1.1", req(0x7FFFFFFF), [0x7FFFFFFF])
    conn("data-lower", "DATA on a stream that was skipped", "9113 5.1", req(5) + frame(DATA, 0, 3, b"x"), P, SC)


def blocks():
    whole = block(GET)
    fine("cont-2", "a header block in two frames", "9113 6.10",
         frame(HEADERS, ES, 1, whole[:9]) + frame(CONTINUATION, EH, 1, whole[9:]), [1])
    octetwise = b"".join(frame(CONTINUATION, 0, 1, whole[i:i + 1]) for i in range(len(whole)))
    fine("cont-octets", "a header block one octet a frame", "9113 6.10",
         frame(HEADERS, ES, 1) + octetwise + frame(CONTINUATION, EH, 1), [1])
    fine("cont-empty", "an empty CONTINUATION ends the block", "9113 6.10",
         frame(HEADERS, ES, 1, whole) + frame(CONTINUATION, EH, 1), [1])
    fine("cont-end-stream", "END_STREAM is HEADERS' own: CONTINUATION's bit means nothing", "9113 6.10",
         frame(HEADERS, 0, 1, whole[:5]) + frame(CONTINUATION, EH | 1, 1, whole[5:]) + frame(DATA, ES, 1), [1])
    open_block = frame(HEADERS, ES, 1, whole[:9])
    for name, octets in (("headers", req(3)), ("same-headers", req(1)), ("data", frame(DATA, 0, 1, b"x")),
                         ("settings", frame(SETTINGS, 0, 0)), ("unknown", frame(0x42, 0, 0, b"x")),
                         ("priority", frame(PRIORITY, 0, 1, u(0, 4) + b"\1")), ("wu", frame(WINDOW_UPDATE, 0, 0, u(1, 4))),
                         ("rst", frame(RST_STREAM, 0, 1, u(8, 4))), ("goaway", frame(GOAWAY, 0, 0, bytes(8))),
                         ("other", frame(CONTINUATION, EH, 3, whole[9:]))):
        conn("block-" + name, name + " inside a header block", "9113 6.10", open_block + octets, P)
    conn("cont-alone", "CONTINUATION after END_HEADERS", "9113 6.10",
         req(1, end=False) + frame(CONTINUATION, EH, 1, b"\x82"), P)
    conn("cont-after-data", "CONTINUATION after DATA", "9113 6.10",
         req(1, end=False) + frame(DATA, 0, 1, b"x") + frame(CONTINUATION, EH, 1, b"\x82"), P)
    conn("cont-zero", "CONTINUATION on stream 0", "9113 6.10", frame(CONTINUATION, EH, 0, whole), P)
    conn("cont-flood", "CONTINUATION without end", "9113 10.5.1", frame(HEADERS, ES, 1, whole), CALM, P, FS, COMP,
         tail=[{"rep": frame(CONTINUATION, 0, 1).hex(), "n": 20000}])
    for name, octets, what in (("cut", whole[:-1], "ends inside a field"), ("index0", b"\x80", "has an index of 0"),
                               ("index", b"\xc0", "points beyond the tables"), ("late", b"\x82\x20", "resizes late"),
                               ("resize", b"\x3f\xe2\x1f", "resizes beyond the limit"),
                               ("int", b"\x7f\xff\xff\xff\xff\xff\xff\x0f", "has an integer too large"),
                               ("huff", b"\0\x01a\x82\xff\xff", "has padding of over 7 bits"),
                               ("eos", b"\0\x01a\x84\xff\xff\xff\xff", "holds EOS")):
        conn("hpack-" + name, "a header block that " + what, "7541 5, 6", frame(HEADERS, EH | ES, 1, octets), COMP)
    conn("hpack-trailers", "trailers that cannot be decompressed", "9113 4.3",
         req(1, end=False) + frame(HEADERS, EH | ES, 1, b"\x80"), COMP)
    conn("hpack-reset", "the block of a reset stream counts all the same", "9113 4.3",
         req(1, end=False) + frame(RST_STREAM, 0, 1, u(8, 4)) + frame(HEADERS, EH | ES, 1, b"\x80"), COMP, SC)
    indexed = b"\x82\x86\x84" + b"\x41" + plain("h.test") + b"\x40" + plain("x-a") + plain("b")
    fine("hpack-kept", "the table outlives the stream that filled it", "9113 4.3",
         frame(HEADERS, EH | ES, 1, indexed) + frame(HEADERS, EH | ES, 3, b"\x82\x86\x84\xbf\xbe"), [1, 3])
    malformed = b"\x82\x86\x84\x41" + plain("h.test") + b"\x40" + plain("X-A") + plain("b")
    stream("hpack-malformed", "a malformed request still fills the table", "9113 4.3",
           frame(HEADERS, EH | ES, 1, malformed) + frame(HEADERS, EH | ES, 3, b"\x82\x86\x84\xbf"), 1, P, answers=[3])


def control():
    fine("ping", "PING, then a request", "9113 6.7", frame(PING, 0, 0, b"12345678") + req(1), [1])
    fine("ping-ack", "a PING ACK nobody asked for", "9113 6.7", frame(PING, 1, 0, b"12345678") + req(1), [1])
    fine("ping-flags", "PING with flags that mean nothing", "9113 6.7", frame(PING, 0xFE, 0, bytes(8)) + req(1), [1])
    fine("settings-again", "SETTINGS may come at any time", "9113 6.5",
         req(1) + frame(SETTINGS, 0, 0, setting(4, 0)) + frame(SETTINGS, 0, 0, setting(4, 65535)) + req(3), [1, 3])
    fine("settings-unknown", "unknown settings", "9113 6.5.2", frame(SETTINGS, 0, 0, setting(0xF0F0, 1)) + req(1), [1])
    fine("goaway", "GOAWAY does not end streams", "9113 6.8",
         req(1, end=False) + frame(GOAWAY, 0, 0, u(0, 4) + u(0, 4)) + frame(DATA, ES, 1, b"x"), [1])
    fine("goaway-code", "GOAWAY with a code nobody knows", "9113 7",
         frame(GOAWAY, 0, 0, u(0, 4) + u(0xFFFF, 4) + b"why") + frame(PING, 0, 0, bytes(8)), [])
    fine("unknown", "frames of unknown types, anywhere", "9113 5.5",
         frame(0x42, 0xFF, 0, b"abc") + req(1, end=False) + frame(0x99, 1, 1, b"x") + frame(0x99, 0, 77) +
         frame(DATA, ES, 1, b"y"), [1])
    fine("reserved", "reserved bits are ignored", "9113 4.1",
         frame(HEADERS, EH, 0x80000001, block(POST)) + frame(DATA, ES, 0x80000001, b"x"), [1])
    conn("push", "PUSH_PROMISE from a client", "9113 8.4",
         req(1, end=False) + frame(PUSH_PROMISE, EH, 1, u(2, 4) + block(GET)), P)
    fine("wu", "windows grow to the largest", "9113 6.9.1",
         frame(WINDOW_UPDATE, 0, 0, u(0x7FFFFFFF - 65535, 4)) + req(1, end=False) +
         frame(WINDOW_UPDATE, 0, 1, u(0x7FFFFFFF - 65535, 4)) + frame(DATA, ES, 1), [1])
    conn("wu-over", "the connection's window over 2^31-1", "9113 6.9.1",
         frame(WINDOW_UPDATE, 0, 0, u(0x7FFFFFFF - 65535, 4)) + frame(WINDOW_UPDATE, 0, 0, u(1, 4)), FC)
    conn("wu-over-once", "the connection's window over 2^31-1 at once", "9113 6.9.1",
         frame(WINDOW_UPDATE, 0, 0, u(0x7FFFFFFF, 4)), FC)
    stream("wu-stream-over", "a stream's window over 2^31-1", "9113 6.9.1",
           req(1, end=False) + frame(WINDOW_UPDATE, 0, 1, u(0x7FFFFFFF, 4)), 1, FC)
    conn("wu-0", "WINDOW_UPDATE by 0", "9113 6.9", frame(WINDOW_UPDATE, 0, 0, u(0, 4)), P)
    stream("wu-0-stream", "WINDOW_UPDATE by 0 on a stream", "9113 6.9",
           req(1, end=False) + frame(WINDOW_UPDATE, 0, 1, u(0, 4)), 1, P)
    conn("initial-window-over", "INITIAL_WINDOW_SIZE overflows a stream", "9113 6.9.2",
         req(1, end=False) + frame(WINDOW_UPDATE, 0, 1, u(0x7FFFFFFF - 65535, 4)) +
         frame(SETTINGS, 0, 0, setting(4, 65536)), FC)
    fine("initial-window-edge", "INITIAL_WINDOW_SIZE just fits", "9113 6.9.2",
         req(1, end=False) + frame(WINDOW_UPDATE, 0, 1, u(0x7FFFFFFF - 65536, 4)) +
         frame(SETTINGS, 0, 0, setting(4, 65536)) + frame(DATA, ES, 1), [1])
    full = [{"rep": frame(DATA, 0, 1, b"x" * 13107).hex(), "n": 5}]
    fine("window-full", "content that fills the windows to the last octet", "9113 6.9.1", req(1, end=False), [1],
         tail=full + [frame(DATA, ES, 1).hex()])
    session("window-over", "one octet over the windows", "9113 6.9.1", req(1, end=False), "conn", [FC],
            tail=full + [frame(DATA, ES, 1, b"x").hex()])
    session("window-padding", "padding counts against the windows", "9113 6.9.1", req(1, end=False), "conn", [FC],
            tail=full + [frame(DATA, ES | PADDED, 1, b"\0").hex()])
    half = b"y" * 16000
    session("window-two", "two streams fill the connection's window", "9113 6.9.1", req(1, end=False) +
            req(3, end=False), "conn", [FC],
            tail=[{"rep": (frame(DATA, 0, 1, half) + frame(DATA, 0, 3, half)).hex(), "n": 2},
                  frame(DATA, 0, 1, b"z" * 1535).hex(), frame(DATA, ES, 3, b"!").hex()])
    conn("len-ping", "PING of 7 octets", "9113 6.7", frame(PING, 0, 0, bytes(7)), FS)
    conn("len-rst", "RST_STREAM of 3 octets", "9113 6.4", req(1, end=False) + frame(RST_STREAM, 0, 1, bytes(3)), FS)
    stream("len-priority", "PRIORITY of 4 octets", "9113 6.3", req(1, end=False) + frame(PRIORITY, 0, 1, bytes(4)), 1,
           FS)
    conn("len-wu", "WINDOW_UPDATE of 3 octets", "9113 6.9", frame(WINDOW_UPDATE, 0, 0, bytes(3)), FS)
    conn("len-settings", "SETTINGS of 3 octets", "9113 6.5", frame(SETTINGS, 0, 0, bytes(3)), FS)
    conn("settings-stream", "SETTINGS on stream 1", "9113 6.5", frame(SETTINGS, 0, 1, setting(3, 1)), P)
    conn("settings-ack-body", "SETTINGS ACK with a setting", "9113 6.5", frame(SETTINGS, 1, 0, setting(3, 1)), FS)
    for ident, value, code in ((2, 2, P), (4, 1 << 31, FC), (5, 16383, P), (5, 1 << 24, P)):
        conn("set-%d-%d" % (ident, value), "setting %d of %d" % (ident, value), "9113 6.5.2",
             frame(SETTINGS, 0, 0, setting(ident, value)), code)
    session("size-data", "DATA larger than the server takes", "9113 4.2", req(1, end=False), "stream", [FS], 1,
            tail=[frame(DATA, ES, 1, b"x" * 16385).hex()])
    session("size-headers", "HEADERS larger than the server takes", "9113 4.2", b"", "conn", [FS],
            tail=[frame(HEADERS, EH | ES, 1, block(GET + [("x", "y" * 16384)])).hex()])
    session("size-unknown", "an unknown frame larger than the server takes", "9113 4.2", b"", "conn", [FS],
            tail=[frame(0x42, 0, 0, b"x" * 16385).hex()])
    stream("prio-self", "PRIORITY depends on itself", "7540 5.3.1",
           req(1, end=False) + frame(PRIORITY, 0, 1, u(1, 4) + b"\1"), 1, P)
    stream("headers-prio-self", "HEADERS depends on itself", "7540 5.3.1",
           frame(HEADERS, EH | ES | PRIO, 1, u(1, 4) + b"\1" + block(GET)), 1, P)
    session("ping-flood", "PING without end", "9113 10.5", b"", "conn", [CALM],
            tail=[{"rep": frame(PING, 0, 0, bytes(8)).hex(), "n": 20000}])
    no_priorities = frame(SETTINGS, 0, 0, setting(9, 1))
    fine("no-priorities", "NO_RFC7540_PRIORITIES, and again the same", "9218 2.1", no_priorities + req(1), [1],
         start=MAGIC + no_priorities)
    conn("no-priorities-changed", "NO_RFC7540_PRIORITIES in a later SETTINGS only", "9218 2.1", no_priorities, P)
    session("ping-thousand", "a thousand PINGs are no flood", "9113 6.7", b"", "ok", answers=[1],
            tail=[{"rep": frame(PING, 0, 0, bytes(8)).hex(), "n": 1000}, req(1).hex()])
    rapid = [(req(1 + 2 * i) + frame(RST_STREAM, 0, 1 + 2 * i, u(8, 4))).hex() for i in range(1500)]
    session("rapid-reset", "requests that are reset at once, without end", "9113 10.5", b"", "conn", [CALM],
            tail=["".join(rapid)])
    few = b"".join(req(1 + 2 * i, end=False) + frame(RST_STREAM, 0, 1 + 2 * i, u(8, 4)) for i in range(20))
    fine("reset-few", "some requests are reset", "9113 6.4", few + req(101), [101])


def messages():
    fine("post", "a request with content", "9113 8.1", req(1, end=False) + frame(DATA, ES, 1, b"body"), [1])
    fine("post-empty", "content of no octets", "9113 8.1", req(1, end=False) + frame(DATA, ES, 1), [1])
    fine("post-frames", "content in three frames", "9113 8.1",
         req(1, end=False) + frame(DATA, 0, 1, b"a") + frame(DATA, 0, 1) + frame(DATA, ES, 1, b"b"), [1])
    fine("post-padded", "padded content", "9113 6.1", req(1, end=False) + frame(DATA, ES | PADDED, 1, b"\2ab\0\0"), [1])
    fine("unfinished", "a request that has not ended", "9113 8.1", req(1, end=False) + frame(DATA, 0, 1, b"a"), [])
    fine("two-mixed", "two requests, mixed", "9113 5",
         req(1, end=False) + req(3, end=False) + frame(DATA, 0, 1, b"a") + frame(DATA, 0, 3, b"b") +
         frame(DATA, ES, 1, b"c") + frame(DATA, ES, 3, b"d"), [1, 3])
    fine("trailers", "trailers", "9113 8.1",
         req(1, end=False) + frame(DATA, 0, 1, b"a") + frame(HEADERS, EH | ES, 1, block([("x-sum", "1")])), [1])
    fine("trailers-only", "trailers without content", "9113 8.1",
         req(1, end=False) + frame(HEADERS, EH | ES, 1, block([("x-sum", "1")])), [1])
    fine("trailers-empty", "empty trailers", "9113 8.1", req(1, end=False) + frame(HEADERS, EH | ES, 1), [1])
    stream("trailers-open", "a second header section without END_STREAM", "9113 8.1",
           req(1, end=False) + frame(DATA, 0, 1, b"a") + frame(HEADERS, EH, 1, block([("x-sum", "1")])), 1, P)
    for name, field in (("pseudo", (":path", "/")), ("upper", ("X-Sum", "1")), ("connection", ("connection", "close"))):
        stream("trailers-" + name, "trailers with " + field[0], "9113 8.1",
               req(1, end=False) + frame(HEADERS, EH | ES, 1, block([field])), 1, P)
    with_length = POST + [("content-length", "4")]
    fine("length", "content-length holds", "9113 8.1.1",
         req(1, with_length, False) + frame(DATA, 0, 1, b"ab") + frame(DATA, ES, 1, b"cd"), [1])
    fine("length-padded", "padding is not content", "9113 8.1.1",
         req(1, with_length, False) + frame(DATA, ES | PADDED, 1, b"\3abcd\0\0\0"), [1])
    fine("length-0", "content-length of 0", "9113 8.1.1", req(1, POST + [("content-length", "0")]), [1])
    fine("length-trailers", "content-length and trailers", "9113 8.1.1",
         req(1, with_length, False) + frame(DATA, 0, 1, b"abcd") + frame(HEADERS, EH | ES, 1, block([("x", "1")])), [1])
    for name, octets in (("less", frame(DATA, ES, 1, b"abc")), ("more", frame(DATA, ES, 1, b"abcde")),
                         ("less-2", frame(DATA, 0, 1, b"ab") + frame(DATA, ES, 1, b"c")),
                         ("more-2", frame(DATA, 0, 1, b"abc") + frame(DATA, ES, 1, b"de")),
                         ("trailers-less", frame(DATA, 0, 1, b"a") + frame(HEADERS, EH | ES, 1, block([("x", "1")])))):
        stream("length-e-" + name, "content-length does not hold: " + name, "9113 8.1.1",
               req(1, with_length, False) + octets, 1, P)
    stream("length-e-none", "content-length without content", "9113 8.1.1", req(1, with_length), 1, P)
    for value in ("x", "-1", "+1", "", "1 2", "0x1"):
        stream("length-bad-" + value.encode().hex(), "content-length of \"%s\"" % value, "9110 8.6",
               req(1, POST + [("content-length", value)]), 1, P)
    stream("length-two", "two content-length that differ", "9110 8.6",
           req(1, POST + [("content-length", "0"), ("content-length", "1")]), 1, P)


def fields():
    for name, n, v in (("upper", "X-Big", "1"), ("upper-end", "bigG", "1"), ("space", "a b", "1"), ("empty", "", "1"),
                       ("colon", "a:b", "1"), ("nul", "a\0b", "1"), ("lf", "a\nb", "1"), ("high", "a\xe9", "1"),
                       ("del", "a\x7f", "1"), ("v-nul", "x", "a\0b"), ("v-lf", "x", "a\nb"), ("v-cr", "x", "a\rb"),
                       ("v-crlf", "x", "a\r\nset: 1"), ("v-lead-sp", "x", " a"), ("v-trail-sp", "x", "a "),
                       ("v-lead-tab", "x", "\ta"), ("v-trail-tab", "x", "a\t")):
        stream("field-" + name, "a field that may not be: " + name, "9113 8.2.1", req(1, GET + [(n, v)]), 1, P)
    for n, v in (("connection", "close"), ("connection", "keep-alive"), ("keep-alive", "timeout=5"),
                 ("proxy-connection", "keep-alive"), ("transfer-encoding", "chunked"), ("upgrade", "websocket"),
                 ("te", "gzip"), ("te", "trailers, gzip"), ("te", "")):
        stream("hop-%s-%s" % (n, v.encode().hex()), "%s: %s" % (n, v), "9113 8.2.2", req(1, GET + [(n, v)]), 1, P)
    for name, extra in (("te", ("te", "trailers")), ("value-empty", ("x", "")), ("value-inner", ("x", "a b\tc")),
                        ("value-high", ("x", "caf\xe9")), ("tchars", ("!#$%&'*+-.^_`|~0z", "1")),
                        ("cookie", ("cookie", "a=b; c=d")), ("host", ("host", "h.test"))):
        fine("field-ok-" + name, "a field that may be: " + name, "9113 8.2", req(1, GET + [extra]), [1])
    fine("field-twice", "a field may come twice", "9113 8.2.3", req(1, GET + [("cookie", "a=b"), ("cookie", "c=d")]), [1])
    m, s, p, a = GET
    fine("order", "pseudo-header fields in any order", "9113 8.3", req(1, [a, p, s, m]), [1])
    fine("path-query", "a path with a query", "9113 8.3.1", req(1, [m, s, (":path", "/a/b?c=d&e"), a]), [1])
    fine("scheme-https", "https", "9113 8.3.1", req(1, [m, (":scheme", "https"), p, a]), [1])
    fine("scheme-other", "another scheme", "9113 8.3.1", req(1, [m, (":scheme", "coap"), p, a]), [1])
    fine("options-star", "OPTIONS *", "9113 8.3.1", req(1, [(":method", "OPTIONS"), s, (":path", "*"), a]), [1])
    fine("head", "HEAD", "9113 8.3.1", req(1, [(":method", "HEAD"), s, p, a]), [1])
    fine("method-other", "a method nobody knows is a matter of HTTP", "9113 8.3.1",
         req(1, [(":method", "BREW"), s, p, a]), [1])
    fine("host-only", "host in place of :authority", "9113 8.3.1", req(1, [m, s, p, ("host", "h.test")]), [1])
    for text in ("[2001:db8::1]:80", "127.0.0.1:8080", "a-b_c~d.test", "h%20x", "xn--bcher-kva.test"):
        fine("authority-" + text, "an authority of " + text, "9113 8.3.1", req(1, [m, s, p, (":authority", text)]), [1])
    fine("no-authority", "neither :authority nor host: a matter of HTTP, answered with a status", "9113 8.3.1",
         req(1, [m, s, p]), [1])
    for name, fields_ in (("no-method", [s, p, a]), ("no-scheme", [m, p, a]), ("no-path", [m, s, a]),
                          ("none", []), ("only-regular", [("x", "1")]), ("path-empty", [m, s, (":path", ""), a]),
                          ("path-bare", [m, s, (":path", "a"), a]), ("method-empty", [(":method", ""), s, p, a]),
                          ("method-2", [m, m, s, p, a]), ("scheme-2", [m, s, s, p, a]), ("path-2", [m, s, p, p, a]),
                          ("authority-2", [m, s, p, a, a]), ("method-differs", [m, (":method", "PUT"), s, p, a]),
                          ("late", [m, s, p, ("x", "1"), a]), ("late-all", [("x", "1"), m, s, p, a]),
                          ("status", [m, s, p, a, (":status", "200")]), ("unknown", [m, s, p, a, (":odd", "1")]),
                          ("authority-octets", [m, s, p, (":authority", "h/t")]),
                          ("authority-high", [m, s, p, (":authority", "h\xe9")]),
                          ("authority-user", [m, s, p, (":authority", "u@h.test")]),
                          ("authority-empty", [m, s, p, (":authority", "")]),
                          ("bare-colon", [m, s, p, a, (":", "1")]), ("upper-pseudo", [(":Method", "GET"), s, p, a]),
                          ("protocol", [m, s, p, a, (":protocol", "websocket")])):
        stream("pseudo-" + name, "pseudo-header fields: " + name, "9113 8.3", req(1, fields_), 1, P)
    target = (":authority", "h.test:443")
    fine("connect", "CONNECT", "9113 8.5", req(1, [(":method", "CONNECT"), target], False), [1])
    for name, extra in (("scheme", s), ("path", p)):
        stream("connect-" + name, "CONNECT with " + extra[0], "9113 8.5",
               req(1, [(":method", "CONNECT"), extra, target], False), 1, P)
    stream("connect-none", "CONNECT without :authority", "9113 8.5", req(1, [(":method", "CONNECT")], False), 1, P)
    stream("connect-trailers", "only DATA may follow CONNECT", "9113 8.5",
           req(1, [(":method", "CONNECT"), target], False) + frame(HEADERS, EH | ES, 1, block([("x", "1")])), 1, P)
    fine("connect-data", "DATA on a CONNECT stream", "9113 8.5",
         req(1, [(":method", "CONNECT"), target], False) + frame(DATA, 0, 1, b"octets"), [1])
    stream("after-fault", "a stream error does not disturb other streams", "9113 5.4.2",
           req(1) + req(3, GET + [("X", "1")]) + req(5), 3, P, answers=[1, 5])


def suites():
    all_frames()
    for part in (preface, states, blocks, control, messages, fields):
        part()
    return {"http2-frames-rfc.json": frames, "http2-sessions-rfc.json": sessions}
