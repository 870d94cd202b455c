"""What this machine has to give, and what cannot be had here."""

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
    """Why the request can never be met; None when it can, with fewer CPUs and less memory if need be."""
    had = 0 if request.device_kind else there.gpu
    if request.gpu <= had:
        return None
    kind = request.device_kind or "GPU"
    asked = f"{request.gpu} {kind}{'' if request.gpu == 1 else 's'}"
    model = f" ({request.device})" if request.device else ""
    return (
        f"It asks for {asked}{model}; this machine has {had or 'none'}. "
        "Ask for fewer, or run it where nothing is counted: flyte run --local"
    )


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
