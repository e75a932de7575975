#!/usr/bin/env python3
"""Every field our dissector and tshark both name must lie in the same octets and have the same number of them.

usage: tshark_ranges.py BACKTALK
"""
import json
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET

CAPTURES = ["01a-shortpoll-chromium", "04a-sse-chromium", "07a-ws-plain-chromium"]
PACKETS = 40
# What tshark uses the same word for another thing: it calls every header line a request.line or response.line.
OTHER = {"http.request.line", "http.response.line"}


def frames(path):
    with open(path, "rb") as f:
        head = f.read(24)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        if struct.unpack(order + "I", head[20:24])[0] != 1:
            return
        while len(h := f.read(16)) == 16:
            yield f.read(struct.unpack(order + "4I", h)[2])


def ours(backtalk, data):
    out = subprocess.run([backtalk, "dissect", "--as", "eth", "--hex", data.hex(), "--format", "json"], capture_output=True, check=True)
    found, todo = {}, [json.loads(out.stdout)["tree"]]
    while todo:
        n = todo.pop()
        todo += n.get("children", [])
        if n["source"] == 0 and not n.get("derived"):
            found.setdefault(n["field"], set()).add((n["off"], n["len"]))
    return found


def theirs(path):
    out = subprocess.run(["tshark", "-r", path, "-c", str(PACKETS), "-T", "pdml"], capture_output=True, check=True)
    for packet in ET.fromstring(out.stdout).iter("packet"):
        found = {}
        for proto in packet.iter("proto"):
            if proto.get("name") in ("geninfo", "frame"):
                continue
            for f in proto.iter("field"):
                if f.get("size") not in (None, "0") and f.get("pos") is not None:
                    found.setdefault(f.get("name"), set()).add((int(f.get("pos")), int(f.get("size"))))
        yield found


def main():
    passed = failed = 0
    for name in CAPTURES:
        path = f"tests/data/captures/{name}.pcap"
        for i, (data, right) in enumerate(zip(frames(path), theirs(path))):
            mine = ours(sys.argv[1], data)
            for field in sorted(set(mine) & set(right) - OTHER):
                if mine[field] <= right[field]:
                    passed += 1
                else:
                    failed += 1
                    print(f"{name}, frame {i + 1}: {field} at {sorted(mine[field])}, tshark: {sorted(right[field])}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed < 1000 else 0


sys.exit(main())
