#!/usr/bin/env python3
"""Writes sse.json, engineio.json, socketio.json, graphql-ws.json and rpc.json: rules of the text protocols, one a case, results by hand.

What sse.json says of whole streams must also be what the reader in tests/peers/codec_reference.py says. Run it after changing a case.
"""
import json
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "../../../peers"))
from codec_reference import sse_reference  # noqa: E402

SEEN = set()


def write(name, protocol, source, cases):
    for c in cases:
        assert c["id"] not in SEEN, c["id"]
        SEEN.add(c["id"])
        c.setdefault("title", c["id"].rsplit("own-", 1)[-1].replace("-", " "))
    with open(os.path.join(here, name + ".json"), "w", encoding="utf-8") as f:
        f.write(json.dumps({"format": "wire-vectors/1", "protocol": protocol, "suite": "own", "sources": [source]})[:-1] + ', "cases": [\n ')
        f.write(",\n ".join(json.dumps(c) for c in cases))
        f.write("\n]}\n")
    print(len(cases), "cases in", name)


# ---- event streams (HTML 9.2.5, 9.2.6) ----
SSE = []


def sse(name, text, events, last="", retry=None, comments=(), dropped=False):
    """events: (data, type, id) with "message" and "" left out."""
    data = text if isinstance(text, bytes) else text.encode()
    want = {"events": [{"event": e[1] if len(e) > 1 else "message", "id": e[2] if len(e) > 2 else "", "data": e[0]} for e in events],
            "last_event_id": last, "retry": retry, "comments": list(comments), "dropped_at_eof": dropped}
    assert sse_reference(data) == want, (name, sse_reference(data), want)
    SSE.append({"id": f"sse/own-{name}", "input": data.hex(), "splits": [[i] for i in range(1, min(len(data), 12))], "expect": want})


