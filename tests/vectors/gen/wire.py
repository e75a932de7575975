"""What the generators of test vectors share: octets, integers, and writing a file of format wire-vectors/1.

The cases are derived from the text of the RFCs. Nothing here imports or runs the program that they test.
"""
import json


def u(value, octets):
    return value.to_bytes(octets, "big")


def prefix_int(first, bits, value):
    """RFC 7541 5.1."""
    top = (1 << bits) - 1
    if value < top:
        return bytes([first | value])
    out, value = bytearray([first | top]), value - top
    while value >= 128:
        out.append(0x80 | value & 0x7F)
        value >>= 7
    out.append(value)
    return bytes(out)


def plain(text, first=0, bits=7):
    """A string literal without Huffman code (RFC 7541 5.2)."""
    octets = text if isinstance(text, bytes) else text.encode("latin-1")
    return prefix_int(first, bits, len(octets)) + octets


def varint(value, octets=None):
    """RFC 9000 16."""
    least = 1 if value < 1 << 6 else 2 if value < 1 << 14 else 4 if value < 1 << 30 else 8
    octets = octets or least
    return u(value | {1: 0, 2: 1, 4: 2, 8: 3}[octets] << (8 * octets - 2), octets)


class Suite:
    def __init__(self, protocol, suite, sources):
        self.head = {"format": "wire-vectors/1", "protocol": protocol, "suite": suite, "sources": sources}
        self.cases, self.ids = [], set()

    def add(self, ident, title, ref, expect=None, **members):
        assert ident not in self.ids, ident
        self.ids.add(ident)
        case = {"id": ident, "title": title, "ref": ref, "src": "own"}
        case.update(members)
        if expect is not None:
            case["expect"] = expect
        self.cases.append(case)

    def text(self):
        head = ",\n".join(" %s: %s" % (json.dumps(k), json.dumps(v)) for k, v in self.head.items())
        cases = ",\n".join("  " + json.dumps(c) for c in self.cases)
        return "{\n%s,\n \"cases\": [\n%s\n ]\n}\n" % (head, cases)
