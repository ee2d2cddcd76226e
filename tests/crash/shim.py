"""The page that disk_shim.c and memory_shim.c share with a test: what to do at which call, and what was counted."""
import ctypes
import mmap
import os

BIN = os.environ.get("RELIEF_BIN", "build/bin")
INSTRUMENTED = os.environ.get("RELIEF_INSTRUMENTED", "")  # the sanitizers of the build
COUNT, KILL, FAIL, SHORT, TORN, LOOSE = range(6)
WRITES, SYNCS, NAMES, SIZES, SENDS = 1, 2, 4, 8, 16
CHANGES = WRITES | SYNCS | NAMES | SIZES


class Control(ctypes.Structure):
    _fields_ = [("action", ctypes.c_uint32), ("classes", ctypes.c_uint32), ("at", ctypes.c_uint64), ("times", ctypes.c_uint64),
                ("calls", ctypes.c_uint64), ("acted", ctypes.c_uint64), ("seed", ctypes.c_uint64), ("error", ctypes.c_int32),
                ("track", ctypes.c_uint32), ("folder", ctypes.c_char * 256)]


class Shim:
    """environment: what the program is started with. Fields of the page: shim.page.calls and so on."""

    def __init__(self, name, folder):
        self.path = os.path.join(folder, name + ".page")
        with open(self.path, "wb") as file:
            file.write(bytes(4096))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 4096)
        self.page = Control.from_buffer(self.map)
        library = os.environ.get("RELIEF_%s_SHIM_SO" % name.upper(), os.path.join(BIN, "..", "tests", "crash", name + "_shim.so"))
        self.environment = {"LD_PRELOAD": library, "RELIEF_%s_SHIM" % name.upper(): self.path}
        self.missing = None if os.path.exists(library) else "%s_shim.so isn't built" % name
        if "address" in INSTRUMENTED:  # its runtime wants to be the first library; behind the shim of the disk it works too
            self.environment["ASAN_OPTIONS"] = "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")
            if name == "memory":
                self.missing = "the address sanitizer has an allocator of its own"

    def arm(self, action, classes, at, times=1, error=0, seed=0):
        """At the at-th call from now on; 0: only counts."""
        page = self.page
        page.at = 0
        page.action, page.classes, page.times, page.error, page.seed = action, classes, times, error, seed
        page.acted = page.calls = 0
        page.at = at

    def disarm(self):
        self.page.at = 0