sse("nothing", "", [])
sse("empty-lines", "\n\n\r\n\r\r", [])
sse("no-space", "data:x\n\n", [("x",)])
sse("two-spaces", "data:  x\n\n", [(" x",)])
sse("space-is-data", "data: \n\n", [("",)])
sse("two-spaces-alone", "data:  \n\n", [(" ",)])
sse("tab-is-kept", "data:\tx\n\n", [("\tx",)])
sse("trailing-space-is-kept", "data: x \n\n", [("x ",)])
sse("data-empty", "data\n\n", [("",)])
sse("data-empty-twice", "data\ndata\n\n", [("\n",)])
sse("data-empty-thrice", "data:\ndata\ndata: \n\n", [("\n\n",)])
sse("data-colon", "data:::\n\n", [("::",)])
sse("data-then-empty", "data: x\ndata\n\n", [("x\n",)])
sse("name-case", "Data: x\nDATA: y\nEvent: z\n\n", [])
sse("name-space-before", " data: x\n\n", [])
sse("name-space-after", "data : x\n\n", [])
sse("name-longer", "datas: x\nda: y\nd: z\nidx: 1\ni: 2\nretryx: 5\nevents: q\n\n", [])
sse("name-long", "a" * 100 + ": x\ndata: y\n\n", [("y",)])
sse("unknown-alone", "foo\n\n", [])
sse("line-ends-mixed", "data: 1\rdata: 2\ndata: 3\r\n\rdata: 4\n\r\n", [("1\n2\n3",), ("4",)])
sse("cr-lf-lf", "data: x\r\n\n", [("x",)])
sse("cr-cr-lf", "data: x\r\r\n", [("x",)])
sse("lf-cr", "data: x\n\r", [("x",)])
sse("lf-cr-lf", "data: x\n\r\ndata: y\n\n", [("x",), ("y",)])
sse("only-crlf", "data: x\r\n\r\ndata: y\r\n\r\n", [("x",), ("y",)])
sse("cr-at-end", "data: x\r\r", [("x",)])
sse("many-empty-lines-between", "data: x\n\n\n\n\ndata: y\n\n", [("x",), ("y",)])
sse("vt-ff-nel-ls-are-no-line-ends", "data: a\x0bb\x0cc\x85d\u2028e\n\n", [("a\x0bb\x0cc\x85d\u2028e",)])
sse("bom", "\ufeffdata: x\n\n", [("x",)])
sse("bom-twice", "\ufeff\ufeffdata: x\n\n", [])
sse("bom-later", "data: x\n\n\ufeffdata: y\n\ndata: z\n\n", [("x",), ("z",)])
sse("bom-in-data", "data: \ufeffx\n\n", [("\ufeffx",)])
sse("bom-before-comment", "\ufeff: c\ndata: x\n\n", [("x",)], comments=[" c"])
sse("bom-alone", "\ufeff", [])
sse("bom-then-empty-line", "\ufeff\ndata: x\n\n", [("x",)])
sse("bom-half", b"\xef\xbbdata: x\n\n", [])
sse("bom-half-alone", b"\xef\xbb", [], dropped=True)
sse("bom-utf16", b"\xff\xfedata: x\n\ndata: y\n\n", [("y",)])
sse("comment-empty", ":\n\n", [], comments=[""])
sse("comment-colon", "::\n:data: x\n\n", [], comments=[":", "data: x"])
sse("comment-within", "data: a\n: c\ndata: b\n\n", [("a\nb",)], comments=[" c"])
sse("comment-unfinished", ": c", [], dropped=True)
sse("comment-bad-utf8", b":\xff\n", [], comments=["\ufffd"])
sse("event", "event: a\ndata: x\n\ndata: y\n\n", [("x", "a"), ("y",)])
sse("event-last-wins", "event: a\nevent: b\ndata: x\n\n", [("x", "b")])
sse("event-emptied", "event: a\nevent\ndata: x\n\n", [("x",)])
sse("event-behind-data", "data: x\nevent: a\n\n", [("x", "a")])
sse("event-lost-without-data", "event: a\n\ndata: x\n\n", [("x",)])
sse("event-message", "event: message\ndata: x\n\n", [("x",)])
sse("event-spaces", "event:  a b \ndata: x\n\n", [("x", " a b ")])
sse("event-unicode", "event: \u00e4\U0001f44d\ndata: x\n\n", [("x", "\u00e4\U0001f44d")])
sse("id", "id: 1\ndata: x\n\ndata: y\n\n", [("x", "message", "1"), ("y", "message", "1")], "1")
sse("id-last-wins", "id: 1\nid: 2\ndata: x\n\n", [("x", "message", "2")], "2")
sse("id-emptied", "id: 1\ndata: x\n\nid\ndata: y\n\n", [("x", "message", "1"), ("y",)])
sse("id-emptied-with-colon", "id: 1\n\nid:\n\n", [], "")
sse("id-without-data", "id: 7\n\n", [], "7")
sse("id-not-taken-over-at-end", "id: 1\ndata: x\n\nid: 2\n", [("x", "message", "1")], "1", dropped=True)
sse("id-not-taken-over-with-data", "id: 1\ndata: x\n\nid: 2\ndata: y\n", [("x", "message", "1")], "1", dropped=True)
sse("id-nul-keeps-older", "id: 1\nid: 2\0\ndata: x\n\n", [("x", "message", "1")], "1")
sse("id-nul-alone", "id: \0\ndata: x\n\n", [("x",)])
sse("id-nul-then-good", "id: a\0\nid: b\ndata: x\n\n", [("x", "message", "b")], "b")
sse("id-spaces", "id:  1 \ndata: x\n\n", [("x", "message", " 1 ")], " 1 ")
sse("id-unicode", "id: \u20ac\ndata: x\n\n", [("x", "message", "\u20ac")], "\u20ac")
sse("id-bad-utf8", b"id: \xc3\ndata: x\n\n", [("x", "message", "\ufffd")], "\ufffd")
sse("id-behind-data", "data: x\nid: 3\n\n", [("x", "message", "3")], "3")
sse("retry", "retry: 10\n\n", [], retry=10)
sse("retry-at-once", "retry: 10\ndata: x\n", [], retry=10, dropped=True)
sse("retry-zero", "retry: 0\n\n", [], retry=0)
sse("retry-leading-zeros", "retry: 0010\n", [], retry=10)
sse("retry-no-space", "retry:20\n", [], retry=20)
sse("retry-last-good-wins", "retry: 1\nretry: 2\nretry: x\nretry: -3\n", [], retry=2)
for name, value in [("empty", ""), ("colonless", None), ("sign", "+1"), ("minus", "-1"), ("fraction", "1.5"), ("letters", "10ms"), ("space-inside", "1 0"), ("space-before", " 10"), ("space-behind", "10 "), ("exponent", "1e3"),
                    ("hex", "0x10"), ("other-digits", "\u0661\u0662"), ("superscript", "\u00b2"), ("nul", "1\0")]:
    sse(f"retry-bad-{name}", "retry\n\n" if value is None else f"retry: {value}\n\n", [])
