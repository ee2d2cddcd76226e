"""Edits of bytes: what a bad disk, a clumsy hand or a small lie does to a file. Each is a function of a random generator and returns
(what it did, the new bytes, the ranges of the old bytes that are other now), never the bytes that it was given.

Ranges are of the old bytes; what was added behind the end counts as a range of no length there.
"""


def flip(rng, data, at, _):
    new = bytearray(data)
    new[at] ^= 1 << rng.randrange(8)
    return new, [(at, at + 1)]


def flips(rng, data, at, _):
    """A few bits near each other, as one bad transfer has them."""
    new, touched = bytearray(data), []
    for _ in range(rng.randint(2, 8)):
        place = min(len(data) - 1, max(0, at + rng.randint(-64, 64)))
        new[place] ^= 1 << rng.randrange(8)
        touched.append((place, place + 1))
    return new, touched


def put(rng, data, at, _):
    end = min(len(data), at + rng.randint(1, 8))
    return data[:at] + rng.randbytes(end - at) + data[end:], [(at, end)]


def zero(rng, data, at, _):
    end = min(len(data), at + rng.choice((1, 8, 64, 512, 4096)))
    return data[:at] + bytes(end - at) + data[end:], [(at, end)]


def copy(rng, data, at, _):
    """A block of the file over another one of it."""
    size = rng.choice((1, 8, 64, 512, 4096))
    start = rng.randrange(len(data))
    block = data[start:start + min(size, len(data) - at)]
    return data[:at] + block + data[at + len(block):], [(at, at + len(block))]


def swap(rng, data, at, _):
    """Two blocks change places."""
    size = rng.choice((1, 8, 64, 512, 4096))
    first, second = sorted((at, rng.randrange(len(data))))
    size = min(size, second - first, len(data) - second)
    new = bytearray(data)
    new[first:first + size], new[second:second + size] = data[second:second + size], data[first:first + size]
    return new, [(first, first + size), (second, second + size)]


def splice(rng, data, at, other):
    """A block of another file of the same sort: an older state of it, another branch of the past."""
    end = min(len(data), at + rng.choice((8, 64, 512, 4096)))
    block = (other or b"")[at:end]
    return data[:at] + block + data[at + len(block):], [(at, at + len(block))]


def delete(rng, data, at, _):
    return data[:at] + data[at + rng.randint(1, 200):], [(at, len(data))]


def insert(rng, data, at, _):
    start = rng.randrange(len(data))
    return data[:at] + data[start:start + rng.randint(1, 200)] + data[at:], [(at, len(data))]


def cut(_rng, data, at, _):
    return data[:at], [(at, len(data))]


def extend(rng, data, _at, _):
    """The end once more, or noise."""
    size = rng.randint(1, 300)
    return data + (data[-size:] if rng.random() < 0.5 else rng.randbytes(size)), [(len(data), len(data))]


BYTES = (flip, flip, flips, put, zero, copy, swap, splice, delete, insert, cut, extend)


def edit(rng, data, spans=None, other=None, ways=BYTES):
    """One of the ways, at a place of `spans` (most of the time) or anywhere."""
    while True:
        way = rng.choice(ways)
        if spans and rng.random() < 0.85:
            start, end = rng.choice(spans)
            at = rng.randrange(start, end)
        else:
            at = rng.randrange(len(data))
        new, touched = way(rng, data, at, other)
        new = bytes(new)
        if new != data:
            return "%s at %d" % (way.__name__, at), new, touched


def lines(rng, data, other=None):
    """Whole lines removed, doubled, moved, swapped, taken from elsewhere."""
    old = data.splitlines(keepends=True)
    strange = (other or b"").splitlines(keepends=True)
    while True:
        new = list(old)
        one, two = rng.randrange(len(old)), rng.randrange(len(old))
        way = rng.choice(("removed", "doubled", "moved", "swapped", "foreign"))
        if way == "removed":
            del new[one]
        elif way == "doubled":
            new.insert(one, new[one])
        elif way == "moved":
            new.insert(two, new.pop(one))
        elif way == "swapped":
            new[one], new[two] = new[two], new[one]
        elif strange:
            new[one] = strange[min(one, len(strange) - 1)]
        if new != old:
            return "line %d %s" % (one + 1, way), b"".join(new), [(0, len(data))]


def text(rng, data, other=None):
    return lines(rng, data, other) if rng.random() < 0.4 and data.count(b"\n") > 2 else edit(rng, data, other=other)


def differs(old, new, touched, spans):
    """Whether any byte of the spans is another one now; a byte that is no longer there is."""
    for start, end in touched:
        for low, high in spans:
            a, b = max(start, low), min(end, high)
            if a < b and old[a:b] != new[a:b]:
                return True
    return False
