"""HPACK: RFC 7541 Appendix C, every representation, integers, Huffman code, and the dynamic table by a small model."""
import random

from wire import Suite, plain, prefix_int

suite = Suite("hpack", "hpack", ["RFC 7541"])

STATIC = {1: (":authority", ""), 2: (":method", "GET"), 3: (":method", "POST"), 4: (":path", "/"),
          5: (":path", "/index.html"), 6: (":scheme", "http"), 7: (":scheme", "https"), 8: (":status", "200"),
          14: (":status", "500"), 15: ("accept-charset", ""), 16: ("accept-encoding", "gzip, deflate"),
          28: ("content-length", ""), 32: ("cookie", ""), 38: ("host", ""), 61: ("www-authenticate", "")}


class Table:
    """RFC 7541 2.3, 4: entries newest first, evicted from the end."""

    def __init__(self, size=4096):
        self.max, self.entries = size, []

    def size(self):
        return sum(len(n) + len(v) + 32 for n, v in self.entries)

    def evict(self, limit):
        while self.entries and self.size() > limit:
            self.entries.pop()

    def resize(self, size):
        self.max = size
        self.evict(size)
        return prefix_int(0x20, 5, size)

    def add(self, name, value):
        need = len(name) + len(value) + 32
        self.evict(max(self.max - need, 0) if need <= self.max else 0)
        if need <= self.max:
            self.entries.insert(0, (name, value))

    def field(self, index):
        return STATIC[index] if index <= 61 else self.entries[index - 62]


def block(table, wire, headers):
    return {"wire": wire.hex(), "headers": [list(h) for h in headers], "table_size": table.size(),
            "table": [list(e) for e in table.entries]}


def one(name, title, ref, wire, headers, table=(), **more):
    t = Table()
    t.entries = list(table)
    suite.add("hpack/own-" + name, title, "RFC7541 " + ref, blocks=[block(t, wire, headers)], **more)


def bad(name, title, ref, wire, **more):
    blocks = more.pop("before", []) + [{"wire": wire.hex(), "error": title}]
    suite.add("hpack/own-e-" + name, title, "RFC7541 " + ref, blocks=blocks, **more)


REQUEST = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")]
REQUEST2 = REQUEST + [("cache-control", "no-cache")]
REQUEST3 = [(":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com"),
            ("custom-key", "custom-value")]
DATES = ("Mon, 21 Oct 2013 20:13:21 GMT", "Mon, 21 Oct 2013 20:13:22 GMT")
ANSWER = [(":status", "302"), ("cache-control", "private"), ("date", DATES[0]), ("location", "https://www.example.com")]
COOKIE = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
ANSWER3 = [(":status", "200"), ("cache-control", "private"), ("date", DATES[1]), ("location", "https://www.example.com"),
           ("content-encoding", "gzip"), ("set-cookie", COOKIE)]


def appendix_c():
    one("c2-1", "C.2.1", "C.2.1", bytes.fromhex("400a637573746f6d2d6b65790d637573746f6d2d686561646572"),
        [("custom-key", "custom-header")], [("custom-key", "custom-header")])
    one("c2-2", "C.2.2", "C.2.2", bytes.fromhex("040c2f73616d706c652f70617468"), [(":path", "/sample/path")])
    one("c2-3", "C.2.3", "C.2.3", bytes.fromhex("100870617373776f726406736563726574"),
        [("password", "secret", "never-indexed")])
    one("c2-4", "C.2.4", "C.2.4", b"\x82", [(":method", "GET")])
    requests = (("c3", "828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
                 "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"),
                ("c4", "828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
                 "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"))
    for name, *wires in requests:
        t, blocks = Table(), []
        for wire, headers in zip(wires, (REQUEST, REQUEST2, REQUEST3)):
            t.entries = [h for h in (headers[-1:] if len(blocks) else []) if h not in t.entries] + t.entries
            if not blocks:
                t.entries = [REQUEST[3]]
            blocks.append(block(t, bytes.fromhex(wire), headers))
        suite.add("hpack/own-" + name, "RFC 7541 Appendix " + name.upper()[0] + "." + name[1], "RFC7541 " + name.upper(),
                  blocks=blocks)
    answers = (("c5", "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e17"
                "68747470733a2f2f7777772e6578616d706c652e636f6d", "4803333037c1c0bf",
                "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b"
                "48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31"),
               ("c6", "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8"
                "e9ae82ae43d3", "4883640effc1c0bf",
                "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5"
                "af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"))
    for name, *wires in answers:
        t, blocks = Table(256), []
        for wire, headers, new in zip(wires, (ANSWER, [(":status", "307")] + ANSWER[1:], ANSWER3),
                                      (ANSWER, [(":status", "307")], [ANSWER3[2]] + ANSWER3[4:])):
            for f in new:
                t.add(*f)
            blocks.append(block(t, bytes.fromhex(wire), headers))
        suite.add("hpack/own-" + name, "RFC 7541 Appendix C." + name[1], "RFC7541 " + name.upper(), limit=256,
                  blocks=blocks)