sse("retry-unfinished", "retry: 10", [], dropped=True)
sse("nul-in-data", "data: a\0b\n\n", [("a\0b",)])
sse("nul-in-event", "event: a\0b\ndata: x\n\n", [("x", "a\0b")])
sse("nul-in-name", "da\0ta: x\n\n", [])
sse("unfinished-line", "data: x\n\ndata: y", [("x",)], dropped=True)
sse("unfinished-block", "data: x\n\nevent: y\n", [("x",)], dropped=True)
sse("unfinished-only-end", "data: x\n", [], dropped=True)
sse("finished", "data: x\n\n", [("x",)])
R = "\ufffd"
for name, raw, text in [("lone-continuation", b"\x80", R), ("two-continuations", b"\x80\xbf", R * 2), ("ff", b"a\xffb", f"a{R}b"), ("c0-80", b"\xc0\x80", R * 2), ("c1-bf", b"\xc1\xbf", R * 2), ("e0-80-80", b"\xe0\x80\x80", R * 3),
                        ("e0-a0", b"\xe0\xa0", R), ("e0-a0-x", b"\xe0\xa0x", f"{R}x"), ("e2-82-e2", b"\xe2\x82\xe2\x82\xac", f"{R}\u20ac"), ("surrogate", b"\xed\xa0\x80", R * 3), ("surrogate-pair", b"\xed\xa0\xbd\xed\xb2\xa9", R * 6),
                        ("f0-80", b"\xf0\x80\x80\x80", R * 4), ("f0-90-80", b"\xf0\x90\x80", R), ("f0-90-80-x", b"\xf0\x90\x80x", f"{R}x"), ("f0-9f-41", b"\xf0\x9fA", f"{R}A"), ("f4-90", b"\xf4\x90\x80\x80", R * 4), ("f5", b"\xf5\x80\x80\x80", R * 4),
                        ("f8", b"\xf8\x88\x80\x80\x80", R * 5), ("c3-28", b"\xc3(", f"{R}("), ("c3-c3-a9", b"\xc3\xc3\xa9", f"{R}\u00e9"), ("fe-ff", b"\xfe\xff", R * 2), ("f1-80-f1-80", b"\xf1\x80\xf1\x80\x80\x80", f"{R}\U00040000"),
                        ("non-character", b"\xef\xbf\xbe", "\ufffe"), ("u10ffff", b"\xf4\x8f\xbf\xbf", "\U0010ffff"), ("cut-by-line-end", b"\xe2\x82", R)]:
    sse(f"utf8-{name}", b"data: " + raw + b"\n\n", [(text,)])
sse("utf8-cut-at-cr", b"data: \xf0\x9f\r\ndata: x\r\n\r\n", [(f"{R}\nx",)])
sse("utf8-in-unknown-name", b"\xff\xff: x\ndata: y\n\n", [("y",)])
sse("utf8-in-event", b"event: \xe4\ndata: x\n\n", [("x", R)])
sse("long-data", "data: " + "ab" * 40000 + "\n\n", [("ab" * 40000,)])
SSE[-1]["input"] = ["646174613a20", {"rep": "6162", "n": 40000}, "0a0a"]
del SSE[-1]["expect"]["events"][0]["data"]
SSE[-1]["expect"]["events"][0].update(data_utf8_len=80000)
sse("many-lines", "data: x\n" * 500 + "\n", [("\n".join(["x"] * 500),)])
write("sse", "sse", "HTML 9.2", SSE)

# ---- Engine.IO (engine.io-protocol v4) ----
EIO = []


def eio(kind, name, text, expect, transport="websocket", frame="text", **more):
    raw = text if isinstance(text, bytes) else text.encode()
    EIO.append({"id": f"engineio/{kind}/own-{name}", "transport": transport, **({"frame": frame} if transport == "websocket" else {}), "input": raw.hex(), **more, "expect": expect})


def msg(data):
    return {"type": "message", "data": data}


for digit, name in enumerate(("open", "close", "ping", "pong", "message", "upgrade", "noop")):
    eio("packet", f"{name}-empty", str(digit), {"type": name, "data": ""})
    eio("packet", f"{name}-data", f"{digit}probe", {"type": name, "data": "probe"})
eio("packet", "open-json", '0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}',
    {"type": "open", "data": {"sid": "lv_VI97HAXpY6yYWAAAC", "upgrades": ["websocket"], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000000}})
eio("packet", "unicode", "4\u20ac\U0001f44d", msg("\u20ac\U0001f44d"))
eio("packet", "digits", "42", msg("2"))
eio("packet", "separator-in-a-frame", "4a\x1eb", msg("a\x1eb"))
eio("packet", "newline", "4a\nb", msg("a\nb"))
eio("packet", "binary-empty", b"", {"type": "message", "binary": ""}, frame="binary")
eio("packet", "binary-like-text", b"4hello", {"type": "message", "binary": b"4hello".hex()}, frame="binary")
eio("packet", "binary-all", bytes(range(256)), {"type": "message", "binary": bytes(range(256)).hex()}, frame="binary")
eio("packet", "base64-in-text-frame", "bAQIDBA==", {"type": "message", "binary": "01020304"})
for name, text in [("empty", ""), ("7", "7"), ("9", "9x"), ("letter", "abc"), ("space", " 4"), ("minus", "-1"), ("upper-b", "BAQI="), ("eight-bit", "\u0664")]:
    eio("error", name, text, {"error": "parse error"})
