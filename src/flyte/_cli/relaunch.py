"""Carries out `flyte rerun`: finds the run, and lets whoever ran it run it again."""

from collections.abc import Mapping, Sequence
from typing import Any

from flyte import _session
from flyte._cli.configured import load_config
from flyte._cli.launch import await_there, finish_here, options_of
from flyte._cli.problem import UsageProblem
from flyte._cli.run import RunFlags
from flyte._cli.state import settings
from flyte._config import Config
from flyte._remote.current import source_of
from flyte._rerun import Repeat, begin, look_up, submit
from flyte._sync import portal
from flyte_core.model import Action, RunMode, RunView


def relaunch(
    run: str,
    flags: RunFlags,
    inputs: Mapping[str, Any],
    *,
    action: str,
    recover: bool,
    force: Sequence[str],
    allow_missing: bool,
) -> None:
    """Run it again. Ends the command with exit code 1 when it does not succeed."""
    config = load_config()
    _session.init_from_config(config)
    found = portal().run(
        look_up(
            options_of(flags, "local" if flags.local else "remote"),
            run,
            action,
            recover,
            force,
            allow_missing,
            inputs,
        )
    )
    _carry_out(found, flags, config)


def launch_known(
    view: RunView, root: Action, data: bytes, inputs: Mapping[str, Any], flags: RunFlags
) -> None:
    """Run the task of a run's root with inputs, new ones before those in `data`, as a run of its own."""
    config = load_config().override(
        "the command line", project=flags.project or None, domain=flags.domain or None
    )
    _session.init_from_config(config)
    chosen = options_of(flags, "local" if flags.local else "remote")
    # The code of a local run fills in its own defaults.
    given = None if view.record.mode is RunMode.LOCAL else data
    _carry_out(Repeat(view, root, source_of(config), given, inputs, chosen), flags, config)


def _carry_out(found: Repeat, flags: RunFlags, config: Config) -> None:
    run = found.view.record.key.name
    if found.local:
        if flags.detach:
            raise UsageProblem(
                f"Run {run} is a local one: it runs in this process, which --detach would end.",
                hint="Leave out --detach.",
            )
        finish_here(begin(found), flags, config)
        return
    if flags.local:
        raise UsageProblem(
            f"Run {run} was run by a server, which has its code; this process has not.",
            hint="Leave out --local.",
        )
    await_there(portal().run(submit(found)), flags, config, progress=settings().progress)
