"""The descendants of a process, from `/proc`."""

from contextlib import suppress
from pathlib import Path


def family(pid: int) -> dict[int, str]:
    """Process id -> command line of the process and all its descendants."""
    parents, shown = {}, {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            shown[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
    found = {pid}
    while born := {child for child, parent in parents.items() if parent in found} - found:
        found |= born
    return {one: shown[one] for one in sorted(found) if one in shown}
