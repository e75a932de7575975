"""QUIC: integers, packet numbers, frames, headers, transport parameters, Initial packets (RFC 9000, 9001, 9221)."""
from wire import Suite, u, varint

suite = Suite("quic", "quic", ["RFC 9000", "RFC 9001", "RFC 9221", "RFC 9368"])
ENC, VIOLATION, PARAM = "FRAME_ENCODING_ERROR", "PROTOCOL_VIOLATION", "TRANSPORT_PARAMETER_ERROR"
MAX = (1 << 62) - 1


def case(kind, name, title, ref, octets, expect, **more):
    suite.add("quic/%s/own-%s" % (kind, name), title, ref, expect, input=octets.hex(), **more)


def varints():
    r = "RFC9000 16"
    for octets, edges in ((1, (0, 1, 62, 63)), (2, (0, 1, 63, 64, 16382, 16383)), (4, (0, 63, 16383, 16384, (1 << 30) - 1)),
                          (8, (0, 63, 16383, (1 << 30) - 1, 1 << 30, 1 << 32, 1 << 53, MAX))):
        for value in edges:
            case("varint", "%d-%d" % (octets, value), "%d in %d octets" % (value, octets), r, varint(value, octets),
                 {"value": value, "length": octets, "minimal": varint(value) == varint(value, octets)})
        for n in range(octets):
            if n:
                case("varint", "cut-%d-%d" % (octets, n), "%d of %d octets" % (n, octets), r,
                     varint(1, octets)[:n], {"incomplete": True})
    for octets, value in (("c2197c5eff14e88c", 151288809941952652), ("9d7f3e7d", 494878333), ("7bbd", 15293), ("25", 37),
                          ("4025", 37)):
        case("varint", "a1-" + octets, "RFC 9000 A.1", "RFC9000 A.1", bytes.fromhex(octets),
             {"value": value, "length": len(octets) // 2, "minimal": octets != "4025"})
    case("varint", "more", "octets behind it are not its own", r, b"\x05\xff\xff", {"value": 5, "length": 1, "minimal": True})


def packet_numbers():
    def pn(largest, truncated, bits, want):
        suite.add("quic/pn/own-%x-%x-%d" % (largest, truncated, bits), "after %x" % largest, "RFC9000 A.3",
                  {"packet_number": want}, largest=largest, truncated=truncated, bits=bits)

    pn(0xA82F30EA, 0x9B32, 16, 0xA82F9B32)
    pn(0xABE8B3, 0xAC5C02 & 0xFFFF, 16, 0xAC5C02)
    pn(0xABE8B3, 0xACE8FE, 24, 0xACE8FE)
    for bits in (8, 16, 24, 32):
        win = 1 << bits
        for expected in (win, 3 * win + win // 2, 5 * win + 7, 9 * win - 1):
            for delta in (0, 1, win // 2, -(win // 2) + 1, -1):
                value = expected + delta
                pn(expected - 1, value % win, bits, value)
    for truncated in (0, 1, 127, 128, 255):
        pn(0, truncated, 8, truncated)
    pn(MAX - 1, 0xFF, 8, MAX)


def frames(kind, name, title, ref, octets, *want, **more):
    case("frame", name, title, ref if ref.startswith("RFC") else "RFC9000 " + ref, octets, {"frames": list(want)}, **more)


def bad(name, title, ref, octets, error=ENC, **more):
    case("frame", "e-" + name, title, "RFC9000 " + ref, octets, {"error": error}, **more)


def v(*values):
    return b"".join(varint(x) for x in values)


def all_frames():
    f = lambda name, title, ref, octets, *want, **more: frames(None, name, title, ref, octets, *want, **more)
    f("ping", "PING", "19.2", b"\1", {"type": "PING"})
    f("two", "two frames", "12.4", b"\1\x1e", {"type": "PING"}, {"type": "HANDSHAKE_DONE"})
    f("ack", "ACK of one packet", "19.3", v(2, 0, 0, 0, 0), {"type": "ACK", "largest": 0, "delay": 0, "ranges": [[0, 0]]})
    f("ack-all", "ACK of everything so far", "19.3", v(2, 9, 100, 0, 9), {"type": "ACK", "largest": 9, "delay": 100,
                                                                       "ranges": [[0, 9]]})
    f("ack-gap", "ACK with the smallest gap", "19.3.1", v(2, 10, 0, 1, 0, 0, 0), {"type": "ACK", "ranges": [[10, 10], [8, 8]]})
    f("ack-3", "ACK of three ranges, down to 0", "19.3.1", v(2, 20, 0, 2, 4, 5, 2, 3, 2),
      {"type": "ACK", "largest": 20, "ranges": [[16, 20], [7, 9], [0, 2]]})
    f("ack-ecn", "ACK with ECN counts", "19.3.2", v(3, 5, 1, 0, 2, 7, 8, 9),
      {"type": "ACK", "ranges": [[3, 5]], "ect0": 7, "ect1": 8, "ce": 9})
    f("ack-max", "ACK of the highest packet", "19.3", v(2, MAX, 0, 0, 0), {"type": "ACK", "largest": MAX})
    f("reset", "RESET_STREAM", "19.4", v(4, 8, 0x10C, 1000), {"type": "RESET_STREAM", "id": 8, "error_code": 0x10C,
                                                             "final_size": 1000})
    f("stop", "STOP_SENDING", "19.5", v(5, 8, 0x10C), {"type": "STOP_SENDING", "id": 8, "error_code": 0x10C})
    f("crypto", "CRYPTO", "19.6", v(6, 100, 3) + b"tls", {"type": "CRYPTO", "offset": 100, "length": 3, "data": "746c73"})
    f("token", "NEW_TOKEN", "19.7", v(7, 2) + b"tk", {"type": "NEW_TOKEN", "token": "746b"})
    for bits in range(8):
        octets = v(8 | bits, 4) + (v(1000) if bits & 4 else b"") + (v(2) if bits & 2 else b"") + b"hi"
        f("stream-%x" % (8 | bits), "STREAM, type 0x%02x" % (8 | bits), "19.8", octets,
          {"type": "STREAM", "id": 4, "offset": 1000 if bits & 4 else 0, "length": 2, "fin": bool(bits & 1), "data": "6869"})
    f("stream-then", "a STREAM with length leaves room for more", "19.8", v(10, 4, 1) + b"x\1",
      {"type": "STREAM", "data": "78"}, {"type": "PING"})
    f("stream-rest", "a STREAM without length takes the rest", "19.8", v(8, 4) + b"x\1", {"type": "STREAM", "data": "7801"})
    f("stream-empty", "a STREAM of no octets", "19.8", v(8, 4), {"type": "STREAM", "length": 0, "fin": False})
    f("stream-edge", "data up to offset 2^62-1", "19.8", v(14, 0, MAX - 2, 2) + b"ab", {"type": "STREAM", "offset": MAX - 2})
    for kind, name in ((0x10, "MAX_DATA"), (0x14, "DATA_BLOCKED")):
        f("%x" % kind, name, "19", v(kind, MAX), {"type": name, "max": MAX})
    for kind, name in ((0x11, "MAX_STREAM_DATA"), (0x15, "STREAM_DATA_BLOCKED")):
        f("%x" % kind, name, "19", v(kind, 12, 5000), {"type": name, "id": 12, "max": 5000})
    for kind, name in ((0x12, "MAX_STREAMS"), (0x13, "MAX_STREAMS"), (0x16, "STREAMS_BLOCKED"), (0x17, "STREAMS_BLOCKED")):
        f("%x" % kind, name + " of 2^60", "19.11, 19.14", v(kind, 1 << 60), {"type": name, "max": 1 << 60,
                                                                            "bidi": not kind & 1})
        bad("%x" % kind, name + " of 2^60+1", "19.11, 19.14", v(kind, (1 << 60) + 1))
    reset = bytes(range(16))
    f("ncid", "NEW_CONNECTION_ID", "19.15", v(0x18, 3, 1) + b"\4abcd" + reset,
      {"type": "NEW_CONNECTION_ID", "sequence": 3, "retire_prior_to": 1, "cid": "61626364", "token": reset.hex()})
    for n in (1, 20):
        f("ncid-%d" % n, "a connection id of %d octets" % n, "19.15", v(0x18, 1, 1) + bytes([n]) + b"c" * n + reset,
          {"type": "NEW_CONNECTION_ID", "cid": (b"c" * n).hex()})
    for n in (0, 21, 255):
        bad("ncid-%d" % n, "a connection id of %d octets" % n, "19.15", v(0x18, 1, 0) + bytes([n]) + b"c" * n + reset)
    bad("ncid-retire", "Retire Prior To above the Sequence Number", "19.15", v(0x18, 1, 2) + b"\4abcd" + reset)
    f("retire", "RETIRE_CONNECTION_ID", "19.16", v(0x19, 3), {"type": "RETIRE_CONNECTION_ID", "sequence": 3})
    for kind, name in ((0x1A, "PATH_CHALLENGE"), (0x1B, "PATH_RESPONSE")):
        f("%x" % kind, name, "19.17, 19.18", v(kind) + b"12345678", {"type": name, "data": b"12345678".hex()})
    f("close", "CONNECTION_CLOSE", "19.19", v(0x1C, 7, 8, 3) + b"bad",
      {"type": "CONNECTION_CLOSE", "error_code": 7, "frame_type": 8, "reason": "bad"})
    f("close-app", "CONNECTION_CLOSE by the application", "19.19", v(0x1D, 0x100, 0),
      {"type": "CONNECTION_CLOSE", "error_code": 0x100, "reason": ""})
    f("datagram", "DATAGRAM to the end", "RFC9221 4", v(0x30) + b"rest", {"type": "DATAGRAM", "data": b"rest".hex()})
    f("datagram-len", "DATAGRAM with a length", "RFC9221 4", v(0x31, 2) + b"ab\1", {"type": "DATAGRAM", "data": "6162"},
      {"type": "PING"})
    f("padding", "PADDING behind a frame", "19.1", b"\1\0\0\0", {"type": "PING"}, {"type": "PADDING"}, {"type": "PADDING"},
      {"type": "PADDING"})
    whole = {"ack": v(2, 9, 0, 1, 1, 1, 1), "reset": v(4, 8, 1, 1), "stop": v(5, 8, 1), "crypto": v(6, 0, 3) + b"abc",
             "token": v(7, 2) + b"tk", "stream": v(15, 4, 1, 2) + b"ab", "max-stream": v(0x11, 1, 1),
             "ncid": v(0x18, 3, 1) + b"\4abcd" + reset, "challenge": b"\x1a12345678", "close": v(0x1C, 1, 0, 2) + b"no",
             "datagram": v(0x31, 2) + b"ab"}
    for name, octets in whole.items():
        for n in range(1, len(octets)):
            bad("cut-%s-%d" % (name, n), "%s, %d of %d octets" % (name, n, len(octets)), "12.4", octets[:n])
    bad("ack-below", "the first range goes below 0", "19.3.1", v(2, 5, 0, 0, 6))
    bad("ack-gap", "a gap goes below 0", "19.3.1", v(2, 5, 0, 1, 4, 0, 0))
    bad("ack-gap-1", "a gap goes one below 0", "19.3.1", v(2, 5, 0, 1, 0, 4, 0))
    bad("ack-range", "a further range goes below 0", "19.3.1", v(2, 5, 0, 1, 0, 0, 4))
    bad("ack-count", "more ranges announced than come", "19.3.1", v(2, 100, 0, 1 << 40, 0, 0, 0))
    bad("token-empty", "NEW_TOKEN without a token", "19.7", v(7, 0))
    bad("stream-over", "data beyond offset 2^62-1", "19.8", v(14, 0, MAX, 1) + b"a", [ENC, "FLOW_CONTROL_ERROR"])
    bad("crypto-over", "CRYPTO beyond offset 2^62-1", "19.6", v(6, MAX, 1) + b"a", [ENC, "CRYPTO_BUFFER_EXCEEDED"])
    for kind in (0x1F, 0x20, 0x2F, 0x32, 0x40, 0x4000, MAX):
        bad("unknown-%x" % kind, "type 0x%x, which nobody has agreed on" % kind, "12.4", v(kind))
    for kind in (1, 6, 0x1E):
        bad("long-type-%x" % kind, "type 0x%x in two octets" % kind, "12.4", varint(kind, 2) + v(0, 0), VIOLATION)
    bad("empty", "a packet without a frame", "12.4", b"", VIOLATION)
    body = {"ack": v(2, 0, 0, 0, 0), "reset": v(4, 0, 0, 0), "stop": v(5, 0, 0), "crypto": v(6, 0, 0), "token": v(7, 1) + b"t",
            "stream": v(8, 0), "max-data": v(0x10, 0), "max-stream-data": v(0x11, 0, 0), "max-streams": v(0x12, 0),
            "data-blocked": v(0x14, 0), "stream-data-blocked": v(0x15, 0, 0), "streams-blocked": v(0x16, 0),
            "ncid": v(0x18, 0, 0) + b"\1a" + reset, "retire": v(0x19, 0), "challenge": b"\x1a12345678",
            "response": b"\x1b12345678", "close-app": v(0x1D, 0, 0), "done": b"\x1e", "datagram": v(0x31, 0)}
    for packet, allowed in (("initial", ("ack", "crypto")), ("handshake", ("ack", "crypto")),
                            ("0-rtt", tuple(k for k in body if k not in ("ack", "crypto", "done", "token", "response", "retire"))),
                            ("1-rtt", tuple(body))):
        for name, octets in body.items():
            if name in allowed:
                frames(None, "in-%s-%s" % (packet, name), "%s in a packet of type %s" % (name, packet), "12.4", octets, {},
                       packet=packet)
            else:
                bad("in-%s-%s" % (packet, name), "%s in a packet of type %s" % (name, packet), "12.4", octets, VIOLATION,
                    packet=packet)
        for name, octets in (("padding", b"\0"), ("ping", b"\1"), ("close", v(0x1C, 0, 0, 0))):
            frames(None, "in-%s-%s" % (packet, name), "%s in a packet of type %s" % (name, packet), "12.4", octets, {},
                   packet=packet)


def long_header(kind, dcid, scid, rest, version=1, pn_len=2):
    return (bytes([0xC0 | kind << 4 | pn_len - 1]) + u(version, 4) + bytes([len(dcid)]) + dcid + bytes([len(scid)]) + scid +
            rest)


def headers():
    h = lambda name, title, ref, octets, expect, **more: case("header", name, title, "RFC9000 " + ref, octets, expect, **more)
    d, s = bytes.fromhex("0001020304050607"), bytes.fromhex("f0f1f2")
    initial = long_header(0, d, s, varint(2) + b"tk" + varint(6) + u(77, 2) + b"data")
    h("initial", "Initial", "17.2.2", initial, {"type": "initial", "version": 1, "dcid": d.hex(), "scid": s.hex(),
                                               "token": "746b", "length": 6, "pn_len": 2, "pn": 77})
    h("0rtt", "0-RTT", "17.2.3", long_header(1, d, s, varint(6) + u(1, 1) + b"datum", pn_len=1),
      {"type": "0-rtt", "length": 6, "pn": 1, "pn_len": 1})
    h("handshake", "Handshake", "17.2.4", long_header(2, d, b"", varint(8) + u(1 << 24, 4) + b"data", pn_len=4),
      {"type": "handshake", "scid": "", "length": 8, "pn": 1 << 24, "pn_len": 4})
    h("retry", "Retry", "17.2.5", long_header(3, d, s, b"token" + bytes(range(16)), pn_len=1),
      {"type": "retry", "token": b"token".hex(), "integrity_tag": bytes(range(16)).hex()})
    h("vn", "Version Negotiation", "17.2.1", b"\x80" + u(0, 4) + b"\x08" + d + b"\x03" + s + u(1, 4) + u(0x6B3343CF, 4),
      {"type": "version-negotiation", "version": 0, "dcid": d.hex(), "scid": s.hex(), "versions": [1, 0x6B3343CF]})
    h("short", "a short header", "17.3.1", b"\x41" + d + u(513, 2) + b"data", {"type": "1-rtt", "dcid": d.hex(), "pn": 513,
                                                                            "spin": False, "key_phase": False}, dcid_len=8)
    h("short-bits", "spin bit and key phase", "17.3.1", b"\x64" + u(9, 1) + b"data",
      {"dcid": "", "spin": True, "key_phase": True, "pn": 9, "pn_len": 1}, dcid_len=0)
    h("cid-20", "connection ids of 20 octets", "17.2", long_header(2, b"d" * 20, b"s" * 20, varint(6) + bytes(6)),
      {"dcid": (b"d" * 20).hex(), "scid": (b"s" * 20).hex()})
    h("length-long", "a Length in eight octets", "17.2", long_header(2, d, s, varint(6, 8) + bytes(6)), {"length": 6})
    for name, octets in (("cid-21", long_header(2, b"d" * 21, b"", varint(6) + bytes(6))),
                         ("scid-21", long_header(2, b"", b"s" * 21, varint(6) + bytes(6))),
                         ("length", long_header(2, d, s, varint(7) + bytes(6))),
                         ("length-0", long_header(2, d, s, varint(0))),
                         ("token", long_header(0, d, s, varint(200) + b"tk")),
                         ("retry-short", long_header(3, d, s, bytes(15))), ("retry-token", long_header(3, d, s, bytes(16))),
                         ("fixed", bytes([initial[0] & 0xBF]) + initial[1:]), ("short-fixed", b"\x01" + d + bytes(20)),
                         ("vn-none", b"\x80" + u(0, 4) + b"\0\0"), ("vn-half", b"\x80" + u(0, 4) + b"\0\0" + bytes(6)),
                         ("none", b"")):
        h("e-" + name, "a packet that is dropped: " + name, "17", octets, {"error": True})
    for n in range(1, len(initial) - 4):
        h("e-cut-%d" % n, "an Initial packet cut at %d" % n, "17", initial[:n], {"error": True})
    hand = long_header(2, d, s, varint(6) + bytes(6))
    short = b"\x41" + d + bytes(20)
    packets = [{"type": "initial", "off": 0}, {"type": "handshake", "off": len(initial)},
               {"type": "1-rtt", "off": len(initial) + len(hand)}]
    h("coalesced", "three packets in one datagram", "12.2", initial + hand + short, {"packets": packets}, dcid_len=8)
    h("coalesced-other", "a packet for another connection is ignored", "12.2",
      initial + long_header(2, b"other", s, varint(6) + bytes(6)), {"packets": packets[:1]})
    h("coalesced-zeros", "zeros behind a packet are no packet", "12.2", initial + bytes(30), {"packets": packets[:1]})


def parameters():
    def p(ident, value):
        return varint(ident) + varint(len(value)) + value

    def ok(name, title, octets, want, side="server"):
        case("tp", name, title, "RFC9000 18.2", octets, {"params": want}, side=side)

    def no(name, title, octets, side="server"):
        case("tp", "e-" + name, title, "RFC9000 18.2", octets, {"error": PARAM}, side=side)

    ok("none", "no parameter", b"", [])
    ints = ((1, 30000), (3, 1200), (3, 65527), (4, MAX), (5, 0), (6, 1), (7, 2), (8, 1 << 60), (9, 1 << 60), (10, 20),
            (11, (1 << 14) - 1), (14, 2), (0x20, 65535))
    for ident, value in ints:
        ok("%d-%d" % (ident, value), "parameter %d of %d" % (ident, value), p(ident, varint(value)), [[ident, value]], "client")
    for ident, value in ((3, 1199), (3, 0), (8, (1 << 60) + 1), (9, (1 << 60) + 1), (10, 21), (11, 1 << 14), (14, 1), (14, 0)):
        no("%d-%d" % (ident, value), "parameter %d of %d" % (ident, value), p(ident, varint(value)), "client")
    for ident in (1, 3, 4, 10, 14):
        no("len-%d" % ident, "parameter %d longer than its integer" % ident, p(ident, varint(1500) + b"\0"))
        no("short-%d" % ident, "parameter %d shorter than its integer" % ident, p(ident, b"\x45"))
        no("none-%d" % ident, "parameter %d without a value" % ident, p(ident, b""))
    ok("flag", "disable_active_migration", p(12, b""), [[12, True]])
    no("flag", "disable_active_migration with a value", p(12, b"\1"))
    ok("token", "stateless_reset_token", p(2, bytes(range(16))), [[2, bytes(range(16)).hex()]])
    for n in (0, 15, 17):
        no("token-%d" % n, "a token of %d octets" % n, p(2, bytes(n)))
    address = bytes(4) + u(443, 2) + bytes(16) + u(443, 2) + b"\4abcd" + bytes(16)
    ok("address", "preferred_address", p(13, address), [[13, address.hex()]])
    no("address-cid", "preferred_address without a connection id", p(13, address[:24] + b"\0" + bytes(16)))
    no("address-cut", "preferred_address one octet short", p(13, address[:-1]))
    no("address-more", "preferred_address one octet long", p(13, address + b"\0"))
    for ident in (0, 15, 16):
        for n in (0, 8, 20):
            ok("cid-%d-%d" % (ident, n), "a connection id of %d octets" % n, p(ident, b"c" * n), [[ident, (b"c" * n).hex()]])
        no("cid-%d" % ident, "a connection id of 21 octets", p(ident, b"c" * 21))
    for ident, value in ((0, b"abc"), (2, bytes(16)), (13, address), (16, b"abc")):
        no("client-%d" % ident, "parameter %d from a client" % ident, p(ident, value), "client")
    ok("unknown", "unknown parameters are passed over", p(0x1F * 5 + 27, b"xyz") + p(4, varint(9)),
       [[0x1F * 5 + 27, b"xyz".hex()], [4, 9]])
    no("twice", "a parameter twice", p(4, varint(1)) + p(4, varint(1)))
    no("twice-unknown", "an unknown parameter twice", p(0x7777, b"") + p(0x7777, b""))
    no("cut", "the list ends inside a value", p(4, varint(1))[:-1])
    no("cut-length", "the list ends inside a length", varint(4))
    ok("versions", "version_information", p(17, u(1, 4) + u(1, 4) + u(0x6B3343CF, 4)),
       [[17, "00000001000000016b3343cf"]])
    no("versions-0", "version_information with version 0", p(17, u(1, 4) + u(0, 4)))
    no("versions-3", "version_information of half a version", p(17, u(1, 4) + b"\0\0"))


def initial_packets():
    """RFC 9001 Appendix A."""
    keys = (("client", "c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea", "1f369613dd76d5467730efcbe3b1a22d",
             "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2"),
            ("server", "3c199828fd139efd216c155ad844cc81fb82fa8d7446fa7d78be803acdda951b", "cf3a5331653c364c88f0f379b6067e37",
             "0ac1493ca1905853b0bba03e", "c206b8d9b9f0f37644430b490eeaa314"))
    for side, secret, key, iv, hp in keys:
        suite.add("quic/initial-keys/own-" + side, "A.1, " + side, "RFC9001 A.1",
                  {"secret": secret, "key": key, "iv": iv, "hp": hp}, dcid="8394c8f03e515708", side=side)
    server = ("cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5ede4cf73c3ec2"
              "493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca"
              "3d20398c276456cbc42158407dd074ee")
    suite.add("quic/initial-keys/own-a3", "A.3: the server's Initial packet opens", "RFC9001 A.3",
              {"packet_number": 1, "pn_len": 2, "frames": [
                  {"type": "ACK", "largest": 0, "ranges": [[0, 0]]},
                  {"type": "CRYPTO", "offset": 0, "length": 90}]}, dcid="8394c8f03e515708", side="server", input=server)
    broken = server[:-1] + "f"
    suite.add("quic/initial-keys/own-e-a3", "the same with one bit changed", "RFC9001 5.3", {"error": True},
              dcid="8394c8f03e515708", side="server", input=broken)
    suite.add("quic/retry/own-a4", "A.4: a Retry packet's tag", "RFC9001 A.4", {"valid": True}, odcid="8394c8f03e515708",
              input="ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba")
    suite.add("quic/retry/own-e-a4", "the same for another connection", "RFC9001 5.8", {"valid": False}, odcid="8394c8f03e515709",
              input="ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba")


def suites():
    for part in (varints, packet_numbers, all_frames, headers, parameters, initial_packets):
        part()
    return {"quic-rfc.json": suite}
