"""Where a process runs, so that the next one on this machine knows at once that it is dead.

A place is `<boot id> <PID namespace> <process id> <start time>`: the first two say whether we can see that process at
all, the last that a process id was given out again.
"""

import os
from pathlib import Path


def own_place() -> str | None:
    """This process. None where the system does not tell (no /proc)."""
    return _place(os.getpid())


def is_gone(place: str) -> bool:
    """True when a process that ran on this machine does not run any more; False as well where nobody can tell."""
    here = own_place()
    boot, namespace, process, _ = place.split(" ")
    if here is None or here.split(" ")[:2] != [boot, namespace]:
        return False
    return _place(int(process)) != place


def _place(process: int) -> str | None:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
        # The name stands in brackets and may hold anything; the start time is the 20th field after it
        # (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html).
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else f"{boot} {namespace} {process} {fields[19]}"
