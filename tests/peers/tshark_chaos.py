#!/usr/bin/env python3
"""Random, misbehaving TCP in capture files: our stream numbers and analysis flags must be tshark's, frame by frame.

Usage: tshark_chaos.py BACKTALK [SEED_FROM [SEED_TO]]. Last line: N passed, N failed.
A failure prints the seed; `tshark_chaos.py BACKTALK SEED SEED+1 keep` leaves the file in the current folder.
"""
import json, os, random, struct, subprocess, sys, tempfile

FLAGS = ["retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "duplicate_ack", "lost_segment",
         "ack_lost_segment", "keep_alive", "keep_alive_ack", "zero_window", "zero_window_probe", "zero_window_probe_ack",
         "window_full", "window_update", "reused_ports"]
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def csum(b):
    if len(b) % 2:
        b += b"\0"
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


class Writer:
    """pcap or pcapng, either byte order, microseconds or nanoseconds, several link layers."""

    def __init__(self, rnd):
        self.rnd, self.packets = rnd, []
        self.v6 = rnd.random() < 0.3
        self.link = rnd.choice([1, 1, 1, 101, 113, 276, 0, "vlan"])
        self.e = rnd.choice("<>")
        self.ng = rnd.random() < 0.4
        self.nano = rnd.random() < 0.3

    def ip(self, src, dst, seg):
        if self.v6:
            s, d = b"\xfd" + bytes(14) + bytes([src]), b"\xfd" + bytes(14) + bytes([dst])
            ps = s + d + struct.pack("!IHBB", len(seg), 0, 0, 6)
            head = struct.pack("!IHBB", 6 << 28, len(seg), 6, 64) + s + d
        else:
            s, d = bytes([10, 0, 0, src]), bytes([10, 0, 0, dst])
            ps = s + d + struct.pack("!BBH", 0, 6, len(seg))
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(seg), self.rnd.randrange(65536), 0, 64, 6, 0) + s + d
            head = head[:10] + struct.pack("!H", csum(head)) + head[12:]
        c = csum(ps + seg)
        return head + seg[:16] + struct.pack("!H", c) + seg[18:]

    def add(self, t, src, sport, dst, dport, seq, ack, flags, win, data=b"", opts=b""):
        off = 5 + len(opts) // 4
        seg = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, off << 4, flags, win, 0, 0) + opts + data
        ip = self.ip(src, dst, seg)
        et = 0x86dd if self.v6 else 0x800
        if self.link == 1:
            f = bytes(6) + bytes(6) + struct.pack("!H", et) + ip
        elif self.link == "vlan":
            f = bytes(12) + struct.pack("!HHH", 0x8100, 7, et) + ip
        elif self.link == 113:
            f = struct.pack("!HHHQH", 0, 1, 6, 0, et) + ip
        elif self.link == 276:
            f = struct.pack("!HHIHBBQ", et, 0, 1, 1, 0, 6, 0) + ip
        elif self.link == 0:
            f = struct.pack(self.e + "I", (30 if self.v6 else 2)) + ip
        else:
            f = ip
        self.packets.append((t, f))

    def write(self, path):
        e, link = self.e, 1 if self.link == "vlan" else self.link
        if self.ng:
            out = struct.pack(e + "IIIHHq", 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, -1) + struct.pack(e + "I", 28)
            res = struct.pack(e + "HHB3xHH", 9, 1, 9, 0, 0)
            n = 20 + len(res)
            out += struct.pack(e + "IIHHI", 1, n, link, 0, 262144) + res + struct.pack(e + "I", n)
            for t, f in self.packets:
                pad = -len(f) % 4
                n = 32 + len(f) + pad
                out += struct.pack(e + "IIIIIII", 6, n, 0, t >> 32, t & 0xffffffff, len(f), len(f)) + f + bytes(pad) + struct.pack(e + "I", n)
        else:
            out = struct.pack(e + "IHHiIII", 0xa1b23c4d if self.nano else 0xa1b2c3d4, 2, 4, 0, 0, 262144, link)
            for t, f in self.packets:
                frac = t % 10**9 if self.nano else t % 10**9 // 1000
                out += struct.pack(e + "IIII", t // 10**9, frac, len(f), len(f)) + f
        with open(path, "wb") as o:
            o.write(out)


class Side:
    def __init__(self, rnd, ip, port):
        self.ip, self.port = ip, port
        self.isn = rnd.choice([rnd.randrange(2**32), 2**32 - rnd.randrange(1, 3000), 1000])
        self.nxt, self.win, self.sent = self.isn, 65535, []
        self.fin = False


def connection(rnd, w, t, port, mid):
    a, b = Side(rnd, 1, port), Side(rnd, 2, 8080)
    ws = rnd.choice([None, 0, 2, 7])
    opt = lambda: b"\x02\x04\x05\xb4" + (b"\x01\x03\x03" + bytes([ws]) if ws is not None else b"")
    rtt = rnd.choice([50_000, 400_000, 5_000_000, 30_000_000])
    emit = lambda x, y, seq, ack, fl, data=b"", o=b"", win=None: events.append((t, x, y, seq, ack, fl, x.win if win is None else win, data, o))
    events = []
    if not mid:
        emit(a, b, a.isn, 0, SYN, o=opt())
        if rnd.random() < 0.15:
            t += 1_000_000_000
            emit(a, b, a.isn, 0, SYN, o=opt())
        t += rtt
        emit(b, a, b.isn, a.isn + 1, SYN | ACK, o=opt())
        t += rnd.choice([10_000, rtt])
        a.nxt += 1
        b.nxt += 1
        emit(a, b, a.nxt, b.nxt, ACK)
    for _ in range(rnd.randrange(3, 40)):
        t += rnd.choice([1_000, 100_000, 2_000_000, 4_000_000, 21_000_000, 300_000_000])
        x, y = (a, b) if rnd.random() < 0.5 else (b, a)
        k = rnd.random()
        n = rnd.choice([1, 2, 10, 100, 1000])
        data = bytes(rnd.randrange(97, 123) for _ in range(n))
        if k < 0.40:
            emit(x, y, x.nxt, y.nxt, ACK | PSH, data)
            x.sent.append((x.nxt, data))
            x.nxt += n
        elif k < 0.50 and x.sent:
            s, d = rnd.choice(x.sent[-4:])
            emit(x, y, s, y.nxt, ACK | PSH, d)
        elif k < 0.60:
            emit(x, y, x.nxt, y.nxt, ACK)
        elif k < 0.66:
            for _ in range(rnd.randrange(1, 5)):
                emit(x, y, x.nxt, y.nxt, ACK)
                t += rnd.choice([1000, 50_000])
        elif k < 0.71:
            x.win = rnd.choice([0, 0, 500, 1000, 65535])
            emit(x, y, x.nxt, y.nxt, ACK)
        elif k < 0.75:
            emit(x, y, x.nxt - 1, y.nxt, ACK, b"\0" if rnd.random() < 0.5 else b"")
            if rnd.random() < 0.7:
                t += rtt
                emit(y, x, y.nxt, x.nxt, ACK)
        elif k < 0.79:
            emit(x, y, x.nxt, y.nxt, ACK, b"P")
            if rnd.random() < 0.6:
                t += rtt
                emit(y, x, y.nxt, x.nxt, ACK)
        elif k < 0.84:  # a segment the capture never sees
            x.sent.append((x.nxt, data))
            x.nxt += n
        elif k < 0.88:  # two out of order
            emit(x, y, x.nxt + n, y.nxt, ACK, data)
            t += rnd.choice([1000, 1_000_000, 40_000_000])
            emit(x, y, x.nxt, y.nxt, ACK, data)
            x.nxt += 2 * n
        elif k < 0.91:  # fill the other side's window
            full = min(y.win << (ws or 0), 1400)
            if full and not mid:
                emit(x, y, x.nxt, y.nxt, ACK, bytes(full))
                x.nxt += full
        elif k < 0.94 and not x.fin:
            emit(x, y, x.nxt, y.nxt, FIN | ACK)
            x.nxt += 1
            x.fin = True
        elif k < 0.96:
            emit(x, y, x.nxt, y.nxt, RST | ACK if rnd.random() < 0.5 else RST)
            if rnd.random() < 0.7:
                break
    # reorder and lose at the capture point
    out = [e for e in events if rnd.random() > 0.04]
    return out, t


def build(seed, path):
    rnd = random.Random(seed)
    w = Writer(rnd)
    t, every = 1_700_000_000 * 10**9, []
    port = 40000
    for _ in range(rnd.randrange(1, 5)):
        if rnd.random() < 0.7:
            port += 1
        ev, end = connection(rnd, w, t, port, rnd.random() < 0.2)
        every += ev
        t = end + rnd.randrange(1, 10**9) if rnd.random() < 0.6 else t + 777_000
    every.sort(key=lambda e: e[0])
    if not w.nano and not w.ng:
        pass
    for (tt, x, y, seq, ack, fl, win, data, o) in every:
        w.add(tt, x.ip, x.port, y.ip, y.port, seq, ack, fl, win, data, o)
    w.write(path)


def theirs(path):
    cmd = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=l", "-e", "frame.number", "-e", "tcp.stream"]
    for f in FLAGS:
        cmd += ["-e", "tcp.analysis." + f]
    got = subprocess.run(cmd, capture_output=True, timeout=60, check=True).stdout.decode()
    res = {}
    for line in got.splitlines():
        v = line.split("\t")
        if v[1] == "":
            continue
        for f, x in zip(FLAGS, v[2:]):
            if x != "":
                res.setdefault((int(v[1]), f), []).append(int(v[0]))
    frames = {}
    for line in got.splitlines():
        v = line.split("\t")
        if v[1] != "":
            frames.setdefault(int(v[1]), []).append(int(v[0]))
    return res, frames


def ours(backtalk, path):
    got = subprocess.run([backtalk, "replay", "--format", "json", path], capture_output=True, timeout=60)
    if got.returncode:
        raise RuntimeError(got.stderr.decode())
    j = json.loads(got.stdout)
    res = {}
    for c in j["tcp_connections"]:
        for f, v in c["tcp_analysis"].items():
            res[(c["stream"], f)] = v
    return res, {c["stream"]: (c["first_frame"], c["last_frame"], c["packets"]) for c in j["tcp_connections"]}


def main():
    backtalk = sys.argv[1]
    lo = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    hi = int(sys.argv[3]) if len(sys.argv) > 3 else lo + 60
    keep = len(sys.argv) > 4
    passed = failed = 0
    with tempfile.TemporaryDirectory() as tmp:
        for seed in range(lo, hi):
            path = os.path.join("." if keep else tmp, "chaos-%d.pcap" % seed)
            build(seed, path)
            a, fa = theirs(path)
            b, fb = ours(backtalk, path)
            bad = []
            for k in sorted(set(a) | set(b)):
                if a.get(k) != b.get(k):
                    bad.append("  stream %d %s: tshark %s, we %s" % (k[0], k[1], a.get(k), b.get(k)))
            for s in sorted(set(fa) | set(fb)):
                want = (fa[s][0], fa[s][-1], len(fa[s])) if s in fa else None
                if want != fb.get(s):
                    bad.append("  stream %d: tshark frames %s, we %s" % (s, want, fb.get(s)))
            if bad:
                failed += 1
                print("seed %d:" % seed)
                print("\n".join(bad[:12]))
            else:
                passed += 1
    print("%d passed, %d failed" % (passed, failed))
    return failed != 0


sys.exit(main())
