"""The log's files, read by what daemon/log/FORMAT.md says."""
import collections
import glob
import os
import struct

Record = collections.namedtuple("Record", "path offset bytes seq batch flags")
HEADER, MAGIC, RECORD_HEADER = 64, b"RLRF", 72


def paths(data):
    return sorted(glob.glob(os.path.join(data, "log", "[0-9]*.seg")))


def records(path):
    """Every record from the first to where they end."""
    with open(path, "rb") as file:
        content = file.read()
    at, found = HEADER, []
    while content[at:at + 4] == MAGIC:
        length, seq, batch, flags = struct.unpack_from("<IQQB", content, at + 4)
        size = (RECORD_HEADER + length + 7) // 8 * 8
        found.append(Record(path, at, size, seq, batch, flags))
        at += size
    return found


def overwrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def flip(path, offset, bit):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))
