#!/usr/bin/env python3
"""What tshark concludes from a capture of ours (tcp.analysis) is what the trace says happened, frame by frame, both ways.

Captures: of the lectures and of scenarios with losses, a slow reader and cut networks (below), at the server and at a client; and
of the stories of tests/data/linux-tcp, at both ends. The n-th frame of a capture at a node is the n-th record there of
a packet sent or received.

tshark guesses from one capture point what the trace knows. Where its definitions make the two differ, a rule below says how, and a
frame that no rule explains is an error. The trace's words are in quotes.

  retransmission, fast_retransmission, spurious_retransmission, out_of_order
      are the frames with octets that begin below what had been seen here or, by the number of an ACK, heard of (R1). Each was sent as "retransmission" or "fast-retransmission", or was
      overtaken: something sent later was here earlier (R2). What was sent again and is new here, because its first copy is
      "packet-lost" or still under way and nothing after it came, is not marked (R3).
  spurious_retransmission
      all of it had been acknowledged in a frame seen here (S1).
  fast_retransmission
      begins at the latest acknowledgement, which came with two duplicates or more, and less than 20 ms ago (F1). Everything
      else sent as "fast-retransmission" is another hole of the same window, or RACK knew with fewer duplicates, or it waited for the
      window; then one of these conditions is not met.
  out_of_order
      is what comes less than a round trip (that of the handshake) after the latest new octets (O1), whether sent again or
      overtaken: tshark cannot tell a quick retransmission from a late original. A SYN at time 0 is none to it; then 3 ms count.
      Not judged: what ends exactly where a bare ACK said the stream had got to; tshark 4.0 has been seen to say either.
  lost_segment
      begins beyond what has been seen here (L1); what is missing was "packet-lost" or is overtaken (L2).
  duplicate_ack
      repeats acknowledgement, window and number of the ACK before. It answers a segment that was ahead of a gap or old (D1).
      Such an answer is not marked when it differs from the ACK before, which may have been lost or delayed (D2).
  zero_window
      from a "zero-window" on until the window opens (Z1).
  keep_alive
      "keepalive-probe" and, as it has no octet (as in Linux), "zero-window-probe" (K1): so zero_window_probe and its ACK are never marked (K2).
  keep_alive_ack
      answers such a probe, window not closed (K3).
  window_full
      ends at the edge of the window; nothing new goes before it is moved (W1). A "zero-window-probe" comes only after one or after zero_window (W2).
  window_update
      announces another window and nothing else (U1); the cause is the application's reading or an arrival that brought nothing new (U2).
  reused_ports
      is the SYN of each further connection of the same ends (P1).
  ack_lost_segment
      never: each end sees all it has sent (A1).

Usage: tshark_tcp_analysis.py BACKTALK STORY_TRACE [PART-OF-A-NAME]. Last line: N passed, N failed.
"""
import glob, json, os, subprocess, sys, tempfile

FLAGS = ["retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "duplicate_ack", "lost_segment",
         "ack_lost_segment", "keep_alive", "keep_alive_ack", "zero_window", "zero_window_probe", "zero_window_probe_ack",
         "window_full", "window_update", "reused_ports"]
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
AGAIN = {"retransmission", "fast-retransmission"}
PROBE = {"keepalive-probe", "zero-window-probe"}

