"""Compares the byte ranges of HTTP/2 fields as tshark and as `backtalk dissect --as h2` see them.

The octets are the sessions of the test vectors that a server must accept: each becomes one TCP segment of its own
connection in a capture made here, tshark writes its fields with `pos` and `size`, and both lists must be the same.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

BACKTALK = sys.argv[1]
FILES = ("tests/data/vectors/http2/sessions.json", "tests/data/vectors/own/http2-sessions.json",
         "tests/data/vectors/own/http2-sessions-rfc.json")
HEADERS = 14 + 20 + 20
# tshark's name: ours
NAMES = {
    "http2.magic": "h2.preface",
    "http2.length": "h2.length",
    "http2.type": "h2.type",
    "http2.flags": "h2.flags",
    "http2.streamid": "h2.stream",
    "http2.data.data": "h2.data",
    "http2.settings.id": "h2.setting.id",
    "http2.settings.max_concurrent_streams": "h2.setting.value",
    "http2.settings.initial_window_size": "h2.setting.value",
    "http2.settings.max_frame_size": "h2.setting.value",
    "http2.settings.header_table_size": "h2.setting.value",
    "http2.window_update.window_size_increment": "h2.increment",
    "http2.ping": "h2.ping",
    "http2.pong": "h2.ping",
    "http2.rst_stream.error": "h2.error",
    "http2.goaway.error": "h2.error",
    "http2.goaway.last_stream_id": "h2.last_stream",
    "http2.stream_dependency": "h2.dependency",
    "http2.headers.weight": "h2.weight",
    "http2.header": "representation",
    "http2.settings.unknown": "h2.setting.value",
}
REPRESENTATIONS = ("hpack.indexed", "hpack.literal_incremental", "hpack.literal_without", "hpack.literal_never")


def octets(value):
    if isinstance(value, str):
        return bytes.fromhex(value)
    if isinstance(value, list):
        return b"".join(map(octets, value))
    return octets(value["rep"]) * value["n"]


def sessions():
    for name in FILES:
        with open(name, encoding="utf-8") as file:
            for case in json.load(file)["cases"]:
                data = octets(case["input"])
                # Left out: header blocks in several frames, which stand in a source of their own here; padded DATA, whose
                # padding tshark counts as data; trailers, with which tshark shows the data once more; content in several
                # frames, which tshark shows put together.
                skip = any(word in case["id"] for word in ("cont", "padded", "trailers", "post-frames", "two-mixed", "own-length"))
                if case["expect"]["result"] == "ok" and len(data) < 30000 and not skip:
                    yield case["id"], data


def capture(path, streams):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for i, (_, data) in enumerate(streams):
            tcp = struct.pack(">HHIIBBHHH", 20000 + i, 8080, 1, 1, 0x50, 0x18, 65535, 0, 0)
            ip = struct.pack(">BBHHHBBHII", 0x45, 0, 40 + len(data), i, 0, 64, 6, 0, 0x0A000001, 0x0A000002)
            packet = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + tcp + data
            file.write(struct.pack("<IIII", i, 0, len(packet), len(packet)) + packet)


def theirs(path):
    run = subprocess.run(["tshark", "-r", path, "-d", "tcp.port==8080,http2", "-T", "pdml"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    for packet in ET.fromstring(run.stdout):
        found = []
        for proto in packet.findall("proto"):
            if proto.get("name") != "http2":
                continue
            for field in proto.iter("field"):
                name = field.get("name")
                if name in NAMES and int(field.get("size")) > 0:
                    found.append((NAMES[name], int(field.get("pos")) - HEADERS, int(field.get("size"))))
        yield sorted(found)


def ours(data):
    run = subprocess.run([BACKTALK, "dissect", "--as", "h2", "--format", "json", "-"], input=data,
                         stdout=subprocess.PIPE, check=True)
    found = []

    def walk(node):
        name = "representation" if node["field"] in REPRESENTATIONS else node["field"]
        # tshark has no field for DATA of no octets
        if node["source"] == 0 and name in NAMES.values() and (node["len"] or name != "h2.data"):
            found.append((name, node["off"], node["len"]))
        for child in node.get("children", ()):
            walk(child)

    walk(json.loads(run.stdout)["tree"])
    return sorted(found)


def main():
    passed = failed = fields = 0
    streams = list(sessions())
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "h2.pcap")
        capture(path, streams)
        for (name, data), there in zip(streams, theirs(path)):
            here = ours(data)
            fields += len(here)
            if here == there:
                passed += 1
                continue
            failed += 1
            print(f"{name}: only here {[x for x in here if x not in there][:5]}, only there "
                  f"{[x for x in there if x not in here][:5]}")
    print(f"{fields} byte ranges compared")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not fields else 0


sys.exit(main())
