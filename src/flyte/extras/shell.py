"""Shell scripts as tasks; see `create`."""

from flyte._programs.shell import FlagSpec, Glob, ShellTask, Stderr, Stdout, create

__all__ = ["FlagSpec", "Glob", "ShellTask", "Stderr", "Stdout", "create"]
