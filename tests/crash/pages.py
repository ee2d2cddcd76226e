"""The pages of an LMDB 0.9 file, as far as the tests need them: which branches the tree of records has, and what stands in them."""
import struct

PAGE, HEAD, NODE = 4096, 16, 8
BRANCH = 1


def root(file):
    """The page of the newest meta; None when the tree is empty."""
    def meta(page):
        at = page * PAGE + HEAD + 24 + 48  # behind magic, version, address, size and the tree of free pages
        return struct.unpack_from("<Q", file, at + 48 + 8)[0], struct.unpack_from("<Q", file, at + 40)[0]
    page = max(meta(0), meta(1))[1]
    return None if page == 2**64 - 1 else page


def nodes(file, page):
    """Where each node of a branch begins in the file, where its place is named, and the page that it leads to."""
    flags, lower = struct.unpack_from("<HH", file, page * PAGE + 10)
    for i in range((lower - HEAD) // 2 if flags & BRANCH else 0):
        named = page * PAGE + HEAD + 2 * i
        at = page * PAGE + struct.unpack_from("<H", file, named)[0]
        low, high, top = struct.unpack_from("<HHH", file, at)
        yield at, named, low | high << 16 | top << 32


def branches(file):
    found, todo = [], [root(file)]
    while todo:
        page = todo.pop()
        children = [] if page is None else [child for _, _, child in nodes(file, page)]
        if children:
            found.append(page)
        todo += children
    return found


def branch_bytes(file):
    """Offsets of what a branch page decides by: how many nodes, where they are, where they lead, what parts them."""
    offsets = []
    for page in branches(file):
        offsets += range(page * PAGE + 12, page * PAGE + HEAD)
        for at, named, _ in nodes(file, page):
            key = struct.unpack_from("<H", file, at + 6)[0]
            offsets += [named, named + 1, *range(at, at + NODE + key)]
    return offsets
