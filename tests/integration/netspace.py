"""Addresses that are not loopback: a network namespace of the test's own, whose `lo` has some more.

The whole process moves there, and the daemons that it starts with it. Only the superuser can; elsewhere the tests that need it are
skipped and say so.
"""
import ctypes
import os
import shutil
import subprocess
import unittest

CLONE_NEWNET = 0x40000000
ADDRESSES = ["10.77.0.%d" % n for n in range(1, 9)]


def enter():
    """Once, at the start of a module (setUpModule). Skips it where that can't be done."""
    ip = shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")
    if os.getuid() != 0 or not ip:
        raise unittest.SkipTest("a network namespace takes the superuser and ip(8)")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise unittest.SkipTest("no network namespace: " + os.strerror(ctypes.get_errno()))
    commands = [["link", "set", "lo", "up"]] + [["addr", "add", address + "/24", "dev", "lo"] for address in ADDRESSES]
    for words in commands:
        subprocess.run([ip] + words, check=True)