eio("error", "not-utf8", b"4\xff", {"error": "parse error"})
eio("error", "cut-utf8", b"4\xe2\x82", {"error": "parse error"})
for name, text in [("star", "b*Q=="), ("one-char", "bA"), ("padding-first", "b=AAA"), ("padding-inside", "bAQ==AQ=="), ("three-padding", "bA==="), ("space", "bAQ ID")]:
    eio("error", f"base64-{name}", text, {"error": "parse error"}, "polling")
eio("payload", "one", "4hello", {"packets": [msg("hello")]}, "polling")
eio("payload", "three", "4a\x1e2\x1e4b", {"packets": [msg("a"), {"type": "ping", "data": ""}, msg("b")]}, "polling")
eio("payload", "text-and-binary", "4h\x1ebAQIDBA==\x1e6", {"packets": [msg("h"), {"type": "message", "binary": "01020304"}, {"type": "noop", "data": ""}]}, "polling")
eio("payload", "empty-messages", "4\x1e4\x1e4", {"packets": [msg("")] * 3}, "polling")
eio("payload", "binary-empty", "b", {"packets": [{"type": "message", "binary": ""}]}, "polling")
eio("payload", "base64-one-octet", "b/w==", {"packets": [{"type": "message", "binary": "ff"}]}, "polling")
eio("payload", "base64-three-octets", "bAAEC", {"packets": [{"type": "message", "binary": "000102"}]}, "polling")
eio("payload", "base64-plus-slash", "b+/+/", {"packets": [{"type": "message", "binary": "fbffbf"}]}, "polling")
eio("payload", "base64-unpadded", "byv4", {"packets": [{"type": "message", "binary": "cafe"}]}, "polling", decode_only=True)
eio("payload", "unicode", "4\u20ac\x1e4\u00e4", {"packets": [msg("\u20ac"), msg("\u00e4")]}, "polling")
eio("payload", "at-limit", "4" + "x" * 9, {"packets": [msg("x" * 9)]}, "polling", max_payload=10)
eio("error", "over-limit", "4" + "x" * 10, {"error": "too large"}, "polling", max_payload=10)
for name, text in [("nothing", ""), ("only-separator", "\x1e"), ("empty-between", "4a\x1e\x1e4b"), ("empty-last", "4a\x1e"), ("empty-first", "\x1e4a"), ("bad-second", "4a\x1e8"), ("letters", "abc"), ("v3-length", "8:4hello.")]:
    eio("error", f"payload-{name}", text, {"error": "parse error"}, "polling")
write("engineio", "engineio", "engine.io-protocol v4", EIO)

# ---- Socket.IO (socket.io-protocol v5) ----
SIO = []


def sio(name, text, kind, data=None, nsp="/", ident=None, attachments=None, **more):
    e = {"type": kind, "nsp": nsp}
    if data is not None:
        e["data"] = data
    if ident is not None:
        e["id"] = ident
    SIO.append({"id": f"socketio/packet/own-{name}", "input": text, **({"attachments": attachments} if attachments else {}), **more, "expect": e})


def sio_bad(name, text, attachments=None):
    SIO.append({"id": f"socketio/error/own-{name}", "input": text, **({"attachments": attachments} if attachments else {}), "expect": {"error": "close the connection"}})


