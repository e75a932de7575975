"""Plays the clients of the HTTP/2 session vectors against `backtalk live serve` over a real socket.

Here the server answers as soon as a request is whole and widens its windows as it reads, which the runner of the vectors does
not: cases about full windows are left out, and one that opens more streams than the server's SETTINGS allow. Everything else must come out the same: answers, RST_STREAM, GOAWAY or a close.
"""
import json
import socket
import sys

PORT = int(sys.argv[1])
FILES = sys.argv[2:]
CODES = ("NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR "
         "REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED").split()
PING = bytes.fromhex("000008060000000000") + b"are-you?"
PONG = bytes.fromhex("000008060100000000") + b"are-you?"


def octets(value):
    if isinstance(value, str):
        return bytes.fromhex(value)
    if isinstance(value, list):
        return b"".join(map(octets, value))
    return octets(value["rep"]) * value["n"]


def play(data):
    """Sends the client's octets, then PING: what comes before its answer is the outcome."""
    got = {"heads": set(), "resets": {}, "goaway": None, "closed": False}
    with socket.create_connection(("127.0.0.1", PORT), timeout=5) as s:
        received = b""
        try:
            s.sendall(data + PING)
        except OSError:
            got["closed"] = True
        while PONG not in received:
            try:
                piece = s.recv(65536)
            except socket.timeout:
                break
            except OSError:
                piece = b""
            if not piece:
                got["closed"] = True
                break
            received += piece
    at = 0
    while at + 9 <= len(received):
        length, kind = int.from_bytes(received[at:at + 3], "big"), received[at + 3]
        stream = int.from_bytes(received[at + 5:at + 9], "big")
        body = received[at + 9:at + 9 + length]
        if kind == 1:
            got["heads"].add(stream)
        elif kind == 3 and len(body) == 4:
            got["resets"].setdefault(stream, CODES[int.from_bytes(body, "big")])
        elif kind == 7 and len(body) >= 8:
            got["goaway"] = CODES[int.from_bytes(body[4:8], "big")]
        at += 9 + length
    return got


def judge(case, got):
    expect = case["expect"]
    result, codes = expect["result"], expect.get("codes", CODES)
    if result == "ok":
        # A preface alone, or one that is cut, is answered by nothing.
        if got["goaway"] not in (None, "NO_ERROR") or got["resets"]:
            return "expected no fault"
        missing = set(expect.get("answers", [])) - got["heads"]
        return "no answer on %s" % sorted(missing) if missing else None
    if result == "conn":
        return None if got["goaway"] in codes or (got["closed"] and not got["goaway"]) else "expected a connection error"
    stream = expect.get("stream")
    reset = any(code in codes for at, code in got["resets"].items() if stream in (None, at))
    return None if reset or got["goaway"] in codes else "expected a stream error"


def main():
    passed = failed = 0
    for name in FILES:
        with open(name, encoding="utf-8") as file:
            for case in json.load(file)["cases"]:
                if "window-" in case["id"] or case["id"] == "own/many":
                    continue
                got = play(octets(case["input"]))
                fault = judge(case, got)
                passed, failed = passed + (not fault), failed + bool(fault)
                if fault:
                    print("%s: %s, expected %s, got %s" % (case["id"], fault, case["expect"], got))
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(failed > 0)


main()
