"""Attackers: attack.py KIND HOST:PORT [--count N] [--certificate FILE --key FILE]. A process of its own and of low priority, since true
attackers have machines of their own. Says `ready` when its connections are there, and a line of counts when standard input ends.

    slow      connections that send a byte every five seconds, again and again
    hello     the same for TLS: the first half of a ClientHello, then a byte every five seconds
    shake     TLS handshakes without a certificate, one after the other
    mixed     TLS connections of all kinds, held: half a hello, done without certificate, and with one and half a large frame
    flood     connections that are opened and closed at once
    readers   identified connections that ask for much and read nothing
    idle      connections that do nothing
    frames    frames that claim what they don't hold: lengths of 4 GiB, chains of headers, nests
    large     connections with the first half of a frame of 1 MiB, held
"""
import argparse
import contextlib
import os
import resource
import selectors
import socket
import ssl
import struct
import sys
import time

FRAMES = [b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xc9\xff\xff\xff\xff",
          b"\xdc\xff\xff" * 1300, b"\x91" * 3900, b"\x94\x00\x05\xa8city.get\x91\xdc\x0f\x00" + b"\x81\xa1a" * 1200,
          b"\x94\x00\x05\xa8city.get\x91\x81\xa4code\xda\x0f\x00" + b"a" * 3000]
DRIP = b"\x94\x00\x05\xabserver.ping\x91\x81\xa1a\xd9\xff" + b"a" * 255
HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(189)
EVERY = 5.0


def connected(address):
    one = socket.socket()
    one.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        one.connect(address)
    return one


class Held:
    """So many connections that are kept, each made anew when the daemon ends it."""

    def __init__(self, address, count, first, drip):
        self.address, self.first, self.drip = address, first, drip
        self.selector = selectors.DefaultSelector()
        self.made = self.ended = 0
        self.last = time.monotonic()
        for _ in range(count):
            self.make()

    def make(self):
        one = connected(self.address)
        self.made += 1
        self.selector.register(one, selectors.EVENT_WRITE, 0)

    def event(self, one, mask, sent):
        try:
            if mask & selectors.EVENT_WRITE:
                one.send(self.first)
                self.selector.modify(one, selectors.EVENT_READ, len(self.first))
            elif not one.recv(4096):
                raise ConnectionResetError
        except BlockingIOError:
            pass
        except OSError:
            self.selector.unregister(one)
            one.close()
            self.ended += 1
            self.make()

    def turn(self):
        for key, mask in self.selector.select(0.05):
            self.event(key.fileobj, mask, key.data)
        if self.drip and time.monotonic() - self.last >= EVERY:
            self.last = time.monotonic()
            for key in list(self.selector.get_map().values()):
                if key.events & selectors.EVENT_READ:
                    with contextlib.suppress(OSError):
                        at = key.data % len(self.drip)
                        key.fileobj.send(self.drip[at:at + 1])

    def counts(self):
        return "made=%d ended=%d" % (self.made, self.ended)


class Repeated:
    """One after the other; attempt() does one."""

    def __init__(self, attempt):
        self.attempt, self.made, self.failed = attempt, 0, 0

    def turn(self):
        until = time.monotonic() + 0.05
        while time.monotonic() < until:
            self.made += 1
            try:
                self.attempt()
            except (OSError, ssl.SSLError):
                self.failed += 1

    def counts(self):
        return "made=%d failed=%d" % (self.made, self.failed)


def context(options):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if options.certificate:
        made.load_cert_chain(options.certificate, options.key)
    return made


def shaken(options, with_certificate=False):
    plain = socket.create_connection(options.address, 10)
    if not with_certificate:
        options = argparse.Namespace(certificate=None)
    return context(options).wrap_socket(plain)


class Still:
    """Connections that are there."""

    def __init__(self, sockets):
        self.sockets = sockets

    def turn(self):
        time.sleep(0.05)  # nothing to do but to be there

    def counts(self):
        return "held=%d" % len(self.sockets)


def half_frame(pieces=8):
    """The first half of a frame of 1 MiB: strings of 4000 bytes."""
    text = b"\xda\x0f\xa0" + b"a" * 4000
    return b"\x94\x00\x05\xa8city.get\x91\x81\xa4code\xdc\x00\xfa" + text * pieces


def mixed(options):
    held = []
    for n in range(options.count):
        with contextlib.suppress(OSError, ssl.SSLError):
            if n % 3 == 0:
                one = socket.create_connection(options.address, 10)
                one.sendall(HELLO[:100])
            else:
                one = shaken(options, n % 3 == 1)
                one.settimeout(2)
                held.append(one)
                one.sendall(half_frame(125 if n % 3 == 1 else 0))
                continue
            held.append(one)
    return Still(held)


def readers(options):
    held = []
    for _ in range(options.count):
        one = connected(options.address)
        held.append(one)
    ask = b"\x94\x00\x05\xa9city.list\x90" * 2000

    class Asking(Still):
        def turn(self):
            for each in self.sockets:
                with contextlib.suppress(OSError):
                    each.send(ask)
            time.sleep(0.01)  # the pace of an attacker with one thread
    return Asking(held)


def frame_attempt(options):
    state = {"n": 0}

    def attempt():
        state["n"] += 1
        with socket.create_connection(options.address, 10) as one:
            one.sendall(FRAMES[state["n"] % len(FRAMES)])
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return attempt


def opened(options):
    def attempt():
        with socket.create_connection(options.address, 10) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return attempt


def start(options):
    address, count, kind = options.address, options.count, options.kind
    if kind == "slow":
        return Held(address, count, DRIP[:1], DRIP)
    if kind == "hello":
        return Held(address, count, HELLO[:100], HELLO)
    if kind == "idle":
        return Held(address, count, b"", None)
    if kind == "large":
        return Held(address, count, half_frame(125), None)
    if kind == "mixed":
        return mixed(options)
    if kind == "readers":
        return readers(options)
    attempt = {"flood": opened, "frames": frame_attempt, "shake": lambda o: lambda: shaken(o).close()}[kind](options)
    return Repeated(attempt)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind")
    parser.add_argument("address")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    options = parser.parse_args()
    host, port = options.address.rsplit(":", 1)
    options.address = host, int(port)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(19)
    attack = start(options)
    until = time.monotonic() + 1  # the first of what comes back is seen to
    while time.monotonic() < until:
        attack.turn()
    print("ready", flush=True)
    over = selectors.DefaultSelector()
    over.register(sys.stdin, selectors.EVENT_READ)
    while not over.select(0):
        attack.turn()
    print(attack.counts(), flush=True)


if __name__ == "__main__":
    main()
