"""Writes our own test vectors into the folder named on the command line: python3 tests/vectors/gen/make.py FOLDER"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

MODULES = ["h2", "hpack", "h3", "quic"]


def main():
    for name in MODULES:
        for file, suite in __import__(name).suites().items():
            with open(os.path.join(sys.argv[1], file), "w", encoding="ascii") as out:
                out.write(suite.text())
            print("%s: %d cases" % (file, len(suite.cases)))


main()
