"""The command line of an attempt: what a task's template says and every worker understands.

`parse` serves cold processes, forked attempts and warm workers alike; `main` is the cold process.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from flyte_core.frozen import frozen
from flyte_core.supervision import INPUTS_VARIABLE


@frozen
class Options:
    """One attempt, as its command line tells it. Unfilled placeholders count as not given."""

    inputs: str = ""
    """Path or URI of the serialized `flyteidl2.task.Inputs`; need not exist when bytes are handed over."""
    outputs_path: str = ""
    """The attempt's directory: `outputs.pb` or `error.pb` is written there."""
    version: str = ""
    raw_data_path: str = ""
    checkpoint_path: str = ""
    prev_checkpoint: str = ""
    run_name: str = ""
    name: str = ""
    run_start_time: str = ""
    tgz: str = ""
    """Code bundle (`.tar.gz`): a path or an `http(s)` URL."""
    pkl: str = ""
    """Pickled task (`.pkl.gz`), instead of a bundle."""
    dest: str = "."
    image_cache: str = ""
    resolver: str = ""
    """Import path of the module that loads the task."""
    resolver_args: tuple[str, ...] = ()

    @property
    def started(self) -> datetime | None:
        """When the run began. None when the command line does not say."""
        if not self.run_start_time:
            return None
        at = datetime.fromisoformat(self.run_start_time)
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


class UsageError(Exception):
    """The command line is not one of an attempt."""


_NAMES = {
    "--" + field.name.replace("_", "-"): field.name
    for field in fields(Options)
    if field.name != "resolver_args"
}


def parse(argv: Sequence[str]) -> Options:
    """Read the command line; `argv` may begin with `a0` itself.

    Raises:
        UsageError: an unknown option, a value missing, or an unreadable start time.
    """
    words = list(argv)
    if words and not words[0].startswith("-"):
        del words[0]
    found: dict[str, str] = {}
    while words and words[0].startswith("--"):
        name, equals, value = words.pop(0).partition("=")
        if name not in _NAMES:
            raise UsageError(f"a0 has no option {name}; it has {', '.join(_NAMES)}")
        if not equals:
            if not words:
                raise UsageError(f"{name} needs a value")
            value = words.pop(0)
        if value not in ("", '""') and not value.startswith("{{"):
            found[_NAMES[name]] = value
    options = Options(**found, resolver_args=tuple(words))
    try:
        _ = options.started
    except ValueError:
        raise UsageError(
            f"--run-start-time {options.run_start_time!r} is not a time like 2026-01-31T12:00:00Z"
        ) from None
    return options


def main() -> NoReturn:
    """Run the attempt of this process's command line."""
    import faulthandler

    from flyte._runtime import attempt

    faulthandler.enable()
    try:
        options = parse(sys.argv[1:])
    except UsageError as error:
        print(f"a0: {error}", file=sys.stderr)
        sys.exit(2)
    given = os.environ.pop(INPUTS_VARIABLE, "")
    sys.exit(attempt.run(options, Path(given).read_bytes() if given else None))


if __name__ == "__main__":
    from flyte._runtime import a0  # not this copy of the module: classes must be one

    a0.main()
