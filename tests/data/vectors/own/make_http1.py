#!/usr/bin/env python3
"""Writes http1.json: what RFC 9110 and RFC 9112 ask of a reader of messages, a rule a case.

Each case says by hand what must come out (a accept, r reject, i incomplete, e either: refusing is right, and so is a lenient reading);
offsets and fields come from the reader in tests/peers/http1_reference.py, which must agree. Run it after changing a case.
"""
import json
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "../../../peers"))
from http1_reference import reference  # noqa: E402

H = "Host: x\r\n"
OUT, SEEN = [], set()
WORDS = {"a": "accept", "r": "reject", "i": "incomplete", "e": "either"}


def case(suite, name, verdict, data, kind="request", **more):
    ident = f"http1/{suite}/own-{name}"
    assert ident not in SEEN, ident
    SEEN.add(ident)
    expect = reference(kind, data, more.get("request_methods", ()), more.get("eof", False))
    word = WORDS[verdict]
    assert expect["verdict"] == ("reject" if word == "either" else word), (ident, expect)
    if word == "either":
        expect = {"verdict": "either"}
    for m in expect.get("messages", ()):
        if not m["upgrade"]:
            del m["upgrade"]
    mid = len(data) // 2
    OUT.append({"id": ident, "title": name.replace("-", " "), "kind": kind, **more, "input": {"latin1": data}, "splits": [[mid], [1, len(data) - 1]],
                "expect": expect})


def get(suite, name, verdict, line="GET / HTTP/1.1", fields=H, body="", **more):
    case(suite, name, verdict, f"{line}\r\n{fields}\r\n{body}", **more)


def put(suite, name, verdict, fields, body="", **more):
    get(suite, name, verdict, "PUT / HTTP/1.1", H + fields, body, **more)


def chunked(name, verdict, body):
    put("chunked", name, verdict, "Transfer-Encoding: chunked\r\n", body)


def answer(name, verdict, head="HTTP/1.1 200 OK", fields="Content-Length: 0\r\n", body="", suite="response", **more):
    case(suite, name, verdict, f"{head}\r\n{fields}\r\n{body}", "response", **more)


