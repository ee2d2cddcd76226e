"""A file system of its own, in a file: to be cut off, filled, made read-only. Needs root, loop devices and ext4."""
import contextlib
import ctypes
import fcntl
import os
import shutil
import struct
import subprocess

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
MNT_DETACH = 2
LIBC = ctypes.CDLL(None, use_errno=True)


class NoVolume(Exception):
    """This machine can't make one; why."""


def run(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise NoVolume("no %s" % command[0]) from None
    if done.returncode != 0:
        raise NoVolume("`%s`: %s" % (" ".join(command), done.stderr.strip()))
    return done.stdout.strip()


class Volume:
    def __init__(self, folder, mib, options=""):
        if os.geteuid() != 0:
            raise NoVolume("only root can mount")
        if not shutil.which("mkfs.ext4"):
            raise NoVolume("no mkfs.ext4")
        self.image, self.path = os.path.join(folder, "image"), os.path.join(folder, "volume")
        self.options, self.mounted, self.device = options, False, None
        os.mkdir(self.path)
        with open(self.image, "wb") as file:
            file.truncate(mib << 20)
        run("mkfs.ext4", "-q", "-O", "^metadata_csum", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", self.image)
        self.device = run("losetup", "--find", "--show", self.image)
        try:
            self.mount()
        except OSError as error:
            self.close()
            raise NoVolume("mount: %s" % error) from None

    def _mount(self, flags, options):
        if LIBC.mount(self.device.encode(), self.path.encode(), b"ext4", ctypes.c_ulong(flags), options.encode()) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    def mount(self):
        self._mount(0, self.options)
        self.mounted = True

    def unmount(self):
        if self.mounted and LIBC.umount2(self.path.encode(), 0) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
        self.mounted = False

    def cut(self):
        """The power fails: what the journal and the disk don't have by now is gone. Mount it again after that."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def fill(self):
        """Takes every block that is left."""
        with open(os.path.join(self.path, "filling"), "ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def empty(self):
        os.unlink(os.path.join(self.path, "filling"))

    def close(self):
        if self.mounted:
            LIBC.umount2(self.path.encode(), MNT_DETACH)
            self.mounted = False
        if self.device:
            subprocess.run(["losetup", "-d", self.device], capture_output=True)
            self.device = None
        with contextlib.suppress(OSError):
            os.unlink(self.image)
