"""A daemon whose disk tests/crash/disk_shim.c holds: it fails, or forgets what was not synced, when a test says so."""
import os
import sys

from harness import BIN, Daemon

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
try:
    import shim as shims
except ImportError:  # tests/crash isn't there
    shims = None

CONFIG = "[sandbox]\nlandlock = off\nseccomp = off\n"  # the shim reads and undoes what a daemon by itself never would


class OnShim(Daemon):
    """missing: why it can't be had here, or None. plant: a bug of the planted build that is switched on."""

    def __init__(self, plant=None, **options):
        super().__init__(listen=(), config=CONFIG, program="reliefd_planted" if plant else "reliefd", **options)
        self.plant = plant
        self.shim = shims and shims.Shim("disk", self.folder)
        self.missing = self.shim.missing if self.shim else "tests/crash isn't there"
        if not self.missing and not os.path.exists(os.path.join(BIN, self.program)):
            self.missing = "%s isn't built" % self.program
        if not self.missing:
            self.shim.page.folder = self.data.encode()

    def _environment(self):
        environment = {**os.environ, **self.shim.environment}
        if self.plant:
            environment["RELIEF_PLANT"] = self.plant
        return environment