def representations():
    for index, (n, v) in STATIC.items():
        one("static-%d" % index, "static entry %d" % index, "A", prefix_int(0x80, 7, index), [(n, v)])
        one("name-%d" % index, "name of static entry %d, without indexing" % index, "6.2.2",
            prefix_int(0, 4, index) + plain("v"), [(n, "v")])
        one("name-add-%d" % index, "name of static entry %d, indexed" % index, "6.2.1",
            prefix_int(0x40, 6, index) + plain("v"), [(n, "v")], [(n, "v")])
        one("name-never-%d" % index, "name of static entry %d, never indexed" % index, "6.2.3",
            prefix_int(0x10, 4, index) + plain("v"), [(n, "v", "never-indexed")])
    one("empty", "an empty block", "3.1", b"", [])
    one("empty-value", "an empty value", "5.2", b"\0" + plain("a") + plain(""), [("a", "")])
    one("empty-both", "an empty name is HPACK's to carry", "5.2", b"\0" + plain("") + plain(""), [("", "")])
    one("octets", "every octet can be carried", "5.2", b"\0" + plain("a") + plain(bytes(range(256))),
        [("a", bytes(range(256)).decode("latin-1"))])
    one("long", "a value of 5000 octets", "5.2", b"\0" + plain("a") + plain("b" * 5000), [("a", "b" * 5000)])
    one("len-127", "a length that needs a second octet of 0", "5.1", b"\0" + plain("a") + plain("b" * 127),
        [("a", "b" * 127)])
    one("twice", "the same field twice, both added", "4", (b"\x40" + plain("a") + plain("b")) * 2, [("a", "b")] * 2,
        [("a", "b")] * 2)
    one("big", "an entry of exactly the table's size", "4.4", b"\x40" + plain("a") + plain("b" * 4063),
        [("a", "b" * 4063)], [("a", "b" * 4063)])
    one("too-big", "an entry larger than the table empties it", "4.4",
        b"\x40" + plain("x") + plain("y") + b"\x40" + plain("a") + plain("b" * 4064), [("x", "y"), ("a", "b" * 4064)])
    one("own-name", "the entry that gives the name is evicted by the insertion", "4.4",
        b"\x3f\x09" + b"\x40" + plain("abcd") + plain("1") + b"\x7e" + plain("22"), [("abcd", "1"), ("abcd", "22")],
        [("abcd", "22")])
    t = Table()
    t.entries = [("a", "c"), ("a", "b")]
    one("dyn-name", "a name from the dynamic table", "2.3.3", b"\x40" + plain("a") + plain("b") + b"\x7e" + plain("c"),
        [("a", "b"), ("a", "c")], t.entries)
    padded = b"\x1f\x81\x80\x00"  # 15 + 1, with an octet that adds nothing
    one("int-long", "an integer longer than it need be", "5.1", b"\x0f\x81\x00" + plain("v"), [("accept-encoding", "v")])
    one("int-never", "never indexed, an integer longer than it need be", "5.1", padded + plain("v"),
        [("accept-encoding", "v", "never-indexed")])


