"""HTTP/3 (RFC 9114), QPACK (RFC 9204), HTTP Datagrams and capsules (RFC 9297), WebTransport over HTTP/3 (draft)."""
from wire import Suite, plain, prefix_int, varint

streams = Suite("http3", "http3", ["RFC 9114", "RFC 9297", "draft-ietf-webtrans-http3"])
qpack = Suite("http3", "qpack", ["RFC 9204"])
UNEXPECTED, FRAME, SETTINGS_E, ID, MISSING, CREATION, CRITICAL = (
    "H3_FRAME_UNEXPECTED", "H3_FRAME_ERROR", "H3_SETTINGS_ERROR", "H3_ID_ERROR", "H3_MISSING_SETTINGS",
    "H3_STREAM_CREATION_ERROR", "H3_CLOSED_CRITICAL_STREAM")


def frame(kind, payload=b"", type_octets=None, length_octets=None):
    return varint(kind, type_octets) + varint(len(payload), length_octets) + payload


def case(name, title, ref, stream, octets, expect, **more):
    streams.add("http3/own-" + name, title, ref, expect, stream=stream, input=octets.hex(), **more)


def pay(kind, payload):
    return {"type": kind, "length": len(payload), "payload": payload.hex()}


HEAD = b"\0\0\xd1"
H, D = frame(1, HEAD), frame(0, b"hey")
JH, JD = pay(1, HEAD), pay(0, b"hey")


def requests():
    r = "RFC9114 4.1"
    case("headers", "HEADERS alone", r, "request", H, {"frames": [JH]})
    case("two-data", "two DATA frames", r, "request", H + D + D, {"frames": [JH, JD, JD]})
    case("data-empty", "DATA of no octets", r, "request", H + frame(0), {"frames": [JH, pay(0, b"")]})
    case("trailers", "HEADERS, DATA, trailers", r, "request", H + D + H, {"frames": [JH, JD, JH]})
    case("trailers-only", "HEADERS and trailers", r, "request", H + H, {"frames": [JH, JH]})
    case("long-varints", "type and length longer than they need be", "RFC9114 7.1", "request",
         frame(1, HEAD, 8, 4) + frame(0, b"hey", 2, 8), {"frames": [JH, JD]})
    case("unknown", "an unknown frame between", "RFC9114 9", "request", H + frame(0x4242, b"zz") + D,
         {"frames": [JH, JD]})
    for n in (0, 1, 31, 1 << 20):
        g = 0x1F * n + 0x21
        case("grease-%d" % n, "a reserved frame type, first", "RFC9114 7.2.8", "request", frame(g, b"ignore") + H,
             {"frames": [JH]})
    for kind in (2, 6, 8, 9):
        case("e-h2-%d" % kind, "type %d of HTTP/2" % kind, "RFC9114 7.2.8", "request", H + frame(kind, b"\0" * 4),
             {"error": UNEXPECTED})
    for kind, name, body in ((3, "CANCEL_PUSH", varint(0)), (4, "SETTINGS", b""), (7, "GOAWAY", varint(0)),
                             (13, "MAX_PUSH_ID", varint(0)), (5, "PUSH_PROMISE from a client", varint(0) + HEAD)):
        case("e-request-%d" % kind, name + " on a request stream", "RFC9114 7.2", "request", H + frame(kind, body),
             {"error": UNEXPECTED})
    case("e-data-first", "DATA before HEADERS", r, "request", D, {"error": UNEXPECTED})
    case("e-after-trailers", "DATA after the trailers", r, "request", H + D + H + D, {"error": UNEXPECTED})
    case("e-third", "HEADERS after the trailers", r, "request", H + D + H + H, {"error": UNEXPECTED})
    case("e-cut", "the stream ends inside a frame", "RFC9114 7.1", "request", H + D[:-1], {"error": FRAME}, eof=True)
    case("e-cut-length", "the stream ends inside a length", "RFC9114 7.1", "request", H + b"\0\x40", {"error": FRAME},
         eof=True)
    case("cut", "a frame under way", "RFC9114 7.1", "request", H + D[:-1], {"incomplete": True, "frames": [JH]})
    case("push-promise", "PUSH_PROMISE from a server", "RFC9114 7.2.5", "response",
         frame(5, varint(3) + HEAD) + H, {"frames": [{"type": 5, "length": 4, "push_id": 3}, JH]})
    case("e-push-promise", "PUSH_PROMISE without a push ID", "RFC9114 7.2.5", "response", frame(5, b""),
         {"error": FRAME})