sio("connect", "0", "CONNECT")
sio("connect-auth", '0{"token":"123"}', "CONNECT", {"token": "123"})
sio("connect-nsp", "0/admin,", "CONNECT", nsp="/admin")
sio("connect-nsp-no-comma", "0/admin", "CONNECT", nsp="/admin", decode_only=True)
sio("connect-nsp-auth", '0/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}', "CONNECT", {"sid": "oSO0OpakMV_3jnilAAAA"}, "/admin")
sio("connect-nsp-query", '0/admin?token=1234&uid=abcd,{"a":1}', "CONNECT", {"a": 1}, "/admin?token=1234&uid=abcd")
sio("disconnect", "1", "DISCONNECT")
sio("disconnect-nsp", "1/admin,", "DISCONNECT", nsp="/admin")
sio("event", '2["foo"]', "EVENT", ["foo"])
sio("event-id-0", '20["foo"]', "EVENT", ["foo"], ident=0)
sio("event-id-12", '212["foo",1,null,true,{"a":[]}]', "EVENT", ["foo", 1, None, True, {"a": []}], ident=12)
sio("event-id-large", '29007199254740991["foo"]', "EVENT", ["foo"], ident=9007199254740991)
sio("event-nsp-id", '2/admin,456["project:delete",123]', "EVENT", ["project:delete", 123], "/admin", 456)
sio("event-main-written", '2/,["a"]', "EVENT", ["a"], decode_only=True)
sio("event-nsp-deep", '2/a/b-c_d.e,["x"]', "EVENT", ["x"], "/a/b-c_d.e")
sio("event-nsp-digits", '2/1,2["x"]', "EVENT", ["x"], "/1", 2)
sio("event-unicode", '2["\u00e4\u20ac\U0001f44d","\\ud83d\\udc4d"]', "EVENT", ["\u00e4\u20ac\U0001f44d", "\U0001f44d"])
sio("event-escapes", '2["a\\"b\\\\c\\/d\\b\\f\\n\\r\\t\\u0041"]', "EVENT", ['a"b\\c/d\b\f\n\r\tA'])
sio("event-numbers", '2["n",0,-0,1.5,-2e3,1E-2,12345678901234567890]', "EVENT", ["n", 0, 0, 1.5, -2000.0, 0.01, 12345678901234567890.0])
sio("event-number-name", "2[7,1]", "EVENT", [7, 1])
sio("event-nested", '2["d",' + "[" * 60 + "]" * 60 + "]", "EVENT", decode_only=True)
sio("event-spaces", '2[ "a" , 1 ]', "EVENT", ["a", 1])
sio("event-commas-in-strings", '2["a,b","/c,"]', "EVENT", ["a,b", "/c,"])
sio("event-placeholder-is-data", '2["a",{"_placeholder":true,"num":0}]', "EVENT", ["a", {"_placeholder": True, "num": 0}])
sio("ack", "312[]", "ACK", [], ident=12)
sio("ack-values", '3/admin,13["bar",{"k":false}]', "ACK", ["bar", {"k": False}], "/admin", 13)
sio("connect-error", '4{"message":"Not authorized"}', "CONNECT_ERROR", {"message": "Not authorized"})
sio("connect-error-nsp", '4/admin,{"message":"x","data":{"code":1}}', "CONNECT_ERROR", {"message": "x", "data": {"code": 1}}, "/admin")
sio("connect-error-string", '4"no"', "CONNECT_ERROR", "no")
P = '{"_placeholder":true,"num":%d}'
sio("binary", f'51-["baz",{P % 0}]', "BINARY_EVENT", ["baz", {"$bin": "010203"}], attachments=["010203"])
sio("binary-two", f'52-["baz",{P % 0},{P % 1}]', "BINARY_EVENT", ["baz", {"$bin": "01"}, {"$bin": "02"}], attachments=["01", "02"])
sio("binary-order", f'52-["baz",{P % 1},{P % 0}]', "BINARY_EVENT", ["baz", {"$bin": "02"}, {"$bin": "01"}], attachments=["01", "02"])
sio("binary-deep", f'51-["baz",{{"a":[{{"b":{P % 0}}}]}}]', "BINARY_EVENT", ["baz", {"a": [{"b": {"$bin": "ff"}}]}], attachments=["ff"])
sio("binary-same-twice", f'51-["baz",{P % 0},{P % 0}]', "BINARY_EVENT", ["baz", {"$bin": "ff"}, {"$bin": "ff"}], attachments=["ff"])
sio("binary-empty-attachment", f'51-["baz",{P % 0}]', "BINARY_EVENT", ["baz", {"$bin": ""}], attachments=[""])
sio("binary-nsp-id", f'51-/admin,456["del",{P % 0}]', "BINARY_EVENT", ["del", {"$bin": "010203"}], "/admin", 456, ["010203"])
sio("binary-ten", '510-["b"]', "BINARY_EVENT", ["b"], attachments=["%02x" % i for i in range(10)])
sio("binary-ack", f'61-/admin,456[{P % 0}]', "BINARY_ACK", [{"$bin": "030201"}], "/admin", 456, ["030201"])
sio("placeholder-members-swapped", '51-["a",{"num":0,"_placeholder":true}]', "BINARY_EVENT", ["a", {"$bin": "aa"}], attachments=["aa"])
for name, text in [("empty", ""), ("type-7", '7["a"]'), ("type-9", "9"), ("letter", "abc"), ("space", ' 2["a"]'), ("minus", '-2["a"]'), ("event-none", "2"), ("event-object", '2{"a":1}'), ("event-string", '2"a"'), ("event-empty", "2[]"),
                   ("event-null-name", '2[null,"bar"]'), ("event-bool-name", '2[true,"foo"]'), ("event-object-name", '2[{"toString":"foo"}]'), ("event-array-name", "2[[]]"), ("event-trailing", '2["a"]x'), ("event-two-values", '2["a"]["b"]'),
                   ("event-id-letters", '2abc["a"]'), ("event-id-minus", '2-1["a"]'), ("event-id-huge", '299999999999999999999["a"]'), ("event-single-quotes", "2['a']"), ("event-comma-end", '2["a",]'), ("event-control", '2["a\nb"]'), ("event-nan", '2["a",NaN]'),
                   ("event-open", '2["a"'), ("event-bad-escape", '2["\\x41"]'), ("event-leading-zero", '2["a",01]'), ("event-plus", '2["a",+1]'), ("event-dot", '2["a",1.]'), ("ack-none", "312"), ("ack-object", '312{"a":1}'), ("ack-string", '312"a"'),
                   ("connect-string", '0"invalid"'), ("connect-array", "0[]"), ("connect-number", "0/admin,-1"), ("disconnect-object", "1{}"), ("disconnect-nsp-object", "1/admin,{}"), ("connect-error-array", "4[]"), ("connect-error-number", "4 5"),
                   ("connect-error-none", "4"), ("nsp-bad-payload", '2/admin,"invalid'), ("nsp-object", "2/admin,{}"), ("binary-no-count", '5["a"]'), ("binary-no-hyphen", f'51["a",{P % 0}]'), ("binary-letters", f'5X-["a",{P % 0}]'),
                   ("binary-minus", '5-1-["a"]'), ("binary-many", '5999999-["a"]'), ("binary-fraction", '51.5-["a"]'), ("binary-none", '50-["baz"]'), ("binary-ack-none", '60-1[]')]:
    sio_bad(name, text)