def huffman():
    one("h-a", "Huffman: one octet, padded by three bits", "5.2", b"\0\x01a\x81\x1f", [("a", "a")])
    one("h-none", "Huffman: an empty string", "5.2", b"\0\x01a\x80", [("a", "")])
    one("h-exact", "Huffman: eight codes of five bits need no padding", "5.2", b"\0\x01a\x85\0\0\0\0\0",
        [("a", "0" * 8)])
    one("h-nul", "Huffman: the octet 0 by its code of 13 bits", "5.2", b"\0\x01a\x82\xff\xc7", [("a", "\0")])
    one("h-longest", "Huffman: an octet of 30 bits", "5.2", b"\0\x01a\x84\xff\xff\xff\xf3", [("a", "\n")])
    one("h-name", "Huffman in the name alone", "5.2", b"\0\x81\x1f\x01b", [("a", "b")])
    bad("h-zeros", "padding of zeros", "5.2", b"\0\x01a\x81\x18")
    bad("h-mixed", "padding not all ones", "5.2", b"\0\x01a\x81\x1e")
    bad("h-8", "padding of eight bits", "5.2", b"\0\x01a\x86\0\0\0\0\0\xff")
    bad("h-ff", "a string of padding only", "5.2", b"\0\x01a\x81\xff")
    bad("h-11", "padding of eleven bits", "5.2", b"\0\x01a\x82\x1f\xff")
    bad("h-eos", "EOS in a string", "5.2", b"\0\x01a\x84\xff\xff\xff\xff")
    bad("h-eos-mid", "EOS between octets", "5.2", b"\0\x01a\x85\x1f\xff\xff\xff\xe3")
    bad("h-name-pad", "wrong padding in a name", "5.2", b"\0\x81\x18\x01b")
    bad("h-cut", "a code that is cut", "5.2", b"\0\x01a\x81\xfe")


def faults():
    bad("index-0", "index 0", "6.1", b"\x80")
    bad("index-62", "an index into an empty table", "2.3.3", b"\xbe")
    bad("index-huge", "an index far beyond", "2.3.3", prefix_int(0x80, 7, 100000))
    bad("name-62", "a name's index beyond the tables", "2.3.3", b"\x7e" + plain("v"))
    bad("name-62-without", "a name's index beyond the tables, without indexing", "2.3.3",
        prefix_int(0, 4, 62) + plain("v"))
    bad("index-1-past", "one past the last entry", "2.3.3", b"\xbf",
        before=[block_of([("a", "b")], b"\x40" + plain("a") + plain("b"))])
    bad("index-gone", "an entry that a size update evicted", "2.3.3", b"\x20\xbe",
        before=[block_of([("a", "b")], b"\x40" + plain("a") + plain("b"))])
    for name, wire in (("index", b"\xff"), ("index-2", b"\xff\x80"), ("name", b"\x40"), ("name-len", b"\x40\x7f"),
                       ("name-octets", b"\x40\x05abcd"), ("value", b"\x40\x01a"), ("value-octets", b"\x40\x01a\x05abc"),
                       ("without", b"\0\x01a"), ("never", b"\x10\x01a\x02b"), ("update", b"\x3f"),
                       ("indexed-name", b"\x41"), ("after", b"\x82\x40")):
        bad("cut-" + name, "the block ends inside a representation: " + name, "6", wire)
    for name, wire in (("index", b"\xff" + b"\xff" * 10 + b"\x0f"), ("name", b"\x7f" + b"\xff" * 10 + b"\x0f"),
                       ("length", b"\0\x01a\x7f" + b"\xff" * 10 + b"\x0f"), ("zeros", b"\xff" + b"\x80" * 40 + b"\0"),
                       ("update", b"\x3f" + b"\xff" * 10 + b"\x0f"), ("2^32", b"\x3f\xe1\xff\xff\xff\x0f")):
        bad("int-" + name, "an integer too large: " + name, "5.1", wire)
    bad("length-2^31", "a string of 2^31 octets", "5.2", b"\0\x01a" + prefix_int(0, 7, 1 << 31))
    bad("update-over", "a size update over the limit", "6.3", prefix_int(0x20, 5, 4097))
    bad("update-over-own", "a size update over a limit of 100", "6.3", prefix_int(0x20, 5, 101), limit=100)
    bad("update-end", "a size update at the end of a block", "4.2", b"\x82\x20")
    bad("update-between", "a size update between fields", "4.2", b"\x82\x3f\x01\x84")
    bad("update-late-second", "a second size update after a field", "4.2", b"\x20\x82\x3f\x01")


def block_of(entries, wire):
    t = Table()
    t.entries = entries
    return block(t, wire, entries)