def setting(*pairs):
    return b"".join(varint(a) + varint(b) for a, b in pairs)


def control():
    s, settings = b"\0" + frame(4), "RFC9114 7.2.4"
    case("control", "a control stream of empty SETTINGS", "RFC9114 6.2.1", "uni", s,
         {"stream_type": "control", "frames": [{"type": 4, "settings": []}]})
    pairs = ((1, 4096), (7, 100), (6, 16384), (8, 1), (0x33, 1), (0x21, 12345))
    case("settings", "every setting", settings, "uni", b"\0" + frame(4, setting(*pairs)),
         {"stream_type": "control", "frames": [{"type": 4, "settings": [list(p) for p in pairs]}]})
    case("settings-big", "a value of 2^62-1", settings, "uni", b"\0" + frame(4, setting((6, (1 << 62) - 1))),
         {"frames": [{"type": 4, "settings": [[6, (1 << 62) - 1]]}]})
    for ident in (0, 2, 3, 4, 5):
        case("e-setting-%d" % ident, "setting %d of HTTP/2" % ident, "RFC9114 7.2.4.1", "uni",
             b"\0" + frame(4, setting((ident, 0))), {"error": SETTINGS_E})
    case("e-setting-twice", "a setting twice", settings, "uni", b"\0" + frame(4, setting((6, 1), (6, 1))),
         {"error": SETTINGS_E})
    case("e-setting-cut", "SETTINGS ends inside a setting", settings, "uni", b"\0" + frame(4, varint(6)),
         {"error": FRAME})
    case("e-setting-cut-2", "SETTINGS ends inside an integer", settings, "uni", b"\0" + frame(4, b"\6\x40"),
         {"error": FRAME})
    case("e-settings-2", "SETTINGS twice", settings, "uni", s + frame(4), {"error": UNEXPECTED})
    case("e-datagram-2", "H3_DATAGRAM of 2", "RFC9297 2.1.1", "uni", b"\0" + frame(4, setting((0x33, 2))),
         {"error": SETTINGS_E})
    for kind, name, body in ((7, "GOAWAY", varint(0)), (13, "MAX_PUSH_ID", varint(0)), (3, "CANCEL_PUSH", varint(0)),
                             (0, "DATA", b""), (1, "HEADERS", HEAD), (0x21, "a reserved frame", b"")):
        case("e-first-%d" % kind, name + " before SETTINGS", "RFC9114 6.2.1", "uni", b"\0" + frame(kind, body),
             {"error": [MISSING, UNEXPECTED] if kind < 2 else MISSING})
    for kind, name, body in ((0, "DATA", b"x"), (1, "HEADERS", HEAD), (5, "PUSH_PROMISE", varint(0) + HEAD)):
        case("e-control-%d" % kind, name + " on the control stream", "RFC9114 7.2", "uni", s + frame(kind, body),
             {"error": UNEXPECTED})
    for kind in (2, 6, 8, 9):
        case("e-control-h2-%d" % kind, "type %d of HTTP/2 on the control stream" % kind, "RFC9114 7.2.8", "uni",
             s + frame(kind, b"\0"), {"error": UNEXPECTED})
    case("goaway", "GOAWAY twice, the second lower", "RFC9114 5.2", "uni", s + frame(7, varint(8)) + frame(7, varint(4)),
         {"frames": [{"type": 4}, {"type": 7, "id": 8}, {"type": 7, "id": 4}]})
    case("e-goaway-up", "GOAWAY raises its identifier", "RFC9114 5.2", "uni",
         s + frame(7, varint(4)) + frame(7, varint(8)), {"error": ID})
    case("e-goaway-kind", "a server's GOAWAY names no request", "RFC9114 7.2.6", "uni", s + frame(7, varint(3)),
         {"error": ID}, role="client")
    case("max-push", "MAX_PUSH_ID grows", "RFC9114 7.2.7", "uni", s + frame(13, varint(1)) + frame(13, varint(100)),
         {"frames": [{"type": 4}, {"type": 13, "id": 1}, {"type": 13, "id": 100}]})
    case("e-max-push", "MAX_PUSH_ID shrinks", "RFC9114 7.2.7", "uni", s + frame(13, varint(2)) + frame(13, varint(1)),
         {"error": ID})
    case("e-max-push-server", "MAX_PUSH_ID from a server", "RFC9114 7.2.7", "uni", s + frame(13, varint(1)),
         {"error": UNEXPECTED}, role="client")
    for kind in (7, 13, 3):
        case("e-id-none-%d" % kind, "type %d without its identifier" % kind, "RFC9114 7.1", "uni", s + frame(kind),
             {"error": FRAME})
        case("e-id-more-%d" % kind, "type %d with octets after its identifier" % kind, "RFC9114 7.1", "uni",
             s + frame(kind, varint(4) + b"\0"), {"error": FRAME})
        case("e-id-cut-%d" % kind, "type %d with half an identifier" % kind, "RFC9114 7.1", "uni",
             s + frame(kind, b"\x40"), {"error": FRAME})
    case("control-grease", "a reserved frame on the control stream", "RFC9114 7.2.8", "uni",
         s + frame(0x21, b"x") + frame(7, varint(0)), {"frames": [{"type": 4}, {"type": 7, "id": 0}]})
    case("e-critical", "the control stream ends", "RFC9114 6.2.1", "uni", s, {"error": CRITICAL}, eof=True)
    for kind in (2, 3):
        case("e-critical-%d" % kind, "a QPACK stream ends", "RFC9204 4.2", "uni", bytes([kind]), {"error": CRITICAL},
             eof=True)
    case("encoder", "QPACK's encoder stream", "RFC9204 4.2", "uni", b"\2\x3f\xe1\x1f",
         {"stream_type": "qpack-encoder", "payload": "3fe11f"})
    case("decoder", "QPACK's decoder stream", "RFC9204 4.2", "uni", b"\3\x81", {"stream_type": "qpack-decoder",
                                                                              "payload": "81"})
    case("push", "a push stream", "RFC9114 6.2.2", "uni", b"\1" + varint(7) + H + D,
         {"stream_type": "push", "push_id": 7, "frames": [JH, JD]}, role="client")
    case("e-push", "a push stream from a client", "RFC9114 6.2.2", "uni", b"\1" + varint(7) + H, {"error": CREATION})
    case("e-push-settings", "SETTINGS on a push stream", "RFC9114 7.2.4", "uni", b"\1" + varint(7) + frame(4),
         {"error": UNEXPECTED}, role="client")
    case("reserved", "a stream of reserved type", "RFC9114 6.2.3", "uni", varint(0x1F * 3 + 0x21) + b"any",
         {"stream_type": 0x1F * 3 + 0x21, "payload": b"any".hex()})
    case("type-long", "a stream type in eight octets", "RFC9114 6.2", "uni", varint(0, 8) + frame(4),
         {"stream_type": "control", "frames": [{"type": 4}]})