# ---- request line (RFC 9112 2.2, 3) ----
for name, verdict, line in [
    ("lower-case-method", "a", "get / HTTP/1.1"), ("token-method", "a", "M-SEARCH!#$%&'*+.^_`|~9 / HTTP/1.1"),
    ("method-not-token", "r", "G@T / HTTP/1.1"), ("method-with-colon", "r", "GET: / HTTP/1.1"), ("no-method", "r", " / HTTP/1.1"),
    ("no-target", "r", "GET HTTP/1.1"), ("no-version", "r", "GET /"), ("only-method", "r", "GET"), ("tab-separators", "e", "GET\t/\tHTTP/1.1"),
    ("space-behind-version", "e", "GET / HTTP/1.1 "), ("two-spaces-before-version", "e", "GET /  HTTP/1.1"), ("space-before-method", "e", " GET / HTTP/1.1"),
    ("four-words", "r", "GET / x HTTP/1.1"), ("control-in-target", "r", "GET /\x01 HTTP/1.1"), ("del-in-target", "r", "GET /\x7f HTTP/1.1"),
    ("nul-in-method", "r", "GE\0T / HTTP/1.1"), ("eight-bit-target", "e", "GET /\xe4 HTTP/1.1"), ("fragment", "r", "GET /a#b HTTP/1.1"),
    ("quote-in-target", "r", "GET /\" HTTP/1.1"), ("lower-case-version", "r", "GET / http/1.1"), ("mixed-case-version", "r", "GET / HtTP/1.1"),
    ("version-1-10", "r", "GET / HTTP/1.10"), ("version-01-1", "r", "GET / HTTP/01.1"), ("version-1", "r", "GET / HTTP/1"), ("version-1-dot", "r", "GET / HTTP/1."),
    ("version-comma", "r", "GET / HTTP/1,1"), ("version-space", "r", "GET / HTTP/ 1.1"), ("version-2-0", "r", "GET / HTTP/2.0"), ("version-0-9", "r", "GET / HTTP/0.9"),
    ("version-1-2", "a", "GET / HTTP/1.2"), ("version-1-9", "a", "GET / HTTP/1.9"), ("not-http", "r", "GET / XTTP/1.1"), ("icy", "r", "SOURCE /x ICE/1.0"),
    ("query-only", "r", "GET ?a HTTP/1.1"), ("two-slashes", "a", "GET //a HTTP/1.1"), ("dots", "a", "GET /../a/./b HTTP/1.1"), ("percent", "a", "GET /%41%zz HTTP/1.1"),
    ("absolute", "a", "GET http://x/p?q HTTP/1.1"), ("absolute-no-path", "a", "GET http://x HTTP/1.1"), ("absolute-query", "a", "GET http://x?q HTTP/1.1"),
    ("absolute-upper-case", "a", "GET HTTP://X:8/ HTTP/1.1"), ("absolute-https", "a", "GET https://[::1]:8/ HTTP/1.1"), ("absolute-empty-host", "r", "GET http:///p HTTP/1.1"),
    ("absolute-userinfo", "r", "GET http://u:p@x/ HTTP/1.1"), ("absolute-bad-port", "r", "GET http://x:8a/ HTTP/1.1"), ("absolute-one-slash", "r", "GET http:/x HTTP/1.1"),
    ("absolute-ftp", "a", "GET ftp://u@x/f HTTP/1.1"), ("authority-for-get", "r", "GET x:80 HTTP/1.1"), ("asterisk-options", "a", "OPTIONS * HTTP/1.1"),
    ("asterisk-get", "r", "GET * HTTP/1.1"), ("asterisk-and-more", "r", "OPTIONS *a HTTP/1.1"), ("options-path", "a", "OPTIONS /a HTTP/1.1"),
    ("connect-no-port", "r", "CONNECT x HTTP/1.1"), ("connect-empty-port", "r", "CONNECT x: HTTP/1.1"), ("connect-port-0", "r", "CONNECT x:0 HTTP/1.1"),
    ("connect-big-port", "r", "CONNECT x:65536 HTTP/1.1"), ("connect-path", "r", "CONNECT /x HTTP/1.1"), ("connect-url", "r", "CONNECT http://x:80/ HTTP/1.1"),
    ("connect-no-host", "r", "CONNECT :80 HTTP/1.1"), ("connect-v6", "a", "CONNECT [::1]:443 HTTP/1.1"),
]:
    get("request", name, verdict, line)
case("request", "http-0-9", "r", "GET /\r\n")
case("request", "empty", "i", "")
case("request", "only-crlf", "i", "\r\n")
case("request", "only-cr", "i", "\r")
case("request", "two-empty-lines", "a", f"\r\n\r\nGET / HTTP/1.1\r\n{H}\r\n")
case("request", "empty-line-lf", "e", f"\nGET / HTTP/1.1\r\n{H}\r\n")
case("request", "crlf-behind-body", "a", f"PUT / HTTP/1.1\r\n{H}Content-Length: 2\r\n\r\nok\r\nGET / HTTP/1.1\r\n{H}\r\n")
case("request", "crlf-at-the-end", "a", f"GET / HTTP/1.1\r\n{H}\r\n\r\n")
case("request", "cr-at-the-end", "a", f"GET / HTTP/1.1\r\n{H}\r\n\r")
case("request", "cut-in-method", "i", "GE")
case("request", "cut-in-line-end", "i", "GET / HTTP/1.1\r")
case("request", "cut-before-empty-line", "i", f"GET / HTTP/1.1\r\n{H}")
case("request", "cut-in-empty-line", "i", f"GET / HTTP/1.1\r\n{H}\r")
case("request", "eof-in-head", "i", f"GET / HTTP/1.1\r\n{H}", eof=True)
case("request", "eof-between", "a", f"GET / HTTP/1.1\r\n{H}\r\n", eof=True)
case("request", "second-cut", "i", f"GET / HTTP/1.1\r\n{H}\r\nGET")
case("request", "second-bad", "r", f"GET / HTTP/1.1\r\n{H}\r\nGET  / HTTP/1.1\r\n")
case("request", "three", "a", f"GET /1 HTTP/1.1\r\n{H}\r\nPOST /2 HTTP/1.1\r\n{H}Content-Length: 1\r\n\r\nxGET /3 HTTP/1.1\r\n{H}\r\n")
case("request", "close-then-more", "a", f"GET / HTTP/1.1\r\n{H}Connection: close\r\n\r\nGET /late HTTP/1.1\r\n{H}\r\n")
case("request", "old-then-more", "a", f"GET / HTTP/1.0\r\n\r\nGET /late HTTP/1.1\r\n{H}\r\n")
get("request", "cr-in-line", "r", "GET /\r HTTP/1.1")
get("request", "long-target", "a", "GET /" + "a" * 8000 + " HTTP/1.1")
get("request", "body-of-get", "a", fields=H + "Content-Length: 2\r\n", body="ok")
get("request", "trace", "a", "TRACE / HTTP/1.1")

