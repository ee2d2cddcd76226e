"""The programs as they were built: what the flags of cmake/Relief.cmake promise is in them, and what they may never call isn't."""
import os
import re
import subprocess
import tempfile
import unittest

from harness import BIN, DEADLINE

PROGRAMS = ("reliefd", "relief", "relief-audit")
# Starting programs, code from elsewhere, and what writes without knowing how much room there is.
BANNED = re.compile(r"^(system|popen|exec[lv]p?e?|execvpe|fexecve|posix_spawnp?|v?fork|dlopen|dlmopen|gets|strcpy|stpcpy|strcat|v?sprintf|alloca)$")


def tool(*words):
    return subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout


@unittest.skipUnless(os.environ.get("RELIEF_HARDENED"), "only what is built for use is hardened: CMAKE_BUILD_TYPE=Release, not instrumented")
class Hardening(unittest.TestCase):
    programs = [os.path.join(BIN, name) for name in PROGRAMS]

    def test_loading(self):
        """Anywhere in memory, all symbols bound and then read-only, no library from a path of ours."""
        for path in self.programs:
            self.assertRegex(tool("readelf", "-hW", path), r"Type: +DYN ")
            dynamic = tool("readelf", "-dW", path)
            self.assertRegex(dynamic, r"\(FLAGS\).*BIND_NOW")
            self.assertRegex(dynamic, r"\(FLAGS_1\).*NOW.*PIE")
            self.assertNotRegex(dynamic, r"\((RPATH|RUNPATH|TEXTREL)\)")

    def test_segments(self):
        """What can be written can't be executed."""
        for path in self.programs:
            segments = re.findall(r"^ +(\w+) +0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ ([R ][W ][E ]) ", tool("readelf", "-lW", path), re.M)
            self.assertIn("GNU_RELRO", [kind for kind, _ in segments])
            self.assertEqual([flags for kind, flags in segments if kind == "GNU_STACK"], ["RW "])
            self.assertEqual([kind for kind, flags in segments if "W" in flags and "E" in flags], [])

    def test_stack_protector_and_checked_functions(self):
        for path in self.programs:
            symbols = re.findall(r" U (\w+)", tool("nm", "-D", path))
            self.assertIn("__stack_chk_fail", symbols)
            self.assertGreater(len([s for s in symbols if s.endswith("_chk")]), 3, symbols)

    def test_banned_symbols(self):
        """libcrypto has dlopen for modules that its configuration names; the programs themselves load nothing."""
        for path in self.programs:
            symbols = re.findall(r" U (\w+)", tool("nm", "-u", path))
            self.assertGreater(len(symbols), 20)
            self.assertEqual([s for s in symbols if BANNED.match(s.removesuffix("_chk").removeprefix("__"))], [])

    def test_branch_protection(self):
        """On every function of ours. The mark of a whole program is the linker's, and takes a C library that is marked throughout."""
        if tool("uname", "-m").strip() != "x86_64":
            self.skipTest("written for x86-64")
        with tempfile.TemporaryDirectory() as folder:
            source, program = os.path.join(folder, "p.c"), os.path.join(folder, "p")
            with open(source, "w") as file:
                file.write("int main(void) { return 0; }\n")
            subprocess.run([os.environ["RELIEF_CC"], "-fcf-protection=full", "-pie", "-fPIE", "-o", program, source], check=True)
            marked = "IBT, SHSTK" in tool("readelf", "-nW", program)
        for path in self.programs:
            self.assertGreater(tool("objdump", "-d", "--no-show-raw-insn", path).count("endbr64"), 50)
            self.assertEqual("IBT, SHSTK" in tool("readelf", "-nW", path), marked)