HEAD = """backtalk: 1
scenario: ID
title: judged
summary: Judged by tshark.
seed: %d
duration: %s
networks:
  way: {%s}
servers:
  app: {model: event-loop}
clients:
  some:
    count: 2
    path: [way]
    to: app
    technique: %s
    options: {%s}
messages:
  - {name: news, from: server, to: everyone, every: %s, size: %s}
"""
SCENARIOS = {
    "lossy, small messages": HEAD % (1, "30s", "rtt: 60ms, loss: 5%, up: 5Mbit/s, down: 20Mbit/s", "sse", "", "200ms", "300B"),
    "lossy, large messages": HEAD % (2, "15s", "rtt: 80ms, loss: 3%, up: 5Mbit/s, down: 20Mbit/s", "websocket", "", "500ms", "60kB"),
    "lossy polling": HEAD % (3, "30s", "rtt: 40ms, loss: 8%, up: 5Mbit/s, down: 5Mbit/s", "polling", "interval: 1s", "300ms", "2kB"),
    "very lossy": HEAD % (4, "30s", "rtt: 30ms, loss: 20%, up: 5Mbit/s, down: 5Mbit/s", "long-polling", "", "700ms", "8kB"),
    "jitter": HEAD % (5, "15s", "rtt: 60ms, jitter: 20ms, loss: 1%, up: 5Mbit/s, down: 20Mbit/s", "websocket", "", "300ms", "20kB"),
    "slow reader": HEAD % (6, "12s", "rtt: 20ms, up: 10Mbit/s, down: 10Mbit/s", "websocket", "read_rate: 160kbit/s", "100ms", "4kB"),
    "slow reader, lossy": HEAD % (7, "12s", "rtt: 30ms, loss: 2%, up: 10Mbit/s, down: 10Mbit/s", "sse", "read_rate: 400kbit/s", "100ms", "10kB"),
    "full queue": HEAD % (8, "8s", "rtt: 40ms, up: 1Mbit/s, down: 2Mbit/s", "websocket", "", "2s", "500kB"),
}
LECTURES = [("first-look", "polling"), ("nat-forgets", "sse"), ("nat-forgets", "long-polling"), ("buffering-proxy", "sse"),
            ("upgrade-blocked", "websocket"), ("phone-switches-network", "websocket"), ("phone-switches-network", "long-polling"),
            ("slow-reader", "websocket"), ("slow-reader", "sse")]


class Frame:
    pass


def frames_of(pcap):
    cols = ["frame.number", "frame.time_epoch", "tcp.stream", "tcp.seq", "tcp.len", "tcp.ack", "tcp.window_size_value",
            "tcp.flags", "tcp.options.wscale.shift", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "frame.len"]
    cmd = ["tshark", "-n", "-r", pcap, "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields", "-E", "occurrence=f"]
    for c in cols + ["tcp.analysis." + f for f in FLAGS]:
        cmd += ["-e", c]
    out = []
    for line in subprocess.run(cmd, capture_output=True, timeout=200, check=True).stdout.decode().splitlines():
        v = line.split("\t")
        f = Frame()
        f.number, f.at = int(v[0]), int(v[1].replace(".", ""))
        f.tcp = v[2] != ""
        if f.tcp:
            f.stream, f.seq, f.len, f.ack, f.win = int(v[2]), int(v[3]), int(v[4]), int(v[5] or 0), int(v[6])
            f.flags, f.scale = int(v[7], 16), int(v[8]) if v[8] else None
            f.ends = tuple(v[9:13])
        f.bytes = int(v[13])
        f.said = {n for n, x in zip(FLAGS, v[len(cols):]) if x != ""}
        out.append(f)
    return out


class Trace:
    """The records, and for each arrival of octets at the end of its connection: did they advance, lie ahead or repeat?"""

    def __init__(self, path):
        self.rec = {}
        self.order = []
        for line in open(path):
            r = json.loads(line)
            self.rec[r["id"]] = r
            self.order.append(r)
        self.class_of, self.sent, self.span_of = {}, {}, {}
        got, end, last_hop = {}, {}, {}
        for r in self.order:
            if r["kind"] in ("packet-sent", "packet-received") and "pkt" in r:
                last_hop[r["pkt"]] = r["id"]
            if r["kind"] == "packet-sent" and r["pkt"] not in self.span_of:
                way, n, fin = (r["conn"], r.get("dir")), r.get("stream_len", 0), "FIN" in words(r)
                off = r["stream_off"] if n else end.get(way, 0)
                end[way] = max(end.get(way, 0), off + n)
                self.span_of[r["pkt"]] = (off, off + n + fin)
                self.sent.setdefault(way, []).append(r)
        self.arrived = {}  # (packet, node): id of its first arrival there
        for r in self.order:
            if r["kind"] != "packet-received":
                continue
            self.arrived.setdefault((r["pkt"], r["peer"]), r["id"])
            if last_hop[r["pkt"]] != r["id"] or not r["conn"]:
                continue  # it goes on to another node
            off, upto = self.span_of[r["pkt"]]
            n = upto - off
            if not n:
                continue
            have = got.setdefault((r["conn"], r["dir"]), [0, []])
            if off + n <= have[0] or any(a <= off and off + n <= b for a, b in have[1]):
                self.class_of[r["id"]] = "old"
            elif off > have[0]:
                self.class_of[r["id"]] = "ahead"
                have[1].append((off, off + n))
            else:
                self.class_of[r["id"]] = "partly old" if off < have[0] else "new"
                have[0] = off + n
                for a, b in sorted(have[1]):
                    if a <= have[0]:
                        have[0] = max(have[0], b)
                have[1] = [(a, b) for a, b in have[1] if b > have[0]]

    def at(self, node):
        return [r for r in self.order if r["kind"] == "packet-sent" and r["node"] == node
                or r["kind"] == "packet-received" and r["peer"] == node]

    def sending(self, r):
        """The record of the packet's first hop, then of why it was sent."""
        pkt = r["pkt"]
        while True:
            c = self.rec.get(r["cause"])
            if not c or c.get("pkt") != pkt or c["kind"] not in ("packet-sent", "packet-received", "mapping-made"):
                return r, c
            r = c