# ---- Host (RFC 9112 3.2) ----
for name, verdict, value in [
    ("empty", "a", ""), ("port", "a", "x:8080"), ("empty-port", "a", "x:"), ("v4", "a", "127.0.0.1:80"), ("v6", "a", "[2001:db8::1]:80"), ("v6-v4", "a", "[::ffff:1.2.3.4]"),
    ("future", "a", "[v1.a:b]"), ("underscore", "a", "a_b"), ("comma-alone", "a", "a,b"), ("percent", "a", "%41"), ("bad-percent", "r", "%4"), ("space", "r", "a b"),
    ("two-names", "r", "a, b"), ("userinfo", "r", "u@x"), ("path", "r", "x/p"), ("url", "r", "http://x/"), ("port-letters", "r", "x:http"), ("port-twice", "r", "x:1:2"),
    ("port-sign", "r", "x:+80"), ("v6-bare", "r", "::1"), ("v6-open", "r", "[::1"), ("v6-letters", "r", "[::g]"), ("v6-short", "r", "[1:2]"), ("v6-two-gaps", "r", "[1::2::3]"),
    ("v6-zone", "r", "[fe80::1%25eth0]"), ("eight-bit", "r", "\xe4"), ("quoted", "r", '"x"'), ("query", "r", "x?y"), ("trimmed", "a", "\t x \t"),
]:
    get("header", f"host-{name}", verdict, fields=f"Host: {value}\r\n")
get("header", "host-missing", "r", fields="")
get("header", "host-missing-1-0", "a", "GET / HTTP/1.0", fields="")
get("header", "host-missing-1-2", "r", "GET / HTTP/1.2", fields="")
get("header", "host-twice-same", "r", fields=H + H)
get("header", "host-twice-case", "r", fields="host: a\r\nHOST: b\r\n")
get("header", "host-twice-1-0", "r", "GET / HTTP/1.0", fields="Host: a\r\nHost: b\r\n")
get("header", "host-other-than-target", "a", "GET http://a/ HTTP/1.1", fields="Host: b\r\n")

# ---- field lines (RFC 9112 5, RFC 9110 5) ----
for name, verdict, text in [
    ("name-of-all-tchars", "a", "!#$%&'*+-.^_`|~09azAZ: v"), ("no-space", "a", "A:b"), ("tabs-around", "a", "A:\t b\t c \t"), ("empty-value", "a", "A:"),
    ("only-spaces", "a", "A:   "), ("obs-text", "a", "A: \x80\xe4\xff"), ("tab-inside", "a", "A: b\tc"), ("colon-in-value", "a", "A: b:c"), ("quoted-comma", "a", 'A: "b,c"'),
    ("empty-name", "r", ": b"), ("name-space-inside", "r", "A b: c"), ("tab-before-colon", "r", "A\t: b"), ("name-eight-bit", "r", "\xe4: b"), ("name-parentheses", "r", "(A): b"),
    ("name-slash", "r", "A/B: c"), ("name-nul", "r", "A\0: b"), ("name-quote", "r", '"A": b'), ("no-colon-empty-value", "r", "A"), ("only-colon", "r", ":"),
    ("nul", "r", "A: b\0c"), ("cr", "r", "A: b\rc"), ("lf", "e", "A: b\nB: c"), ("bell", "e", "A: \x07"), ("escape", "e", "A: \x1b[31m"), ("del", "e", "A: \x7f"),
    ("cr-before-crlf", "r", "A: b\r"), ("fold-space", "e", "A: b\r\n c"), ("fold-tab", "e", "A: b\r\n\tc"), ("fold-empty", "e", "A: b\r\n "), ("fold-of-framing", "e", "Content-Length:\r\n 0"),
    ("lf-then-smuggled", "r", "A: b\n\nGET /x HTTP/1.1"),
]:
    get("header", name, verdict, fields=f"{H}{text}\r\n")
