#!/usr/bin/env python3
"""What tshark finds in a run's capture is what the run's trace says, unit by unit.

For each lecture and technique, at one client: the requests, answers, event stream octets and WebSocket frames of
`--pcap FILE --pcap-at CLIENT` as tshark dissects them, against the records of `--trace` at that client.
Usage: tshark_fields.py BACKTALK. Last line: N passed, N failed.
"""
import json, os, re, subprocess, sys, tempfile

RUNS = [(l, t) for l in ("first-look", "nat-forgets", "buffering-proxy", "upgrade-blocked", "phone-switches-network")
        for t in ("polling", "long-polling", "sse", "websocket")]
NUMBER = {"continuation": 0, "text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}


def tshark(path, *args):
    return subprocess.run(["tshark", "-n", "-r", path, "-o", "http.desegment_body:FALSE", "-o", "tcp.reassemble_out_of_order:TRUE"]
                          + list(args), capture_output=True, timeout=120, check=True).stdout.decode(errors="replace")


def table(path, show, *fields):
    args = ["-Y", show, "-T", "fields", "-E", "occurrence=a", "-E", "separator=|"]
    for f in fields:
        args += ["-e", f]
    return [line.split("|") for line in tshark(path, *args).splitlines()]


def streams(path, n):
    """Octets of each direction of TCP stream n: (client's, server's). The client's address comes first."""
    out = [b"", b""]
    head = None
    for line in tshark(path, "-q", "-z", "follow,tcp,raw,%d" % n).splitlines():
        if line.startswith("Node 0"):
            head = True
        elif head and re.fullmatch(r"\t?[0-9a-f]+", line):
            out[line.startswith("\t")] += bytes.fromhex(line.strip())
    return out


class Case:
    def __init__(self, name):
        self.name, self.bad = name, []

    def same(self, what, a, b):
        if a != b:
            self.bad.append("%s: tshark %.300r, trace %.300r" % (what, a, b))


def records(path, node):
    """The client's own units and those it received, by connection, in order; connections in order of their first packet."""
    conns, units = [], {}
    for line in open(path):
        r = json.loads(line)
        if r["kind"] == "packet-sent" and r["node"] == node and r["conn"] and r["conn"] not in conns:
            conns.append(r["conn"])
        if r["node"] == node and r["layer"] in ("http", "sse", "ws"):
            units.setdefault(r["conn"], []).append(r)
    return conns, units


def text(r):
    return r["summary"].split(": ", 1)[1].rstrip(".")


def check_requests(c, path, n, units):
    got = [(m, u) for m, u in table(path, "tcp.stream==%d && http.request && !tcp.analysis.retransmission" % n,
                                    "http.request.method", "http.request.uri")]
    want = [tuple(text(r).split(" ")[:2]) for r in units if r["kind"] == "request-sent"]
    flat = [(m, u) for ms, us in got for m, u in zip(ms.split(","), us.split(","))]
    c.same("stream %d requests" % n, flat, want)


def check_octets(c, n, units, cli, srv):
    """Each unit's range in the stream holds what the record says it is."""
    for r in units:
        off, length, k = r.get("stream_off", 0), r.get("stream_len", 0), r["kind"]
        if not length:
            continue
        d = cli if r.get("dir") == "up" else srv
        b = d[off:off + length]
        what = "stream %d, %s at %d" % (n, k, off)
        if k in ("request-sent", "request"):
            c.same(what, b.split(b" HTTP/")[0].decode(), " ".join(text(r).split(" ")[:2]))
            c.same(what + " ends in an empty line", b[-4:] == b"\r\n\r\n" or b"\r\n\r\n" in b, True)
        elif k in ("response", "response-sent"):
            c.same(what, b.split(b" ")[1].decode(), text(r).split(" ")[0])
        elif k in ("event", "event-sent"):
            c.same(what + " ends an event", (b[-2:] == b"\n\n" or b[-4:] == b"\r\n\r\n", b"data:" in b or b"retry:" in b), (True, True))
        elif k in ("comment", "comment-sent"):
            c.same(what + " is a comment", b[:1], b":")
        elif k in ("frame", "frame-sent"):
            size = b[1] & 127
            head, size = (2, size) if size < 126 else (4, int.from_bytes(b[2:4], "big")) if size == 126 else (10, int.from_bytes(b[2:10], "big"))
            head += 4 if b[1] & 128 else 0
            c.same(what + " length", head + size, length)
            c.same(what + " opcode", b[0] & 15, NUMBER.get(re.split(r"[ ,:]", text(r))[0], -1))
            c.same(what + " mask", bool(b[1] & 128), r["dir"] == "up")


def check_frames(c, path, n, units):
    rows = table(path, "tcp.stream==%d && websocket && !tcp.analysis.retransmission" % n, "tcp.srcport", "websocket.opcode",
                 "websocket.fin", "websocket.payload_length")
    got = {True: [], False: []}
    for port, op, fin, size in rows:
        got[port != "80"] += [int(o) for o in op.split(",")]
    for up in (True, False):
        kinds = ("frame-sent",) if up else ("frame",)
        want = [NUMBER.get(re.split(r"[ ,:]", text(r))[0], -1) for r in units if r["kind"] in kinds and (r["dir"] == "up") == up]
        c.same("stream %d frames %s" % (n, "up" if up else "down"), got[up], want)


def check(backtalk, tmp, lecture, technique):
    c = Case("%s under %s" % (lecture, technique))
    base = [backtalk, "run", lecture, "--set", "clients.*.count=2", "--set", "clients.*.technique=" + technique, "--format", "json"]
    trace, pcap = os.path.join(tmp, "t.jsonl"), os.path.join(tmp, "t.pcapng")
    r = subprocess.run(base + ["--trace", trace], capture_output=True, timeout=120)
    if r.returncode > 1:
        c.bad.append(r.stderr.decode()[:300])
        return c
    node = next(json.loads(l)["node"] for l in open(trace) if json.loads(l)["kind"] == "request-sent" and json.loads(l)["client"] == 1)
    r = subprocess.run(base + ["--pcap", pcap, "--pcap-at", node], capture_output=True, timeout=120)
    if r.returncode > 1:
        c.bad.append(r.stderr.decode()[:300])
        return c
    conns, units = records(trace, node)
    c.same("connections", len({s for (s,) in table(pcap, "tcp", "tcp.stream")}), len(conns))
    seen = 0
    for n, conn in enumerate(conns[:12]):
        mine = units.get(conn, [])
        cli, srv = streams(pcap, n)
        if b"HTTP/1." in cli[:20]:
            cli, srv = srv, cli
        check_requests(c, pcap, n, mine)
        check_octets(c, n, mine, cli, srv)
        check_frames(c, pcap, n, mine)
        seen += len(mine)
    if not seen:
        c.bad.append("nothing to compare")
    return c


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as tmp:
        for lecture, technique in RUNS:
            c = check(sys.argv[1], tmp, lecture, technique)
            if c.bad:
                failed += 1
                print("%s:\n  %s" % (c.name, "\n  ".join(c.bad[:6])))
            else:
                passed += 1
    print("%d passed, %d failed" % (passed, failed))
    return failed != 0


sys.exit(main())
