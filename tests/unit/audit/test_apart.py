"""relief-audit links libsodium, libevent and the C library, and knows no name of the daemon, the client or the schema."""
import re
import subprocess
import sys

program, library, instrumented = sys.argv[1:4]
ALLOWED = re.compile(r"^(linux-vdso|libsodium|libevent_extra-|libevent_core-|libc)\.?.*\.so|^linux-vdso\.so|^/lib.*/ld-linux")
FOREIGN = re.compile(r"^(relief|core|store|log|net|engine|views|conf|rpc|evidence|client|cli|scan|mdb|json|msgpack|jansson)_")

symbols = subprocess.run(["nm", library], capture_output=True, text=True, check=True).stdout
names = set(re.findall(r"^(?:[0-9a-f]+)? +[A-Za-z] (\S+)$", symbols, re.M))
errors = sorted(name for name in names if FOREIGN.match(name))
if "audit_log_file" not in names:
    errors.append("not the audit's library")
needed = re.findall(r"NEEDED\s+(\S+)", subprocess.run(["objdump", "-p", program], capture_output=True, text=True, check=True).stdout)
if instrumented in ("", "OFF"):
    errors += [name for name in needed if not ALLOWED.match(name)]
if not any(name.startswith("libsodium") for name in needed):
    errors.append("libsodium is not needed: not the program?")
print("\n".join(errors) or f"{len(names)} names, {len(needed)} libraries, all its own or the system's")
sys.exit(1 if errors else 0)