case("header", "space-before-first", "r", f"GET / HTTP/1.1\r\n {H}\r\n")
case("header", "space-line-before-first", "r", f"GET / HTTP/1.1\r\n \r\n{H}\r\n")
case("header", "lf-ends-head", "e", f"GET / HTTP/1.1\r\n{H}\n")
case("header", "many", "a", f"GET / HTTP/1.1\r\n{H}" + "".join(f"F{i}: {i}\r\n" for i in range(200)) + "\r\n")
case("header", "long-value", "a", f"GET / HTTP/1.1\r\n{H}A: " + "v" * 10000 + "\r\n\r\n")
get("header", "same-name-many-times", "a", fields=H + "A: 1\r\na: 2\r\nA:\r\n")

# ---- persistence (RFC 9112 9.3, 9.6; RFC 9110 7.8) ----
for name, line, fields in [
    ("close-in-list", "1.1", "Connection: a, Close ,b\r\n"), ("close-second-line", "1.1", "Connection: a\r\nconnection: CLOSE\r\n"),
    ("close-in-quotes", "1.1", 'Connection: "close"\r\n'), ("closed-is-not-close", "1.1", "Connection: closed\r\n"), ("keep-alive", "1.1", "Connection: keep-alive\r\n"),
    ("close-wins", "1.1", "Connection: keep-alive, close\r\n"), ("old", "1.0", ""), ("old-keep-alive", "1.0", "Connection: Keep-Alive\r\n"),
    ("old-both", "1.0", "Connection: keep-alive, close\r\n"), ("keep-alive-field-alone", "1.0", "Keep-Alive: timeout=5\r\n"), ("proxy-connection", "1.1", "Proxy-Connection: close\r\n"),
    ("later-minor", "1.3", ""), ("upgrade", "1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n"), ("upgrade-without-option", "1.1", "Upgrade: websocket\r\n"),
    ("option-without-upgrade", "1.1", "Connection: upgrade\r\n"), ("upgrade-old", "1.0", "Connection: upgrade, keep-alive\r\nUpgrade: h2c\r\n"),
    ("upgrade-and-close", "1.1", "Connection: close, Upgrade\r\nUpgrade: a, b/2\r\n"),
]:
    get("request", f"persist-{name}", "a", f"GET / HTTP/{line}", H + fields)
get("request", "connect-close", "a", "CONNECT x:1 HTTP/1.1", H + "Connection: close\r\n", "tunnel")
get("request", "connect-length", "a", "CONNECT x:1 HTTP/1.1", H + "Content-Length: 0\r\n", "tunnel")

# ---- Content-Length (RFC 9110 8.6, RFC 9112 6.3) ----
for name, verdict, value, body in [
    ("zero", "a", "0", ""), ("leading-zeros", "a", "0003", "key"), ("trimmed", "a", "\t 3 \t", "key"), ("empty", "r", "", ""), ("plus", "r", "+3", "key"), ("minus-zero", "r", "-0", ""),
    ("hex", "r", "0x3", "key"), ("hex-letter", "r", "a", "0123456789"), ("fraction", "r", "3.0", "key"), ("exponent", "r", "3e0", "key"), ("underscore", "r", "1_0", "0123456789"),
    ("two-words", "r", "3 3", "key"), ("semicolon", "r", "3;", "key"), ("list-same", "e", "3, 3", "key"), ("list-different", "r", "3, 4", "key"), ("list-trailing-comma", "e", "3,", "key"),
    ("quoted", "r", '"3"', "key"), ("eight-bit-digit", "r", "\xb3", "key"), ("max", "i", "9223372036854775807", "key"), ("2-63", "e", "9223372036854775808", "key"),
    ("2-64", "r", "18446744073709551616", ""), ("2-64-plus-3", "r", "18446744073709551619", "key"), ("hundred-digits", "r", "9" * 100, ""), ("zeros-then-3", "a", "0" * 40 + "3", "key"),
]:
    put("length", name, verdict, f"Content-Length: {value}\r\n", body)
