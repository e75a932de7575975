#!/usr/bin/env python3
"""A second opinion on HTTP/1.1 messages.

A small reader written once more from RFC 9110 and RFC 9112, for clearness and not for speed, says what a strict decoder must make
of inputs drawn from a fixed seed. The result is a wire-vectors/1 file for `backtalk vectors`. Where the standard leaves a choice
the reader refuses, except for obs-fold in responses, which a user agent must replace.

usage: http1_reference.py FILE [CASES [SEED]]
"""
import ipaddress
import json
import random
import re
import sys

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
QUOTED = r'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
REQUEST_LINE = re.compile(rf"({TOKEN}) ([!$%&'()*+,\-./0-9:;=?@A-Z\[\\\]^_`a-z{{|}}~]+) HTTP/(\d)\.(\d)")
STATUS_LINE = re.compile(r"HTTP/(\d)\.(\d) ([1-9]\d\d) ([\t -~\x80-\xff]*)")
FIELD = re.compile(rf"({TOKEN}):[ \t]*(.*?)[ \t]*", re.S)
CHUNK = re.compile(rf"([0-9A-Fa-f]+)((?:[ \t]*;[ \t]*{TOKEN}(?:[ \t]*=[ \t]*(?:{TOKEN}|{QUOTED}))?)*)")
CODINGS = ("gzip", "x-gzip", "deflate", "compress", "x-compress")


class Refuse(Exception):
    pass


class More(Exception):
    pass


