"""What the machine must give before a run begins."""

import resource

from sources.errors import LocalError

_LEAST_ADDRESS_SPACE = 4_000_000_000  # bytes; below 2.5 GB, DuckDB and Arrow were seen to abort or hang for a thread


def require_address_space() -> None:
    """Ends the run before it begins if its address space is limited to less than its libraries reserve.

    They reserve far more than they use, and where a thread cannot be had they abort or wait for ever, which nobody
    can catch. A limit on resident memory (a cgroup, systemd's MemoryMax=) does not matter here.

    Raises:
        LocalError: naming the limit.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit not in (resource.RLIM_INFINITY, -1) and limit < _LEAST_ADDRESS_SPACE:
        raise LocalError(
            f"address space is limited to {limit / 1e6:,.0f} MB (ulimit -v), and the sync reserves up to "
            f"{_LEAST_ADDRESS_SPACE / 1e6:,.0f} MB: raise the limit, or bound the memory in use with a cgroup"
        )