for name in ("connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"):
    sio_bad(f"reserved-{name}", f'2["{name}"]')
    sio_bad(f"reserved-ack-{name}", f'21["{name}",1]')
sio_bad("placeholder-out-of-range", f'51-["a",{P % 1}]', ["aa"])
sio_bad("placeholder-negative", '51-["a",{"_placeholder":true,"num":-1}]', ["aa"])
sio_bad("placeholder-string", '51-["a",{"_placeholder":true,"num":"splice"}]', ["aa"])
sio_bad("placeholder-fraction", '51-["a",{"_placeholder":true,"num":0.5}]', ["aa"])
sio_bad("attachment-too-many", f'51-["a",{P % 0}]', ["aa", "bb"])
sio_bad("attachment-unasked", '2["a"]', ["aa"])
sio_bad("text-for-attachment", f'51-["a",{P % 0}]', [{"text": '2["b"]'}])
write("socketio", "socketio", "socket.io-protocol v5", SIO)

# ---- graphql-transport-ws (PROTOCOL.md) ----
GQL = []


def gql(name, message, valid, direction="client", **more):
    text = message if isinstance(message, str) else json.dumps(message)
    expect = {"valid": True} if valid else {"valid": False, "close": 4400}
    GQL.append({"id": f"graphql-ws/message/own-{name}-{direction}", "direction": direction, "input": text, **more, "expect": expect})


SUB = {"id": "1", "type": "subscribe", "payload": {"query": "{a}"}}


def with_payload(**p):
    return {**SUB, "payload": {**SUB["payload"], **p}}


for t in ("connection_init", "ping", "pong"):
    gql(t, {"type": t}, True)
    gql(f"{t}-payload", {"type": t, "payload": {"a": [1]}}, True)
    gql(f"{t}-null", {"type": t, "payload": None}, True)
    for name, p in (("string", "x"), ("number", 1), ("array", []), ("bool", True)):
        gql(f"{t}-{name}", {"type": t, "payload": p}, False)
    gql(f"{t}-more-members", {"type": t, "extra": 1}, True)
for t in ("connection_ack", "next", "error"):
    gql(f"{t}-from-client", {"id": "1", "type": t, "payload": {}}, False)