def host_ok(text, host_required=False, port_required=False):
    m = re.fullmatch(r"(\[[^\]]*\]|[^:\[]*)(?::(\d*))?", text)
    if not m:
        return False
    host, port = m.groups()
    if host.startswith("["):
        inside = host[1:-1]
        if not re.fullmatch(r"[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+", inside):
            try:
                if "%" in inside:
                    return False
                ipaddress.IPv6Address(inside)
            except ValueError:
                return False
    elif not re.fullmatch(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*", host) or host_required and not host:
        return False
    if port_required and (not port or int(port) == 0):
        return False
    return not port or int(port) <= 65535


def target_ok(method, target):
    if method == "CONNECT":
        return host_ok(target, True, True)
    if target.startswith("/"):
        return True
    if target == "*":
        return method == "OPTIONS"
    m = re.fullmatch(r"([A-Za-z][A-Za-z0-9+\-.]*)://([^/?]*)(.*)", target)
    if not m:
        return False
    if m[1].lower() in ("http", "https"):
        return host_ok(m[2], True)
    return len(target) > len(m[1]) + 3 or True


def elements(values):
    """The elements of comma-separated lists, quoted strings respected (RFC 9110 5.6.1)."""
    out = []
    for value in values:
        for e in re.findall(r'(?:[^,"]|"(?:[^"\\]|\\.)*"?)+', value):
            if e.strip(" \t"):
                out.append(e.strip(" \t"))
    return out


class Reader:
    def __init__(self, kind, data, methods):
        self.data, self.at, self.methods = data, 0, list(methods)
        self.response, self.done = kind == "response", False

    def line(self):
        start = i = self.at
        while True:
            if i >= len(self.data):
                raise More
            c = self.data[i]
            if c == "\r":
                if i + 1 >= len(self.data):
                    raise More
                if self.data[i + 1] != "\n":
                    raise Refuse("bare CR")
                self.at = i + 2
                return start, self.data[start:i]
            if c == "\n":
                raise Refuse("bare LF")
            if c < " " and c != "\t" or c == "\x7f":
                raise Refuse("control")
            i += 1

    def fields(self):
        out = []
        while True:
            off, text = self.line()
            if text == "":
                return out
            if text[0] in " \t":
                if not out:
                    raise Refuse("white space before the first field")
                if not self.response:
                    raise Refuse("obs-fold")
                more = text.strip(" \t")
                if len(out[-1]) == 4:
                    out[-1].append("folded")
                if more and not out[-1][1]:
                    out[-1][3] = off + text.index(more)
                out[-1][1] = (out[-1][1] + " " + more).strip(" ") if more else out[-1][1]
                continue
            m = FIELD.fullmatch(text)
            if not m:
                raise Refuse("field line")
            value_off = off + len(m[1]) + 1
            while value_off < off + len(text) and self.data[value_off] in " \t":
                value_off += 1
            out.append([m[1], m[2], off, value_off])

    def head(self):
        while True:
            off, text = self.line()
            if text:
                break
            if self.response and (not self.done or self.methods):
                raise Refuse("status line")
        m = (STATUS_LINE if self.response else REQUEST_LINE).fullmatch(text)
        if not m:
            raise Refuse("start line")
        if self.response:
            msg = {"version": f"{m[1]}.{m[2]}", "status": int(m[3]), "reason": m[4]}
        else:
            msg = {"method": m[1], "target": m[2], "version": f"{m[3]}.{m[4]}"}
        if msg["version"][0] != "1":
            raise Refuse("major version")
        if not self.response and not target_ok(m[1], m[2]):
            raise Refuse("target")
        msg["off"] = off
        msg["headers"] = self.fields()
        return msg

    def values(self, msg, name):
        return [h[1] for h in msg["headers"] if h[0].lower() == name]

    def framing(self, msg):
        te, lengths, host = (self.values(msg, n) for n in ("transfer-encoding", "content-length", "host"))
        old = msg["version"] == "1.0"
        if not self.response:
            if len(host) > 1 or not host and not old or host and not host_ok(host[0]):
                raise Refuse("Host")
        elif self.bodyless(msg):
            return "none", 0
        if te:
            names = [(e.lower() if e.lower() == "chunked" else re.match(f"(?:{TOKEN})?", e)[0].lower()) for e in elements(te)]
            if old or not names or "" in names:
                raise Refuse("Transfer-Encoding")
            if any(n != "chunked" and n not in CODINGS for n in names) or names.count("chunked") > 1 or lengths:
                raise Refuse("Transfer-Encoding")
            if any(e.lower().startswith("chunked") and e.lower() != "chunked" for e in elements(te)):
                raise Refuse("chunked with parameters")
            if not self.response and names != ["chunked"]:
                raise Refuse("coding")
            return ("chunked" if names[-1] == "chunked" else "until-close"), 0
        if lengths:
            if len(lengths) > 1 or not re.fullmatch(r"[0-9]+", lengths[0]) or int(lengths[0]) >= 1 << 63:
                raise Refuse("Content-Length")
            return "length", int(lengths[0])
        return ("until-close" if self.response else "none"), 0

    def bodyless(self, msg):
        method = self.methods[0] if self.methods else "GET"
        return msg["status"] < 200 or msg["status"] in (204, 304) or method == "HEAD" or \
            method == "CONNECT" and msg["status"] // 100 == 2

    def body(self, msg, length):
        kind = msg["framing"]
        if kind == "length":
            if len(self.data) - self.at < length:
                raise More
            self.at += length
            return self.data[self.at - length:self.at]
        if kind != "chunked":
            return ""
        out, msg["chunks"] = "", []
        while True:
            off, text = self.line()
            m = CHUNK.fullmatch(text)
            if not m or int(m[1], 16) >= 1 << 63 or len(out) + int(m[1], 16) >= 1 << 63:
                raise Refuse("chunk size")
            size = int(m[1], 16)
            msg["chunks"].append([off, size] + ([m[2]] if m[2] else []))
            if size == 0:
                msg["trailers"] = self.fields()
                return out
            out += self.data[self.at:self.at + size]
            if len(self.data) < self.at + size:
                raise More
            self.at += size
            for c in "\r\n":
                if self.at >= len(self.data):
                    raise More
                if self.data[self.at] != c:
                    raise Refuse("chunk data not followed by CRLF")
                self.at += 1

    def message(self, eof):
        msg = self.head()
        msg["framing"], length = self.framing(msg)
        options = [e.lower() for e in elements(self.values(msg, "connection"))]
        old = msg["version"] == "1.0"
        msg["keep_alive"] = "close" not in options and (not old or "keep-alive" in options) and msg["framing"] != "until-close"
        upgrade = not old and "upgrade" in options and any(self.values(msg, "upgrade"))
        msg["upgrade"] = bool(upgrade) or msg.get("status") == 101
        if msg["framing"] == "until-close":
            if not eof:
                raise More
            text, self.at = self.data[self.at:], len(self.data)
        else:
            text = self.body(msg, length)
        msg["end"], msg["body"] = self.at, text.encode("latin1").hex()
        return msg

    def tunnel(self, msg):
        if not self.response:
            return msg["method"] == "CONNECT"
        connect = self.methods[:1] == ["CONNECT"] and msg["status"] // 100 == 2
        return connect or msg["status"] == 101


def reference(kind, data, methods=(), eof=False):
    r, messages = Reader(kind, data, methods), []
    try:
        while True:
            start = r.at
            if not r.response or r.done and not r.methods:
                while data.startswith("\r\n", r.at):
                    r.at += 2
            if data[r.at:] in ("", "\r") and messages:
                return {"verdict": "accept", "messages": messages}
            r.at = start
            msg = r.message(eof)
            messages.append(msg)
            over = r.tunnel(msg) or not msg["keep_alive"]
            if over:
                rest = data[r.at:]
                return {"verdict": "accept", "messages": messages, **({"leftover": rest} if rest else {})}
            if r.response and msg["status"] >= 200:
                del r.methods[:1]
            r.done = True
    except Refuse:
        return {"verdict": "reject", "messages": messages}
    except More:
        return {"verdict": "incomplete", "messages": messages}


# ---- inputs --------------------------------------------------------------------------------------------------------------

METHODS = ["GET", "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "get", "M-SEARCH", "G@T", ""]
TARGETS = ["/", "/a?b=c", "*", "http://x/", "x:80", "/a#b", "", "HTTPS://x:8/?q", "ftp://x/", "//x", "/%zz", "/\xe4", "x", "http://", "/a b",
           "http://u@x/", "/{|}"]
VERSIONS = ["HTTP/1.1"] * 8 + ["HTTP/1.0", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1.10", "HTTP/11", "HTTP /1.1", "HTTP/x.1", ""]
ENDS = ["\r\n"] * 60 + ["\n", "\r", "\r\r\n", "\n\r"]
FIELDS = ["Accept: */*", "A:", "A:b", "A:\t b \t", "A : b", " A: b", "A\x00: b", "A: b\x01", "A: \x7f", "A: \xe4\xff", ": b", "A", "A: b\r\n c", "(: b",
          "A: b\r\n\t", "A:\r\n c", "A: b\r\n \t c \r\n  d",
          "Content-Length: 3", "Content-Length: 0", "content-length:5", "Content-Length: 3, 3", "Content-Length: +3", "Content-Length: 03",
          "Content-Length: 0x3", "Content-Length: ", "Content-Length: 9223372036854775807", "Content-Length: 9223372036854775808",
          "Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "transfer-encoding:chunked ", "Transfer-Encoding: gzip, chunked",
          "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: , chunked,", "Transfer-Encoding: identity",
          "Transfer-Encoding: ", "Transfer-Encoding: chunked;q=1", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: gzip",
          "Transfer-Encoding: xchunked", "Transfer-Encoding: gzip;a=\"x, chunked\", chunked",
          "Connection: close", "Connection: keep-alive", "Connection: Upgrade", "connection: keep-alive, CLOSE", "Connection: , upgrade ,",
          "Upgrade: websocket", "Upgrade: ", "Expect: 100-continue"]
HOSTS = ["Host: x"] * 10 + ["host:x:80", "Host: ", "Host: x y", "Host: [::1]:8", "Host: [::g]", "Host: x\r\nHost: x", "Host: u@x", "Host: a,b", "Accept: x",
                            "Host: x:70000", "Host: %41", "Host: %4", "Host: [v1.a]"]
CHUNKS = ["3\r\nkey\r\n", "1\r\nx\r\n", "A\r\n0123456789\r\n", "00000000000000000001\r\nx\r\n", "2;a\r\nhi\r\n", "2;a=b;c=\"d;\\\"e\"\r\nhi\r\n", "2 ; a = b\r\nhi\r\n",
          "2;\r\nhi\r\n", "2 \r\nhi\r\n", "0x2\r\nhi\r\n", "2\nhi\r\n", "2\r\nhi\n", "2\r\nhi!\r\n", "2;a=\r\nhi\r\n", "2;a=\"b\r\nhi\r\n", "ffffffffffffffff\r\nx", "-1\r\n",
          "7fffffffffffffff\r\n", "8000000000000000\r\n", "\r\n", "g\r\n", "2;a;;b\r\nhi\r\n", "2\t;a\r\nhi\r\n", "2;\xe4\r\nhi\r\n", "2;a=\"\xe4\"\r\nhi\r\n"]
STATUSES = ["200 OK"] * 10 + ["204 No Content", "304 Not Modified", "100 Continue", "103 Early Hints", "101 Switching Protocols", "404 ", "404", "99 x", "1000 x",
                              "200  OK", "200 \xe4\t!", "20x OK", " 200 OK", "599 x", "999 x", "099 x"]


def draw_message(odd, kind):
    end = lambda: odd.choice(ENDS)
    if kind == "request":
        text = odd.choice(METHODS if odd.random() < 0.3 else METHODS[:5]) + odd.choice([" "] * 30 + ["  ", "\t"])
        text += odd.choice(TARGETS if odd.random() < 0.3 else TARGETS[:2]) + odd.choice([" "] * 30 + ["  ", ""])
        text += odd.choice(VERSIONS if odd.random() < 0.3 else VERSIONS[:1]) + end()
        text += odd.choice(HOSTS if odd.random() < 0.3 else HOSTS[:1]) + end()
    else:
        text = odd.choice(VERSIONS if odd.random() < 0.3 else VERSIONS[:1]) + " " + odd.choice(STATUSES if odd.random() < 0.5 else STATUSES[:1]) + end()
    for _ in range(odd.choice([0, 0, 1, 1, 2, 3])):
        text += odd.choice(FIELDS) + end()
    text += end()
    low = text.lower()
    if "transfer-encoding" in low and odd.random() < 0.95:
        for _ in range(odd.choice([0, 1, 1, 2])):
            text += odd.choice(CHUNKS if odd.random() < 0.3 else CHUNKS[:3])
        text += odd.choice(["0\r\n", "0\r\n", "0\r\n", "000;x\r\n"])
        text += odd.choice(["", "", "T: v\r\n", odd.choice(FIELDS) + "\r\n"]) + "\r\n"
    elif "content-length" in low or odd.random() < 0.1:
        text += odd.choice(["key", "key", "", "hello", "k"])
    return text


def draw(number, odd):
    kind = odd.choice(["request", "response"])
    data = odd.choice([""] * 12 + ["\r\n", "\r\n\r\n", "\n", " "])
    for _ in range(odd.choice([1, 1, 1, 2, 3])):
        data += draw_message(odd, kind) + odd.choice([""] * 12 + ["\r\n"])
    if odd.random() < 0.15:
        data = data[:odd.randint(0, len(data))]
    if odd.random() < 0.15 and data:
        at = odd.randrange(len(data))
        data = data[:at] + chr(odd.choice([odd.randrange(256), 9, 10, 13, 32, 44, 58, 59])) + data[at + odd.randint(0, 1):]
    case = {"id": f"http1/reference/{number}", "title": "drawn", "kind": kind, "input": {"latin1": data},
            "splits": [sorted({odd.randint(0, len(data)) for _ in range(3)})]}
    methods, eof = (), odd.random() < 0.3
    if kind == "response" and odd.random() < 0.5:
        methods = [odd.choice(["GET", "GET", "HEAD", "CONNECT", "POST"]) for _ in range(odd.randint(1, 3))]
        case["request_methods"] = methods
    if eof:
        case["eof"] = True
    case["expect"] = reference(kind, data, methods, eof)
    return case


def main():
    n, seed = (int(sys.argv[i]) if len(sys.argv) > i else d for i, d in ((2, 2000), (3, 20)))
    odd = random.Random(seed)
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        json.dump({"format": "wire-vectors/1", "protocol": "http1", "suite": "reference", "sources": ["drawn"],
                   "cases": [draw(i, odd) for i in range(n)]}, f)


if __name__ == "__main__":
    main()