def updates():
    add = b"\x40" + plain("a") + plain("b")
    t = Table()
    first = (add, [("a", "b")])
    t.add("a", "b")
    b1 = block(t, *first)
    up = [("updates-two", "two size updates: down, then up", lambda t: t.resize(0) + t.resize(4096)),
          ("updates-edge", "the limit itself", lambda t: t.resize(4096)),
          ("updates-keep", "just large enough for the entry", lambda t: t.resize(34)),
          ("updates-lose", "one octet too small for the entry", lambda t: t.resize(33)),
          ("updates-three", "three size updates", lambda t: t.resize(100) + t.resize(0) + t.resize(50))]
    for name, title, change in up:
        t = Table()
        t.add("a", "b")
        wire = change(t) + b"\x82"
        suite.add("hpack/own-" + name, title, "RFC7541 4.2", blocks=[b1, block(t, wire, [(":method", "GET")])])
    t = Table()
    wire = t.resize(0) + add
    suite.add("hpack/own-size-0", "nothing fits into a table of 0", "RFC7541 4.4", blocks=[block(t, wire, [("a", "b")])])
    t = Table()
    only = t.resize(64)
    suite.add("hpack/own-update-only", "a block of a size update alone", "RFC7541 4.2",
              blocks=[block(t, only, []), block(t, b"\x82", [(":method", "GET")])])
    t = Table()
    t.add("a", "b")
    lowered = Table(0)
    suite.add("hpack/own-limit-down", "the limit goes down and the encoder follows", "RFC7541 4.2",
              blocks=[b1, {"set_limit": 0}, block(lowered, b"\x20\x82", [(":method", "GET")])])
    suite.add("hpack/own-e-limit-ignored", "the limit goes down and no size update comes", "RFC7541 4.2",
              blocks=[b1, {"set_limit": 0}, {"wire": "82", "error": "no size update"}])
    suite.add("hpack/own-e-limit-late", "the limit goes down and the size update is above it", "RFC7541 4.2",
              blocks=[b1, {"set_limit": 10}, {"wire": "2b82", "error": "size update over the limit"}])
    up = Table(8192)
    up.add("a", "b" * 5000)
    suite.add("hpack/own-limit-up", "the limit goes up, and the table with it", "RFC7541 4.2",
              blocks=[{"set_limit": 8192}, block(up, prefix_int(0x20, 5, 8192) + b"\x40" + plain("a") +
                                                 plain("b" * 5000), [("a", "b" * 5000)])])
    same = Table()
    same.add("a", "b")
    suite.add("hpack/own-limit-up-unused", "the limit goes up and the encoder does not care", "RFC7541 4.2",
              blocks=[b1, {"set_limit": 65536}, block(same, b"\xbe", [("a", "b")])])


def stories():
    """Random walks through representations and sizes, judged by the model above."""
    for seed in range(40):
        r = random.Random("hpack %d" % seed)
        limit = r.choice([64, 80, 128, 256, 4096])
        t, blocks = Table(min(limit, 4096)), []
        for _ in range(r.randint(3, 9)):
            wire, headers = b"", []
            if r.random() < 0.25:
                for size in sorted(r.sample(range(limit + 1), r.randint(1, 2))):
                    wire += t.resize(size)
            for _ in range(r.randint(1, 5)):
                kind = r.choice(["indexed", "add", "add", "without", "never"])
                index = r.choice(list(STATIC) + [62 + i for i in range(len(t.entries))])
                value = r.choice(["", "v", "value", "x" * r.randint(0, 40)])
                if kind == "indexed":
                    wire, headers = wire + prefix_int(0x80, 7, index), headers + [t.field(index)]
                    continue
                first, bits = {"add": (0x40, 6), "without": (0, 4), "never": (0x10, 4)}[kind]
                if r.random() < 0.5:
                    name = t.field(index)[0]
                    wire += prefix_int(first, bits, index)
                else:
                    name = r.choice(["x", "x-name", "y" * r.randint(1, 20)])
                    wire += bytes([first]) + plain(name)
                wire += plain(value)
                headers = headers + [(name, value, "never-indexed") if kind == "never" else (name, value)]
                if kind == "add":
                    t.add(name, value)
            blocks.append(block(t, wire, headers))
        more = {"limit": limit} if limit != 4096 else {}
        suite.add("hpack/own-story-%d" % seed, "a walk through the table, %d" % seed, "RFC7541 2.3, 4, 6", blocks=blocks,
                  **more)


def suites():
    for part in (appendix_c, representations, huffman, faults, updates, stories):
        part()
    return {"hpack-rfc.json": suite}