def words(r):
    return r["summary"].rsplit(": ", 1)[-1]


class Judge:
    def __init__(self, name):
        self.name, self.bad, self.seen = name, [], {}

    def say(self, f, rule, what):
        self.bad.append("frame %d, %s: %s (tshark: %s)" % (f.number, rule, what, ", ".join(sorted(f.said)) or "nothing"))

    def both(self, f, rule, flag, truth, what):
        """tshark marks the frame exactly when it must."""
        if (flag in f.said) != bool(truth):
            self.say(f, rule, "%s%s" % ("not " if not truth else "", what))


class Side:
    def __init__(self):
        self.high = None      # end of what was seen here, SYN is 0
        self.high_at = self.high_len = 0
        self.last = None      # latest frame
        self.dups = 0         # duplicates of the latest acknowledgement
        self.ack = self.ack_at = None
        self.scale = None
        self.closed = False   # announced a closed window
        self.probe_last = False


class Stream:
    def __init__(self):
        self.side = {True: Side(), False: Side()}
        self.syn_at = self.rtt = None
        self.scaled = 0


def judge(name, trace, pcap, node):
    j = Judge("%s, at %s" % (name, node))
    frames, records = frames_of(pcap), trace.at(node)
    if len(frames) != len(records):
        j.bad.append("%d frames, %d records" % (len(frames), len(records)))
        return j
    streams, ends = {}, {}
    for f, r in zip(frames, records):
        if not f.tcp:
            continue
        if f.bytes != r["bytes"] or f.at != r["t_ns"]:
            j.say(f, "frame", "is not record %d" % r["id"])
            return j
        one(j, trace, streams.setdefault(f.stream, Stream()), ends, f, r, r["kind"] == "packet-sent")
        for flag in f.said:
            j.seen[flag] = j.seen.get(flag, 0) + 1
    if not frames:
        j.bad.append("nothing to judge")
    return j


def one(j, trace, st, ends, f, r, out):
    first, why = trace.sending(r)
    kind = why["kind"] if why else ""
    me, peer = st.side[r["dir"] == "up"], st.side[r["dir"] != "up"]
    syn, fin, rst = f.flags & SYN, f.flags & FIN, f.flags & RST
    n = f.len + bool(syn) + bool(fin)
    begin = f.seq
    bare = not n and not rst
    octets = n > 0 and kind not in PROBE
    # --- P1, new connections
    if syn and not f.flags & ACK:
        before = ends.setdefault(f.ends, set())
        j.both(f, "P1", "reused_ports", before and r["conn"] not in before, "the first SYN of another connection of the same ends")
        before.add(r["conn"])
        st.syn_at = f.at
    elif "reused_ports" in f.said:
        j.say(f, "P1", "not a SYN")
    # --- K1, K2
    j.both(f, "K1", "keep_alive", kind in PROBE, "a probe")
    if f.said & {"zero_window_probe", "zero_window_probe_ack"}:
        j.say(f, "K2", "our probes have no octet")
    if "ack_lost_segment" in f.said:
        j.say(f, "A1", "everything acknowledged was seen")
    again(j, trace, st, me, peer, f, r, first, kind, out, begin, n, octets, rst)
    acks(j, trace, me, peer, f, r, why, kind, bare, out)
    window(j, me, peer, f, kind, why, syn, fin, rst, n, begin)
    remember(st, me, peer, f, syn, fin, n, begin, kind)