put("length", "twice-same", "e", "Content-Length: 3\r\nContent-Length: 3\r\n", "key")
put("length", "twice-one-bad", "r", "Content-Length: 3\r\nContent-Length: x\r\n", "key")
put("length", "cut-body-eof", "i", "Content-Length: 3\r\n", "ke", eof=True)
put("length", "body-of-octets", "a", "Content-Length: 4\r\n", "\0\r\n\xff")
put("length", "space-before-colon", "r", "Content-Length : 3\r\n", "key")

# ---- Transfer-Encoding and smuggling (RFC 9112 6.1, 6.3, 11.2) ----
for name, verdict, fields in [
    ("mixed-case", "a", "Transfer-Encoding: ChUnKeD\r\n"), ("empty-elements", "a", "Transfer-Encoding: ,chunked , ,\r\n"), ("twice-in-list", "r", "Transfer-Encoding: chunked, chunked\r\n"),
    ("twice-in-lines", "r", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), ("parameter", "r", "Transfer-Encoding: chunked;a=b\r\n"), ("quoted", "r", 'Transfer-Encoding: "chunked"\r\n'),
    ("empty", "r", "Transfer-Encoding:\r\n"), ("only-commas", "r", "Transfer-Encoding: ,,\r\n"), ("identity", "r", "Transfer-Encoding: identity\r\n"),
    ("identity-then-chunked", "r", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"), ("prefix", "r", "Transfer-Encoding: xchunked\r\n"), ("suffix", "r", "Transfer-Encoding: chunkedx\r\n"),
    ("two-words", "r", "Transfer-Encoding: chunked x\r\n"), ("vertical-tab", "r", "Transfer-Encoding: \x0bchunked\r\n"), ("form-feed", "r", "Transfer-Encoding:\x0cchunked\r\n"),
    ("bell-inside", "r", "Transfer-Encoding: chu\x07nked\r\n"), ("nbsp", "r", "Transfer-Encoding: chunked\xa0\r\n"), ("name-tab", "r", "Transfer-Encoding\t: chunked\r\n"),
    ("name-underscore-and-length", "a", "Transfer_Encoding: chunked\r\nContent-Length: 0\r\n"), ("folded", "e", "Transfer-Encoding:\r\n chunked\r\n"), ("semicolon", "r", "Transfer-Encoding: ;chunked\r\n"),
    ("gzip-alone", "r", "Transfer-Encoding: gzip\r\n"), ("chunked-then-gzip", "r", "Transfer-Encoding: chunked, gzip\r\n"), ("chunked-line-then-gzip-line", "r", "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n"),
    ("gzip-then-chunked", "e", "Transfer-Encoding: gzip, chunked\r\n"), ("with-length-before", "e", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    ("with-length-after", "e", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), ("with-bad-length", "r", "Transfer-Encoding: chunked\r\nContent-Length: x\r\n"),
    ("unknown-with-length", "r", "Transfer-Encoding: x\r\nContent-Length: 5\r\n"), ("cr-hidden", "r", "A: b\rTransfer-Encoding: chunked\r\n"), ("lf-hidden", "e", "A: b\nTransfer-Encoding: chunked\r\n"),
    ("nul-hidden", "r", "A: b\0Transfer-Encoding: chunked\r\n"), ("lower-case-name", "a", "transfer-encoding:chunked\r\n"),
]:
    put("smuggling", name, verdict, fields, "" if name == "name-underscore-and-length" else "0\r\n\r\n")
case("smuggling", "old-version", "e", "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
case("smuggling", "old-version-with-length", "e", "PUT / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
OUT[-1]["expect"]["never"] = {"messages": [{"method": "PUT", "framing": "length"}]}
case("smuggling", "length-zero-then-get", "a", f"POST / HTTP/1.1\r\n{H}Content-Length: 0\r\n\r\nGET /a HTTP/1.1\r\n{H}\r\n")
case("smuggling", "chunk-body-looks-like-request", "a", f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n1c\r\nGET /x HTTP/1.1\r\nHost: y\r\n\r\n\r\n0\r\n\r\n")
case("smuggling", "last-chunk-then-request", "a", f"POST / HTTP/1.1\r\n{H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n{H}\r\n")

# ---- chunks (RFC 9112 7.1) ----
for name, verdict, body in [
    ("only-last", "a", "0\r\n\r\n"), ("last-of-many-zeros", "a", "000000\r\n\r\n"), ("upper-and-lower", "a", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
    ("leading-zeros", "a", "0" * 30 + "2\r\nok\r\n0\r\n\r\n"), ("last-with-ext", "a", "0;x=y\r\n\r\n"), ("ext-name-only", "a", "1;a\r\nx\r\n0\r\n\r\n"), ("ext-many", "a", "1;a;b=c;d\r\nx\r\n0\r\n\r\n"),
    ("ext-quoted", "a", '1;a="b;c\r\n'.replace("\r\n", "") + '"\r\nx\r\n0\r\n\r\n'), ("ext-escaped", "a", '1;a="\\"\\\\"\r\nx\r\n0\r\n\r\n'), ("ext-quoted-obs-text", "a", '1;a="\xe4"\r\nx\r\n0\r\n\r\n'),
    ("ext-bws", "a", "1 ; a = b\t; c\r\nx\r\n0\r\n\r\n"), ("ext-no-name", "r", "1;\r\nx\r\n0\r\n\r\n"), ("ext-no-value", "r", "1;a=\r\nx\r\n0\r\n\r\n"), ("ext-no-semicolon", "r", "1 a\r\nx\r\n0\r\n\r\n"),
    ("ext-open-quote", "r", '1;a="b\r\nx\r\n0\r\n\r\n'), ("ext-behind-quote", "r", '1;a="b"c\r\nx\r\n0\r\n\r\n'), ("ext-nul", "r", "1;a=\0\r\nx\r\n0\r\n\r\n"), ("ext-cr", "r", "1;a\rb\r\nx\r\n0\r\n\r\n"),
    ("ext-lf", "r", "1;a\nx\r\n0\r\n\r\n"), ("trailing-space", "e", "1 \r\nx\r\n0\r\n\r\n"), ("leading-space", "r", " 1\r\nx\r\n0\r\n\r\n"), ("empty-size", "r", "\r\nx\r\n0\r\n\r\n"), ("0x", "r", "0x1\r\nx\r\n0\r\n\r\n"),
    ("plus", "r", "+1\r\nx\r\n0\r\n\r\n"), ("minus", "r", "-1\r\nx\r\n0\r\n\r\n"), ("underscore", "r", "1_0\r\n0123456789012345\r\n0\r\n\r\n"), ("g", "r", "g\r\n"), ("dot", "r", "1.\r\nx\r\n0\r\n\r\n"),
    ("h-suffix", "r", "1h\r\nx\r\n0\r\n\r\n"), ("size-lf", "e", "1\nx\r\n0\r\n\r\n"), ("size-cr", "r", "1\rx\r\n0\r\n\r\n"), ("data-lf", "r", "1\r\nx\n0\r\n\r\n"), ("data-cr-x", "r", "1\r\nx\r0\r\n\r\n"),
    ("data-long", "r", "1\r\nxy\r\n0\r\n\r\n"), ("data-short", "r", "3\r\nx\r\n0\r\n\r\n"), ("max", "i", "7fffffffffffffff\r\nx"), ("2-63", "e", "8000000000000000\r\nx"), ("2-64", "r", "10000000000000000\r\nx"),
    ("2-64-plus-1", "r", "10000000000000001\r\nx\r\n0\r\n\r\n"), ("sum-over-2-63", "r", "1\r\nx\r\n7fffffffffffffff\r\nx"), ("cut-size", "i", "1"), ("cut-size-line", "i", "1\r"), ("cut-data", "i", "3\r\nke"),
    ("cut-data-end", "i", "1\r\nx\r"), ("cut-last", "i", "0\r\n"), ("cut-trailer", "i", "0\r\nT: v\r\n"), ("data-has-crlf", "a", "4\r\n\r\n\r\n\r\n0\r\n\r\n"),
    ("trailers", "a", "0\r\nA: b\r\nC:d \r\n\r\n"), ("trailer-forbidden", "a", "0\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: y\r\n\r\n"), ("trailer-bad-name", "r", "0\r\nA : b\r\n\r\n"),
    ("trailer-no-colon", "r", "0\r\nAb\r\n\r\n"), ("trailer-nul", "r", "0\r\nA: \0\r\n\r\n"), ("trailer-lf", "e", "0\r\nA: b\n\r\n"), ("trailer-fold", "e", "0\r\nA: b\r\n c\r\n\r\n"), ("trailer-space-first", "r", "0\r\n A: b\r\n\r\n"),
    ("end-lf", "e", "0\r\n\n"), ("then-pipelined", "a", f"1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n{H}\r\n"), ("quoted-crlf", "r", '1;a="\r\n"\r\nx\r\n0\r\n\r\n'),
]:
    chunked(name, verdict, body)

# ---- responses (RFC 9112 4, 6.3, 9; RFC 9110 15) ----
for name, verdict, head in [
    ("empty-reason", "a", "HTTP/1.1 200 "), ("reason-words", "a", "HTTP/1.1 200 Not quite  OK\t!"), ("reason-obs-text", "a", "HTTP/1.1 200 \xc3\xa4\xff"), ("no-reason-space", "e", "HTTP/1.1 200"),
    ("two-spaces", "e", "HTTP/1.1  200 OK"), ("tab", "e", "HTTP/1.1\t200 OK"), ("leading-space", "e", " HTTP/1.1 200 OK"), ("reason-control", "e", "HTTP/1.1 200 \x01"), ("reason-nul", "r", "HTTP/1.1 200 \0"),
    ("four-digits", "r", "HTTP/1.1 2000 OK"), ("one-digit", "r", "HTTP/1.1 2 OK"), ("letters", "r", "HTTP/1.1 2OO OK"), ("plus", "r", "HTTP/1.1 +20 OK"), ("minus", "r", "HTTP/1.1 -20 OK"), ("status-099", "e", "HTTP/1.1 099 x"),
    ("status-999", "a", "HTTP/1.1 999 x"), ("status-299", "a", "HTTP/1.1 299 x"), ("version-lower", "r", "http/1.1 200 OK"), ("version-1-2", "a", "HTTP/1.2 200 OK"), ("version-3-0", "r", "HTTP/3.0 200 OK"),
    ("version-1-10", "r", "HTTP/1.10 200 OK"), ("no-version", "r", "200 OK"), ("icy", "r", "ICY 200 OK"), ("request", "r", "GET / HTTP/1.1"), ("no-status", "r", "HTTP/1.1 OK"), ("only-version", "r", "HTTP/1.1"),
    ("comma-status", "r", "HTTP/1.1,200 OK"), ("reason-cr", "r", "HTTP/1.1 200 O\rK"),
]:
    answer(name, verdict, head)
answer("empty-line-first", "e", "\r\nHTTP/1.1 200 OK")
answer("lf-only", "e", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "")
answer("no-length-open", "i", fields="", body="some")
answer("no-length-eof", "a", fields="", body="all of it\r\n\r\n", eof=True)
answer("no-length-nothing-eof", "a", fields="", eof=True)
answer("old-eof", "a", "HTTP/1.0 200 OK", "", "x", eof=True)
answer("length-cut-eof", "i", fields="Content-Length: 4\r\n", body="don", eof=True)
answer("chunked-cut-eof", "i", fields="Transfer-Encoding: chunked\r\n", body="4\r\ndone\r\n", eof=True)
answer("old-keep-alive", "a", "HTTP/1.0 200 OK", "Connection: keep-alive\r\nContent-Length: 1\r\n", "x")
answer("old-chunked", "e", "HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n")
answer("close-with-length", "a", fields="Connection: close\r\nContent-Length: 1\r\n", body="x")
answer("close-then-more", "a", fields="Connection: close\r\nContent-Length: 1\r\n", body="xHTTP/1.1 200 OK\r\n")
for status in (100, 102, 103, 199, 204, 304):
    answer(f"no-body-{status}", "a", f"HTTP/1.1 {status} x", "Content-Length: 5\r\n")
    answer(f"no-body-chunked-{status}", "a", f"HTTP/1.1 {status} x", "Transfer-Encoding: chunked\r\n")
answer("205-length-0", "a", "HTTP/1.1 205 Reset Content")
answer("204-then-200", "a", "HTTP/1.1 204 No Content", "", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", request_methods=["DELETE", "GET"])
answer("interim-chain", "a", "HTTP/1.1 100 Continue", "", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", request_methods=["POST"])
answer("interim-alone", "a", "HTTP/1.1 100 Continue", "", request_methods=["POST"])
answer("switching", "a", "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "\x81\x02ok", request_methods=["GET"])
answer("switching-with-length", "a", "HTTP/1.1 101 Switching Protocols", "Upgrade: x\r\nConnection: upgrade\r\nContent-Length: 2\r\n", "zz", request_methods=["GET"])
answer("connect-200", "a", fields="", body="tunnel", request_methods=["CONNECT"])
answer("connect-204-length", "a", "HTTP/1.1 204 x", "Content-Length: 9\r\n", "tunnel", request_methods=["CONNECT"])
answer("connect-299-chunked", "a", "HTTP/1.1 299 x", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", request_methods=["CONNECT"])
answer("connect-407", "a", "HTTP/1.1 407 x", "Content-Length: 2\r\n", "no", request_methods=["CONNECT"])
answer("head-chunked", "a", fields="Transfer-Encoding: chunked\r\n", request_methods=["HEAD"])
answer("head-no-length", "a", fields="", request_methods=["HEAD"])
answer("head-404", "a", "HTTP/1.1 404 x", "Content-Length: 10\r\n", request_methods=["HEAD"])
answer("head-then-get", "a", fields="Content-Length: 4\r\n", body="HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody", request_methods=["HEAD", "GET"])
answer("head-lower-case-is-not-head", "i", fields="Content-Length: 4\r\n", request_methods=["head"])
answer("interim-then-head", "a", "HTTP/1.1 100 x", "", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", request_methods=["HEAD"])
answer("gzip-until-close", "a", fields="Transfer-Encoding: gzip\r\n", body="zz", eof=True)
answer("chunked-then-gzip-until-close", "a", fields="Transfer-Encoding: chunked, gzip\r\n", body="zz", eof=True)
answer("gzip-then-chunked", "a", fields="Transfer-Encoding: gzip, chunked\r\n", body="1\r\nz\r\n0\r\n\r\n")
answer("unknown-coding", "r", fields="Transfer-Encoding: x\r\n", eof=True)
answer("both", "e", fields="Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", body="0\r\n\r\n", suite="smuggling")
OUT[-1]["id"] = "http1/smuggling/own-response-both"
for name, verdict, value in [("bad", "r", "x"), ("list-different", "r", "1, 2"), ("list-same", "e", "1, 1"), ("minus", "r", "-1"), ("huge", "r", "9" * 30)]:
    answer(f"length-{name}", verdict, fields=f"Content-Length: {value}\r\n", body="x")
answer("length-twice", "r", fields="Content-Length: 1\r\nContent-Length: 2\r\n", body="xx")
answer("space-colon", "r", fields="A : b\r\nContent-Length: 0\r\n")
answer("space-before-first", "r", fields=" A: b\r\nContent-Length: 0\r\n")
for name, text in [("tab", "A: b\r\n\tc"), ("deep", "A: b\r\n  \t c \r\n d"), ("empty", "A: b\r\n \r\n c"), ("from-nothing", "A:\r\n b"), ("trailing-space", "A: b  \r\n c")]:
    answer(f"fold-{name}", "a", fields=f"{text}\r\nContent-Length: 0\r\n")
answer("fold-length", "a", fields="Content-Length:\r\n 1\r\n", body="x")
answer("fold-in-trailer", "a", fields="Transfer-Encoding: chunked\r\n", body="0\r\nA: b\r\n c\r\n\r\n")
answer("pipelined", "a", fields="Content-Length: 1\r\n", body="aHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\nHTTP/1.1 304 x\r\n\r\n", request_methods=["GET", "GET", "GET"])
answer("crlf-between", "r", fields="Content-Length: 1\r\n", body="a\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", request_methods=["GET", "GET"])
answer("upgrade-offered", "a", fields="Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 0\r\n")
answer("unasked-tail", "a", fields="Content-Length: 1\r\n", body="a", request_methods=["GET"])
OUT[-1]["input"]["latin1"] += "HTTP/1.1 200 OK\r\n"
OUT[-1]["expect"]["leftover"] = "HTTP/1.1 200 OK\r\n"

with open(os.path.join(here, "http1.json"), "w", encoding="utf-8") as f:
    f.write('{"format": "wire-vectors/1", "protocol": "http1", "suite": "own", "sources": ["RFC 9110", "RFC 9112"], "cases": [\n ')
    f.write(",\n ".join(json.dumps(c) for c in OUT))
    f.write("\n]}\n")
print(len(OUT), "cases")