gql("subscribe", SUB, True)
gql("subscribe-all", with_payload(operationName="A", variables={"x": 1}, extensions={"e": []}), True)
gql("subscribe-nulls", with_payload(operationName=None, variables=None, extensions=None), True)
gql("subscribe-more-members", with_payload(other=1), True)
gql("subscribe-empty-query", with_payload(query=""), True)
for name, m in [("no-id", {k: v for k, v in SUB.items() if k != "id"}), ("empty-id", {**SUB, "id": ""}), ("number-id", {**SUB, "id": 1}), ("null-id", {**SUB, "id": None}), ("no-payload", {"id": "1", "type": "subscribe"}),
                ("null-payload", {**SUB, "payload": None}), ("string-payload", {**SUB, "payload": "{a}"}), ("array-payload", {**SUB, "payload": []}), ("no-query", {**SUB, "payload": {}}), ("number-query", with_payload(query=1)),
                ("null-query", with_payload(query=None)), ("object-query", with_payload(query={})), ("variables-string", with_payload(variables="x")), ("variables-array", with_payload(variables=[])), ("extensions-string", with_payload(extensions="x")),
                ("operation-name-number", with_payload(operationName=5))]:
    gql(f"subscribe-{name}", m, False)
gql("complete", {"id": "1", "type": "complete"}, True)
for name, m in [("no-id", {"type": "complete"}), ("empty-id", {"id": "", "type": "complete"}), ("number-id", {"id": 7, "type": "complete"})]:
    gql(f"complete-{name}", m, False)
for name, text in [("empty", ""), ("not-json", "{type:'ping'}"), ("cut", '{"type":"ping"'), ("array", '["ping"]'), ("string", '"ping"'), ("null", "null"), ("number", "5"), ("no-type", "{}"), ("type-number", '{"type":1}'), ("type-null", '{"type":null}'),
                   ("type-upper", '{"type":"PING"}'), ("type-space", '{"type":"ping "}'), ("type-empty", '{"type":""}'), ("old-start", '{"id":"1","type":"start","payload":{"query":"{a}"}}'), ("old-stop", '{"id":"1","type":"stop"}'),
                   ("old-ka", '{"type":"ka"}'), ("trailing", '{"type":"ping"}x'), ("two", '{"type":"ping"}{"type":"ping"}'), ("bom", '\ufeff{"type":"ping"}')]:
    gql(name, text, False)
gql("spaces", ' { "type" : "ping" } ', True)
gql("escaped-type", '{"type":"p\\u0069ng"}', True)
gql("last-member-wins", '{"type":"nope","type":"ping"}', True, decode_only=True)
for direction in ("server",):
    gql("ack", {"type": "connection_ack"}, True, direction, decode_only=False)
    gql("ack-payload", {"type": "connection_ack", "payload": {"a": 1}}, True, direction)
    gql("next", {"id": "1", "type": "next", "payload": {"data": {"a": 1}}}, True, direction)
    gql("next-errors", {"id": "1", "type": "next", "payload": {"data": None, "errors": [{"message": "x"}]}}, True, direction)
    gql("error", {"id": "1", "type": "error", "payload": [{"message": "x", "locations": [{"line": 1, "column": 2}]}]}, True, direction)
    gql("complete", {"id": "1", "type": "complete"}, True, direction)
    gql("ping", {"type": "ping"}, True, direction)
    for name, m in [("next-no-payload", {"id": "1", "type": "next"}), ("next-string", {"id": "1", "type": "next", "payload": "x"}), ("next-no-id", {"type": "next", "payload": {}}), ("error-object", {"id": "1", "type": "error", "payload": {"message": "x"}}),
                    ("error-empty", {"id": "1", "type": "error", "payload": []}), ("error-strings", {"id": "1", "type": "error", "payload": ["x"]}), ("error-no-message", {"id": "1", "type": "error", "payload": [{}]}),
                    ("error-none", {"id": "1", "type": "error"}), ("subscribe", SUB), ("init", {"type": "connection_init"}), ("ack-string", {"type": "connection_ack", "payload": "x"})]:
        gql(name, m, False, direction)
write("graphql-ws", "graphql-ws", "graphql-ws PROTOCOL.md", GQL)

# ---- gRPC (doc/PROTOCOL-HTTP2.md) ----
RPC = []


def rpc(kind, name, value, expect, **more):
    RPC.append({"id": f"grpc/{kind}/own2-{name}", **({} if value is None else {"input": value}), **more, "expect": expect})


def lpm(name, value, verdict, messages=(), **more):
    rpc("lpm", name, value, {"verdict": verdict, "messages": list(messages)}, **more)


for n in (1, 2, 3, 4):
    lpm(f"prefix-{n}", "0000000001"[:2 * n], "incomplete")