def again(j, trace, st, me, peer, f, r, first, kind, out, begin, n, octets, rst):
    marks = f.said & {"retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order"}
    below = octets and me.high is not None and begin < me.high
    if bool(marks) != below:
        j.say(f, "R1", "begins at %d; seen up to %s" % (begin, me.high))
    if below and kind not in AGAIN and not overtaken(trace, r, first):
        j.say(f, "R2", "neither sent again nor overtaken")
    if out and kind in AGAIN and not below:
        j.say(f, "R1", "sent as %s" % kind)
    if not out and kind in AGAIN and not below and not first_copy_missing(trace, first, r):
        j.say(f, "R3", "sent as %s, new here, though its first copy was here" % kind)
    if below:
        covered = f.len > 0 and peer.ack is not None and begin + f.len <= peer.ack
        j.both(f, "S1", "spurious_retransmission", covered, "all of it acknowledged before")
        if not covered:
            fast = peer.ack == begin and peer.dups >= 2 and f.at - peer.ack_at < 20_000_000
            j.both(f, "F1", "fast_retransmission", fast, "at the latest acknowledgement, after two duplicates, within 20 ms")
            if not fast:
                near = st.rtt if st.rtt else 3_000_000
                guess = f.at - me.high_at < near and me.high != begin + n
                if me.high_len or me.high != begin + n:
                    j.both(f, "O1", "out_of_order", guess, "less than a round trip after the latest new octets")
    beyond = me.high is not None and begin > me.high and not rst and kind not in PROBE
    j.both(f, "L1", "lost_segment", beyond, "begins beyond what was seen here, %s" % me.high)
    if beyond and not gap_explained(trace, r, me.high, begin):
        j.say(f, "L2", "what is missing, %d to %d, was neither lost nor late" % (me.high, begin))


def came_later(trace, pkt, r):
    """The packet had not reached this record's node when this one did: it was lost before, or arrives afterwards."""
    here = r["peer"] if r["kind"] == "packet-received" else r["node"]
    return trace.arrived.get((pkt, here), r["id"] + 1) > r["id"]


def overtaken(trace, r, first):
    for s in trace.sent[(r["conn"], r.get("dir"))]:
        if s["id"] > first["id"] and not came_later(trace, s["pkt"], r):
            return True
    return False


def first_copy_missing(trace, first, r):
    a, b = trace.span_of[first["pkt"]]
    syn = "SYN" in words(first)
    for s in trace.sent[(r["conn"], r.get("dir"))]:
        if s["id"] >= first["id"]:
            break
        c, d = trace.span_of[s["pkt"]]
        if syn != ("SYN" in words(s)) or (not syn and (d <= a or b <= c or c == d)):
            continue
        if not came_later(trace, s["pkt"], r):
            return False
    return True


def gap_explained(trace, r, high, begin):
    a, b = high - 1, begin - 1  # octets of the stream: the SYN has number 0
    for s in trace.sent[(r["conn"], r.get("dir"))]:
        if s["id"] >= r["id"]:
            break
        c, d = trace.span_of[s["pkt"]]
        if c < b and a < d and not came_later(trace, s["pkt"], r):
            return False
    return True


def acks(j, trace, me, peer, f, r, why, kind, bare, out):
    """Bare acknowledgements, by what the sender answered."""
    answers = trace.class_of.get(why["id"], "") if why and why["kind"] == "packet-received" else ""
    probe = False
    if why and why["kind"] == "packet-received":
        probe = (trace.sending(why)[1] or {}).get("kind") in PROBE
    same = bare and me.last is not None and f.ack == me.last.ack and f.seq == me.high and kind not in PROBE
    repeats = same and f.win == me.last.win
    if "duplicate_ack" in f.said and answers not in ("ahead", "old", "partly old"):
        j.say(f, "D1", "answers no segment ahead of a gap or old, but %s" % (answers or kind))
    if answers in ("ahead", "old") and bare:
        j.both(f, "D2", "duplicate_ack", repeats and not peer.probe_last and f.win, "the same as the ACK before")
    j.both(f, "K3", "keep_alive_ack", repeats and f.win and probe and peer.probe_last, "answers a probe")
    j.both(f, "U1", "window_update", same and f.win and f.win != me.last.win, "announces another window and nothing else")
    if "window_update" in f.said and answers == "new":
        j.say(f, "U2", "its cause brought something new")


