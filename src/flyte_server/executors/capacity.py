"""What this machine has to give, and what it can never give."""

import os
from pathlib import Path

from flyte_core.model import ResourceRequest

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def machine() -> ResourceRequest:
    """CPUs this process may use, memory of the machine or of its container, GPU devices."""
    return ResourceRequest(
        cpu=float(len(os.sched_getaffinity(0))),
        memory_bytes=_memory_bytes(),
        gpu=sum(1 for each in Path("/dev").glob("nvidia[0-9]*") if each.name[6:].isdigit()),
    )


def impossible(request: ResourceRequest, there: ResourceRequest) -> str | None:
    """Why the request exceeds what there is; None when it does not."""
    if request.cpu is not None and there.cpu is not None and request.cpu > there.cpu:
        return f"It asks for {request.cpu:g} CPUs; this machine has {there.cpu:g}."
    if (
        request.memory_bytes is not None
        and there.memory_bytes is not None
        and request.memory_bytes > there.memory_bytes
    ):
        asked, had = (f"{size / 2**20:,.0f} MiB" for size in (request.memory_bytes, there.memory_bytes))
        return f"It asks for {asked} of memory; this machine has {had}."
    if request.gpu > there.gpu:
        return f"It asks for {request.gpu} GPUs; this machine has {there.gpu}."
    return None


def _memory_bytes() -> int:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total