lpm("prefix-5", "0000000001", "incomplete")
lpm("empty-then-one", "0000000000000000000161", "accept", [[0, ""], [0, "61"]])
lpm("three-empty", "0000000000" * 3, "accept", [[0, ""]] * 3)
lpm("second-cut", "000000000161000000000262", "incomplete", [[0, "61"]])
lpm("length-256", ["0000000100", {"rep": "ab", "n": 256}], "accept", [[0, "ab" * 256]])
lpm("length-65536", ["0000010000", {"rep": "00", "n": 65536}], "accept", [[0, "00" * 65536]])
lpm("length-max-cut", "00ffffffff00", "incomplete")
lpm("compressed-cut", "0100000002ff", "incomplete")
lpm("flag-ff", "ff0000000000", "reject")
lpm("flag-80", "8000000000", "reject")
lpm("flag-2-alone", "02", "reject")
lpm("bad-flag-second", "00000000016103", "reject", [[0, "61"]])
lpm("limit-reached", "0000000004" + "61" * 4, "accept", [[0, "61" * 4]], max_message=4)
lpm("limit-plus-one", "0000000005" + "61" * 5, "reject", max_message=4)
for unit, ms in (("H", 3600000), ("M", 60000), ("S", 1000), ("m", 1)):
    rpc("timeout", f"1{unit}", f"1{unit}", {"valid": True, "ms": ms})
    rpc("timeout", f"99999999{unit}", f"99999999{unit}", {"valid": True, "ms": 99999999 * ms})
rpc("timeout", "1u", "1u", {"valid": True, "ms": 0.001})
rpc("timeout", "1n", "1n", {"valid": True, "ms": 0.000001})
rpc("timeout", "leading-zeros", "00000007S", {"valid": True, "ms": 7000})
for bad in ("", "S", "1", "1s", "1h", "1N", "1U", "1 S", " 1S", "1S ", "1SS", "+1S", "-1S", "1.5S", "1e3S", "0x1S", "100000000S", "000000001S", "one", "1\u00b5", "S1", "1mS"):
    rpc("timeout", f"bad-{bad}", bad, {"valid": False})
for name, decoded, encoded in [("plain", "all is well", "all is well"), ("percent", "%", "%25"), ("newline", "a\nb", "a%0Ab"), ("crlf", "\r\n", "%0D%0A"), ("tab", "\t", "%09"), ("nul", "\0", "%00"), ("del", "\x7f", "%7F"), ("tilde", "~ !", "~ !"),
                               ("euro", "\u20ac", "%E2%82%AC"), ("emoji", "\U0001f44d", "%F0%9F%91%8D"), ("umlaut", "\u00e4", "%C3%A4"), ("looks-encoded", "%41", "%2541"), ("empty", "", ""), ("all-ascii", "".join(chr(c) for c in range(32, 127) if c != 37), None)]:
    rpc("message", name, None, {"roundtrip": True}, decoded=decoded, encoded=decoded if encoded is None else encoded)
for name, encoded, decoded in [("lower-case-hex", "%e2%82%ac", "\u20ac"), ("needless", "%41%20", "A "), ("cut", "100%", "100%"), ("cut-2", "100%2", "100%2"), ("not-hex", "%zz%2g", "%zz%2g"), ("percent-percent", "%%41", "%A")]:
    rpc("message", name, None, {}, encoded=encoded, decoded=decoded, decode_only=True)
for code, status in [(100, "UNKNOWN 2"), (200, "UNKNOWN 2"), (301, "UNKNOWN 2"), (400, "INTERNAL 13"), (402, "UNKNOWN 2"), (405, "UNKNOWN 2"), (408, "UNKNOWN 2"), (409, "UNKNOWN 2"), (499, "UNKNOWN 2"), (501, "UNKNOWN 2"), (505, "UNKNOWN 2")]:
    rpc("http-status", str(code), code, {"status": status})
for name, status in [("PROTOCOL_ERROR", "INTERNAL 13"), ("INTERNAL_ERROR", "INTERNAL 13"), ("FLOW_CONTROL_ERROR", "INTERNAL 13"), ("SETTINGS_TIMEOUT", "INTERNAL 13"), ("FRAME_SIZE_ERROR", "INTERNAL 13"), ("COMPRESSION_ERROR", "INTERNAL 13"),
                     ("CONNECT_ERROR", "INTERNAL 13"), ("STREAM_CLOSED", "UNKNOWN 2"), ("HTTP_1_1_REQUIRED", "UNKNOWN 2")]:
    rpc("h2-error", name, name, {"status": status})
for value, ok in [("application/grpc", True), ("application/grpc+proto", True), ("application/grpc+json", True), ("application/grpc;charset=utf-8", True), ("Application/gRPC", True), ("application/grpc-web", False), ("application/grpcx", False),
                  ("application/json", False), ("", False), ("text/plain", False)]:
    rpc("content-type", value or "none", value, {"valid": ok})
write("rpc", "grpc", "gRPC PROTOCOL-HTTP2", RPC)