def window(j, me, peer, f, kind, why, syn, fin, rst, n, begin):
    plain = not (syn or fin or rst)
    opens = kind == "zero-window"
    if opens and f.win:
        j.say(f, "Z1", "caused by zero-window, but the window is open")
    if plain and f.win == 0 and not (opens or me.closed):
        j.say(f, "Z1", "the window closes without a record of it")
    j.both(f, "Z1", "zero_window", plain and (opens or me.closed) and f.win == 0, "from zero-window on, until it opens")
    edge = None
    if peer.last is not None and peer.last.flags & ACK and peer.scale is not None:
        edge = peer.last.ack + (peer.last.win << (0 if peer.last.flags & SYN else peer.scale))
    j.both(f, "W1", "window_full", f.len and plain and edge is not None and begin + f.len == edge, "ends at the edge of the window, %s" % edge)
    if edge is not None and f.len and begin + f.len > edge and me.high is not None and begin + f.len > me.high:
        if not getattr(peer, "edge", None) or begin + f.len > peer.edge:
            j.say(f, "W1", "goes beyond the window, %s" % edge)
    if kind == "zero-window-probe" and not (me.full or peer.closed):
        j.say(f, "W2", "a probe, and the window was neither full nor closed")


def remember(st, me, peer, f, syn, fin, n, begin, kind):
    if f.scale is not None:
        me.scale = f.scale
    elif syn:
        me.scale = 0
    if f.flags & ACK:
        if me.ack != f.ack:
            me.dups = 0
        me.dups += "duplicate_ack" in f.said
        me.ack, me.ack_at = f.ack, f.at
        me.edge = max(getattr(me, "edge", 0), f.ack + (f.win << (0 if syn else me.scale or 0)))
    if not (syn or fin or f.flags & RST):
        me.closed = f.win == 0
    me.full = getattr(me, "full", False)
    if "window_full" in f.said or f.win == 0:
        me.full = True
    if kind not in PROBE and (me.high is None or begin + n > me.high):  # a bare ACK tells of what came before it
        me.high, me.high_at, me.high_len = begin + n, f.at, f.len
    if not syn and f.flags & ACK and not n and st.syn_at and st.rtt is None:
        st.rtt = f.at - st.syn_at
    me.probe_last = kind in PROBE
    me.last = f


def run(cmd):
    r = subprocess.run(cmd, capture_output=True, timeout=200)
    if r.returncode > 1:
        raise RuntimeError("%s: %s" % (" ".join(cmd), r.stderr.decode()[:300]))


def scenarios(tmp):
    for i, (name, text) in enumerate(SCENARIOS.items()):
        path = os.path.join(tmp, "s%d.yaml" % i)
        open(path, "w").write(text.replace("ID", "s%d" % i))
        yield name, path, []
    for l, t in LECTURES:
        yield "%s under %s" % (l, t), l, ["--set", "clients.*.count=3", "--set", "clients.*.technique=" + t]


def cases(backtalk, story_trace, tmp, only):
    for story in sorted(glob.glob("tests/data/linux-tcp/*.story")):
        name = "story " + os.path.basename(story)[:-6]
        if only not in name:
            continue
        base = os.path.join(tmp, "story")
        run([story_trace, story, base])
        trace = Trace(base + ".jsonl")
        for node in ("client", "server"):
            yield name, trace, "%s-%s.pcapng" % (base, node), node
    for name, what, more in scenarios(tmp):
        if only not in name:
            continue
        cmd = [backtalk, "run", what, "--format", "json", "-q"] + more
        jsonl, pcap = os.path.join(tmp, "t.jsonl"), os.path.join(tmp, "t.pcapng")
        run(cmd + ["--trace", jsonl])
        trace = Trace(jsonl)
        client = next(r["node"] for r in trace.order if r["kind"] == "packet-sent")
        server = next(r["peer"] for r in reversed(trace.order) if r["kind"] == "packet-received" and r.get("dir") == "up")
        for node in (client, server):
            run(cmd + ["--pcap", pcap, "--pcap-at", node])
            yield name, trace, pcap, node


def main():
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    passed = failed = 0
    total = {}
    with tempfile.TemporaryDirectory() as tmp:
        for name, trace, pcap, node in cases(sys.argv[1], sys.argv[2], tmp, only):
            j = judge(name, trace, pcap, node)
            if j.bad:
                failed += 1
                print("%s: %d differ" % (j.name, len(j.bad)))
                print("\n".join("  " + b for b in j.bad[:6]))
            else:
                passed += 1
            for k, v in j.seen.items():
                total[k] = total.get(k, 0) + v
    print("frames by mark: " + ", ".join("%s %d" % (k, total[k]) for k in FLAGS if k in total))
    print("%d passed, %d failed" % (passed, failed))
    return failed != 0


sys.exit(main())
