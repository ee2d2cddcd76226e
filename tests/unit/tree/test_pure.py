"""The core is a function: its library may call memory and text functions of the C library, sqrt, a hash, and the schema's; no clock,
file, socket, thread, random source or allocator."""
import re
import subprocess
import sys

library, instrumented = sys.argv[1], sys.argv[2]
if instrumented not in ("", "OFF"):
    print("skipped: sanitizers and coverage add calls of their own")
    sys.exit(77)
ALLOWED = {"memcpy", "memmove", "memset", "memcmp", "memchr", "strlen", "snprintf", "vsnprintf", "sqrt", "__assert_fail",
           "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_", "__divti3", "__snprintf_chk", "__vsnprintf_chk", "__memcpy_chk",
           "__memset_chk", "bcmp",
           # BLAKE2b of libsodium, over memory alone: what a plan relies on
           "crypto_generichash", "crypto_generichash_init", "crypto_generichash_update", "crypto_generichash_final"}
text = subprocess.run(["nm", library], capture_output=True, text=True, check=True).stdout
defined = set(re.findall(r"^[0-9a-f]+ [A-TV-Za-z] (\S+)$", text, re.M))
wanted = set(re.findall(r"^\s+U (\S+)$", text, re.M)) - defined
strange = {name for name in wanted - ALLOWED if not name.startswith("relief_")}
assert "core_apply" in defined, "not the core's library"
# The schema's own functions are memory and text. Those that could allocate: the record buffer, reserved once in core_init, and
# the reading of a plan and its digest, both before the first change.
schema = {name for name in wanted if name.startswith("relief_")}
print(f"{len(defined)} symbols defined, {len(schema)} of the schema used, strange: {sorted(strange) or 'none'}")
sys.exit(1 if strange else 0)