def webtransport():
    wt = "draft-ietf-webtrans-http3"
    for session in (0, 4, 400, 1 << 20):
        case("wt-uni-%d" % session, "a unidirectional stream of session %d" % session, wt, "uni",
             varint(0x54) + varint(session) + b"abc",
             {"stream_type": "webtransport", "session": session, "payload": b"abc".hex()})
        case("wt-bidi-%d" % session, "a bidirectional stream of session %d" % session, wt, "bidi",
             varint(0x41) + varint(session) + b"\0\1\2",
             {"stream_type": "webtransport", "session": session, "payload": "000102"})
        case("dg-%d" % session, "a datagram of stream %d" % session, "RFC9297 2.1", "quic-datagram",
             varint(session // 4) + b"d", {"quarter_stream_id": session // 4, "payload": "64"})
    for session in (1, 2, 3, 5):
        for name, kind in (("uni", 0x54), ("bidi", 0x41)):
            case("e-wt-%s-%d" % (name, session), "session %d is no request" % session, wt, name,
                 varint(kind) + varint(session) + b"x", {"error": ID})
    case("e-wt-late", "WebTransport's signal behind a frame", wt, "bidi", H + varint(0x41) + varint(0),
         {"error": FRAME})
    case("dg-empty", "a datagram without payload", "RFC9297 2.1", "quic-datagram", varint(9),
         {"quarter_stream_id": 9, "payload": ""})
    case("dg-max", "the highest Quarter Stream ID", "RFC9297 2.1", "quic-datagram", varint((1 << 60) - 1),
         {"quarter_stream_id": (1 << 60) - 1, "payload": ""})
    for name, octets in (("none", b""), ("cut", b"\x40"), ("high", varint(1 << 60))):
        case("e-dg-" + name, "a datagram that is none: " + name, "RFC9297 2.1", "quic-datagram", octets,
             {"error": "H3_DATAGRAM_ERROR"})

    def capsule(kind, value):
        return varint(kind) + varint(len(value)) + value

    close = capsule(0x2843, b"\0\0\x01\x02bye")
    case("capsules", "capsules one after another", "RFC9297 3.2", "capsules",
         capsule(0, b"dg") + capsule(0x21, b"ignore") + capsule(0x78AE, b"") + close,
         {"capsules": [{"type": 0, "length": 2, "value": "6467"}, {"type": 0x21, "length": 6},
                       {"type": 0x78AE, "length": 0}, {"type": 0x2843, "code": 0x102, "reason": "bye"}]})
    case("capsule-frames", "a capsule over two DATA frames", "RFC9297 3.2", "request",
         H + frame(0, close[:4]) + frame(0, close[4:]),
         {"capsules": [{"type": 0x2843, "code": 0x102, "reason": "bye"}]})
    case("capsule-close-least", "a close without a reason", wt, "capsules", capsule(0x2843, bytes(4)),
         {"capsules": [{"type": 0x2843, "code": 0, "reason": ""}]})
    case("capsule-close-most", "a reason of 1024 octets", wt, "capsules", capsule(0x2843, bytes(4) + b"r" * 1024),
         {"capsules": [{"type": 0x2843, "code": 0, "reason": "r" * 1024}]})
    for name, octets in (("short", capsule(0x2843, bytes(3))), ("long", capsule(0x2843, bytes(4) + b"r" * 1025)),
                         ("utf8", capsule(0x2843, bytes(4) + b"\xff"))):
        case("e-capsule-close-" + name, "a close that is none: " + name, wt, "capsules", octets,
             {"error": ["H3_DATAGRAM_ERROR", "H3_MESSAGE_ERROR"]})
    case("e-capsule-cut", "the stream ends inside a capsule", "RFC9297 3.3", "capsules", close[:-1],
         {"error": ["H3_DATAGRAM_ERROR", "H3_MESSAGE_ERROR"]}, eof=True)
    first = 0x52E4A40FA8DB
    for n in (0, 1, 0x1D, 0x1E, 0x1F, 0x3C, 1000, 0xFFFFFFFF):
        wire = first + n + n // 0x1E
        assert (wire - 0x21) % 0x1F
        streams.add("http3/own-wt-error-%d" % n, "application code %d on the wire" % n, wt, {"http3_code": wire},
                    application_code=n)
        streams.add("http3/own-wt-error-back-%d" % n, "application code %d from the wire" % n, wt,
                    {"application_code": n}, http3_code=wire)
    for name, wire in (("below", first - 1), ("above", 0x52E5AC983163), ("reserved", first + 0x1E)):
        streams.add("http3/own-wt-error-e-" + name, "a code that is not WebTransport's: " + name, wt,
                    {"application_code": None}, http3_code=wire)


# ---- QPACK

def ric(required, capacity):
    """RFC 9204 4.5.1.1."""
    return required % (2 * (capacity // 32)) + 1 if required else 0


def section(required, base, lines, capacity):
    sign = base < required
    return (prefix_int(0, 8, ric(required, capacity)) +
            (prefix_int(0x80, 7, required - base - 1) if sign else prefix_int(0, 7, base - required)) + lines)


def steps(name, title, ref, *script, **more):
    script = [[x.hex() if isinstance(x, bytes) else x for x in s] for s in script]
    qpack.add("http3/qpack/own-" + name, title, "RFC9204 " + ref, steps=script, **more)


def cap(n):
    return prefix_int(0x20, 5, n)


def insert(name, value):
    return plain(name, 0x40, 5) + plain(value)


def insert_static(index, value):
    return prefix_int(0xC0, 6, index) + plain(value)


def insert_dynamic(index, value):
    return prefix_int(0x80, 6, index) + plain(value)


def dup(index):
    return prefix_int(0, 5, index)


ST = {0: (":authority", ""), 1: (":path", "/"), 15: (":method", "CONNECT"), 17: (":method", "GET"),
      25: (":status", "200"), 62: ("x-xss-protection", "1; mode=block"), 63: (":status", "100"),
      90: ("origin", ""), 98: ("x-frame-options", "sameorigin")}
FAIL, ENC, DEC = "QPACK_DECOMPRESSION_FAILED", "QPACK_ENCODER_STREAM_ERROR", "QPACK_DECODER_STREAM_ERROR"


def appendix_b():
    a, p = [":authority", "www.example.com"], [":path", "/sample/path"]
    c1, c2 = ["custom-key", "custom-value"], ["custom-key", "custom-value2"]
    steps("b1", "B.1", "B.1", ["field-section", 0, bytes.fromhex("0000510b2f696e6465782e68746d6c"),
                               [[":path", "/index.html"]]])
    script = [["encoder-stream", bytes.fromhex("3fbd01c00f7777772e6578616d706c652e636f6dc10c2f73616d706c652f70617468")],
              ["field-section", 4, bytes.fromhex("03811011"), [a, p]], ["decoder-emits", b"\x84"],
              ["encoder-stream", bytes.fromhex("4a637573746f6d2d6b65790c637573746f6d2d76616c7565")],
              ["decoder-emits", b"\x01"], ["encoder-stream", b"\x02"],
              ["field-section", 8, bytes.fromhex("050080c181"), [a, [":path", "/"], c1]], ["stream-cancel", 8]]
    steps("b2-4", "B.2 to B.4", "B", *script, max_capacity=220)
    steps("b5", "B.5", "B.5", *script[:6], ["encoder-stream", bytes.fromhex("810d637573746f6d2d76616c756532")],
          ["field-section", 12, section(5, 5, b"\x80", 220), [c2]], max_capacity=220)


def static():
    for i, (n, v) in ST.items():
        steps("static-%d" % i, "static entry %d" % i, "A", ["field-section", 0, b"\0\0" + prefix_int(0xC0, 6, i), [[n, v]]])
        steps("static-name-%d" % i, "name of static entry %d" % i, "4.5.4",
              ["field-section", 0, b"\0\0" + prefix_int(0x50, 4, i) + plain("v"), [[n, "v"]]])
    steps("never-ref", "never indexed, name of a static entry", "4.5.4",
          ["field-section", 0, b"\0\0" + prefix_int(0x70, 4, 90) + plain("v"), [["origin", "v", "never-indexed"]]])
    steps("never", "never indexed, a literal", "4.5.6",
          ["field-section", 0, b"\0\0" + plain("k", 0x30, 3) + plain("v"), [["k", "v", "never-indexed"]]])
    steps("literal", "a literal", "4.5.6", ["field-section", 0, b"\0\0" + plain("k", 0x20, 3) + plain("v"), [["k", "v"]]])
    steps("literal-long", "a name whose length needs more octets", "4.5.6",
          ["field-section", 0, b"\0\0" + plain("k" * 300, 0x20, 3) + plain("v" * 300), [["k" * 300, "v" * 300]]])
    steps("literal-huff", "Huffman in name and value", "4.5.6",
          ["field-section", 0, b"\0\0\x29\x1f\x81\x1f", [["a", "a"]]])
    steps("empty", "a section without fields", "4.5", ["field-section", 0, b"\0\0", []])
    steps("base-free", "any Base when nothing is required", "4.5.1.2", ["field-section", 0, b"\0\x05\xd1", [[":method", "GET"]]])
    for name, octets in (("static-99", b"\0\0" + prefix_int(0xC0, 6, 99)), ("static-huge", b"\0\0" + prefix_int(0xC0, 6, 1 << 30)),
                         ("name-99", b"\0\0" + prefix_int(0x50, 4, 99) + plain("v")), ("none", b""), ("half", b"\0"),
                         ("cut-index", b"\0\0\xff"), ("cut-name", b"\0\0\x25ab"), ("cut-value", b"\0\0" + plain("k", 0x20, 3) + b"\5ab"),
                         ("no-value", b"\0\0" + plain("k", 0x20, 3)), ("huff-pad", b"\0\0\x21k\x81\x18"),
                         ("huff-eos", b"\0\0\x21k\x84\xff\xff\xff\xff"), ("int", b"\0\0\xff" + b"\xff" * 10 + b"\1"),
                         ("dynamic", b"\0\0\x80"), ("post-base", b"\0\0\x10"), ("dynamic-name", b"\0\0\x40\0"),
                         ("post-name", b"\0\0\0\0"), ("negative-base", b"\0\x80\xd1"), ("ric", b"\1\0\xd1")):
        steps("e-section-" + name, "a section that is none: " + name, "4.5", ["field-section", 0, octets, {"error": FAIL}])


def dynamic():
    c = 256  # eight entries at most
    ab, cd = insert("a", "b"), insert("c", "d")
    ask = ["field-section", 0, section(1, 1, b"\x80", c), [["a", "b"]]]
    steps("insert", "insert, then refer", "4.3.3", ["encoder-stream", cap(c) + ab], ask, ["decoder-emits", b"\x80"],
          max_capacity=c)
    steps("insert-static", "insert with a static name", "4.3.2", ["encoder-stream", cap(c) + insert_static(90, "o")],
          ["field-section", 0, section(1, 1, b"\x80", c), [["origin", "o"]]], max_capacity=c)
    steps("insert-dynamic", "insert with a dynamic name", "4.3.2", ["encoder-stream", cap(c) + ab + insert_dynamic(0, "2")],
          ["field-section", 0, section(2, 2, b"\x80\x81", c), [["a", "2"], ["a", "b"]]], max_capacity=c)
    steps("duplicate", "duplicate", "4.3.4", ["encoder-stream", cap(c) + ab + cd + dup(1)],
          ["field-section", 0, section(3, 3, b"\x80\x81\x82", c), [["a", "b"], ["c", "d"], ["a", "b"]]], max_capacity=c)
    steps("post-base", "post-Base indices", "4.5.3", ["encoder-stream", cap(c) + ab + cd],
          ["field-section", 0, section(2, 0, b"\x10\x11", c), [["a", "b"], ["c", "d"]]], max_capacity=c)
    steps("post-base-mixed", "a Base between", "4.5.1.2", ["encoder-stream", cap(c) + ab + cd],
          ["field-section", 0, section(2, 1, b"\x80\x10", c), [["a", "b"], ["c", "d"]]], max_capacity=c)
    steps("base-above", "a Base above the Required Insert Count", "4.5.1.2", ["encoder-stream", cap(c) + ab + cd],
          ["field-section", 0, section(1, 2, b"\x81", c), [["a", "b"]]], max_capacity=c)
    steps("names", "names from the dynamic table", "4.5.4, 4.5.5", ["encoder-stream", cap(c) + ab],
          ["field-section", 0, section(1, 1, b"\x40" + plain("1"), c), [["a", "1"]]],
          ["field-section", 4, section(1, 0, b"\x00" + plain("2"), c), [["a", "2"]]],
          ["field-section", 8, section(1, 1, b"\x60" + plain("3"), c), [["a", "3", "never-indexed"]]],
          ["field-section", 12, section(1, 0, b"\x08" + plain("4"), c), [["a", "4", "never-indexed"]]],
          ["decoder-emits", b"\x80\x84\x88\x8c"], max_capacity=c)
    steps("blocked", "a section waits for its insertions", "2.1.2", ask, ["decoder-emits", b""],
          ["encoder-stream", cap(c)], ["decoder-emits", b""], ["encoder-stream", ab], ["decoder-emits", b"\x80"],
          max_capacity=c, max_blocked=1)
    steps("blocked-word", "a section waits and is asked for", "2.1.2", ask[:3] + ["blocked"],
          ["encoder-stream", cap(c) + ab], ["unblocked", 0, [["a", "b"]]], max_capacity=c, max_blocked=1)
    steps("blocked-two", "two sections of one stream block once", "2.1.2", ask, ask, ["encoder-stream", cap(c) + ab],
          ["decoder-emits", b"\x80\x80"], max_capacity=c, max_blocked=1)
    steps("e-blocked", "one blocked stream too many", "2.1.2", ask,
          ["field-section", 4, section(1, 1, b"\x80", c), {"error": FAIL}], max_capacity=c, max_blocked=1)
    steps("e-blocked-0", "no stream may block", "2.1.2", ask[:3] + [{"error": FAIL}], max_capacity=c, max_blocked=0)
    steps("cancel", "a blocked stream is cancelled", "4.4.2", ask[:3] + ["blocked"], ["stream-cancel", 0],
          ["decoder-emits", b"\x40"], ["encoder-stream", cap(c) + ab], ["decoder-emits", b"\x01"], max_capacity=c,
          max_blocked=1)
    steps("cancel-high", "a cancellation that needs two octets", "4.4.2", ["stream-cancel", 400],
          ["decoder-emits", prefix_int(0x40, 6, 400)], max_capacity=c)
    steps("increment", "insertions are acknowledged", "4.4.3", ["encoder-stream", cap(c) + ab + cd],
          ["decoder-emits", b"\x02"], max_capacity=c)
    steps("increment-then", "an increment, then an acknowledgement", "4.4", ["encoder-stream", cap(c) + ab],
          ["decoder-emits", b"\x01"], ask, ["decoder-emits", b"\x80"], max_capacity=c)
    steps("ack-high", "an acknowledgement that needs two octets", "4.4.1", ["encoder-stream", cap(c) + ab],
          ["field-section", 1000, ask[2], ask[3]], ["decoder-emits", prefix_int(0x80, 7, 1000)], max_capacity=c)
    steps("no-ack", "a section of static fields needs no acknowledgement", "4.4.1", ["encoder-stream", cap(c)],
          ["field-section", 0, b"\0\0\xd1", [[":method", "GET"]]], ["decoder-emits", b""], max_capacity=c)
    steps("evict", "the oldest entry goes", "3.2.2", ["encoder-stream", cap(68) + ab + cd + insert("e", "f")],
          ["field-section", 0, section(3, 3, b"\x80\x81", 68), [["e", "f"], ["c", "d"]]], max_capacity=68)
    steps("e-evicted", "a reference to an evicted entry", "3.2.2", ["encoder-stream", cap(68) + ab + cd + insert("e", "f")],
          ["field-section", 0, section(3, 3, b"\x82", 68), {"error": FAIL}], max_capacity=68)
    steps("evict-name", "the entry that gives its name goes", "3.2.2", ["encoder-stream", cap(40) + ab + insert_dynamic(0, "z")],
          ["field-section", 0, section(2, 2, b"\x80", 68), [["a", "z"]]], max_capacity=68)
    steps("capacity-down", "a smaller capacity evicts", "3.2.3", ["encoder-stream", cap(c) + ab + cd + cap(34)],
          ["field-section", 0, section(2, 2, b"\x80", c), [["c", "d"]]], max_capacity=c)
    steps("e-capacity-down", "what a smaller capacity evicted is gone", "3.2.3",
          ["encoder-stream", cap(c) + ab + cd + cap(34)], ["field-section", 0, section(2, 2, b"\x81", c), {"error": FAIL}],
          max_capacity=c)
    steps("capacity-edge", "the capacity that was allowed", "3.2.3", ["encoder-stream", cap(c)], max_capacity=c)
    full = 2 * (c // 32)
    many = b"".join(insert("k", str(i % 10)) for i in range(full + 3))
    steps("wrap", "the Required Insert Count wraps", "4.5.1.1", ["encoder-stream", cap(c) + many],
          ["field-section", 0, section(full + 3, full + 3, b"\x80", c), [["k", str((full + 2) % 10)]]], max_capacity=c)
    for name, octets in (("capacity", cap(c + 1)), ("insert-0", ab), ("large", cap(33) + ab),
                         ("dup", cap(c) + dup(0)), ("dup-far", cap(c) + ab + dup(1)),
                         ("name", cap(c) + insert_dynamic(0, "v")), ("static-99", cap(c) + insert_static(99, "v")),
                         ("huff", cap(c) + b"\x61\x18\x01v"), ("int", b"\x3f" + b"\xff" * 10 + b"\1"),
                         ("gone", cap(34) + ab + cd + dup(1))):
        steps("e-encoder-" + name, "an instruction that may not be: " + name, "4.3",
              ["encoder-stream", octets, {"error": ENC}], max_capacity=c)
    steps("e-capacity-none", "a capacity where none was allowed", "3.2.3", ["encoder-stream", cap(1), {"error": ENC}])
    steps("capacity-none", "a capacity of 0 is always allowed", "3.2.3", ["encoder-stream", cap(0)])
    for name, octets in (("above-required", section(1, 2, b"\x80", c)), ("post-above", section(1, 1, b"\x10", c)),
                         ("below", section(2, 2, b"\x82", c)), ("negative", b"\2\x81\x80"),
                         ("ric-full", prefix_int(0, 8, full + 1) + b"\0\x80"), ("required-0", b"\0\0\x80")):
        steps("e-refer-" + name, "an index that may not be: " + name, "2.2.1, 4.5.1",
              ["encoder-stream", cap(c) + ab + cd], ["field-section", 0, octets, {"error": FAIL}], max_capacity=c)
    for name, octets in (("increment-0", b"\0"), ("increment-much", b"\2"), ("ack", b"\x84"), ("int", b"\x3f" + b"\xff" * 10 + b"\1")):
        steps("e-decoder-" + name, "a decoder may not send: " + name, "4.4", ["encoder-stream", cap(c) + ab],
              ["decoder-stream", octets, {"error": DEC}], max_capacity=c)
    steps("decoder", "what a decoder may send", "4.4", ["encoder-stream", cap(c) + ab + cd], ask,
          ["decoder-stream", b"\x80\x01\x44"], max_capacity=c)


def messages():
    def lines(*fields):
        return b"\0\0" + b"".join(plain(n, 0x20, 3) + plain(v) for n, v in fields)

    m, s, p, a = (":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "h.test")
    r = "RFC9114 4.1.2, 4.2, 4.3"
    case("m-fields", "the fields of a request", r, "request", frame(1, lines(m, s, p, a, ("x", "1"))),
         {"frames": [{"type": 1, "headers": [list(m), list(s), list(p), list(a), ["x", "1"]]}]})
    for name, fields in (("upper", (m, s, p, a, ("X", "1"))), ("connection", (m, s, p, a, ("connection", "close"))),
                         ("no-method", (s, p, a)), ("no-scheme", (m, p, a)), ("no-path", (m, s, a)),
                         ("path-empty", (m, s, (":path", ""), a)), ("no-authority", (m, s, p)),
                         ("authority-empty", (m, s, p, (":authority", ""))), ("twice", (m, m, s, p, a)),
                         ("unknown", (m, s, p, a, (":x", "1"))), ("status", (m, s, p, a, (":status", "200"))),
                         ("late", (m, s, p, ("x", "1"), a)), ("te", (m, s, p, a, ("te", "gzip"))),
                         ("length", (m, s, p, a, ("content-length", "x"))), ("nul", (m, s, p, a, ("x", "a\0")))):
        case("e-m-" + name, "a malformed request: " + name, r, "request", frame(1, lines(*fields)),
             {"error": "H3_MESSAGE_ERROR"}, eof=True)
    whole = frame(1, lines(m, s, p, a, ("content-length", "3")))
    case("e-m-less", "less content than content-length says", r, "request", whole + frame(0, b"ab"),
         {"error": "H3_MESSAGE_ERROR"}, eof=True)
    case("m-length", "content-length holds", r, "request", whole + frame(0, b"ab") + frame(0, b"c"),
         {"frames": [{"type": 1}, {"type": 0, "length": 2}, {"type": 0, "length": 1}]}, eof=True)
    case("e-m-trailers", "a pseudo-header field in trailers", r, "request",
         frame(1, lines(m, s, p, a)) + frame(1, lines(p)), {"error": "H3_MESSAGE_ERROR"}, eof=True)
    case("e-m-qpack", "a field section that cannot be decompressed", "RFC9204 2.2.3", "request",
         frame(1, b"\0\0\xff\x24"), {"error": "QPACK_DECOMPRESSION_FAILED"})
    case("m-response", "a response after an interim one", r, "response",
         frame(1, lines((":status", "103"))) + frame(1, lines((":status", "200"))) + frame(0, b"x"),
         {"frames": [{"type": 1, "headers": [[":status", "103"]]}, {"type": 1, "headers": [[":status", "200"]]},
                     {"type": 0, "length": 1}]})


def suites():
    for part in (messages, requests, control, webtransport, appendix_b, static, dynamic):
        part()
    return {"http3-rfc.json": streams, "qpack-rfc.json": qpack}
