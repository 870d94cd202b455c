"""Carries out `flyte run` and `flyte rerun`: the three lines, the wait, and the words when it does not go well."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import click

from flyte import _server, _session
from flyte._cli import values, words
from flyte._cli.configured import load_config
from flyte._cli.get.logs import show
from flyte._cli.history import History, open_history
from flyte._cli.lazy import unswept
from flyte._cli.problem import mute_stdout, say, words_only
from flyte._cli.progress import Progress
from flyte._cli.render import emit_json
from flyte._cli.run import RunFlags
from flyte._cli.state import Settings, settings
from flyte._cli.tasks import TaskEntry
from flyte._cli.vigil import Vigil
from flyte._config import Config
from flyte._remote.run import Run
from flyte._run import LocalStart, Runner, RunOptions
from flyte._runtime import FULL_TRACEBACK
from flyte_core.model import Phase, RunKey

SUCCESS = "Run 'a0' completed successfully."
INTERRUPTED = 130
_HAS_FRAMES = "Traceback (most recent call last):\n  File "
"""How a traceback begins that says more than the error itself."""
_FAILED = (Phase.FAILED, Phase.TIMED_OUT, Phase.ABORTED)


def launch(entry: TaskEntry, inputs: Mapping[str, Any], flags: RunFlags, given: Settings) -> None:
    """Run the task as its flags say. Ends the command with exit code 1 when it does not succeed."""
    config = load_config().override("the command line", images=flags.images or None)
    logs = given.logs()
    logs.apply()
    flags = replace(flags, env={**logs.variables(), **flags.env})
    if flags.tui:
        from flyte._cli.tui import require_tui

        require_tui()
    _session.init_from_config(config, root_dir=entry.root_dir)
    if flags.local or _must_stay_here(config):
        _run_here(entry, inputs, flags, config)
    else:
        _run_on_server(entry, inputs, flags, config, progress=given.progress)


def _must_stay_here(config: Config) -> bool:
    """Whether there is no server and none may be started."""
    if config.endpoint or config.autostart or _server.status(config.home) is not None:
        return False
    say("No server runs and none may be started (FLYTE_AUTOSTART=0): running in this process.")
    return True


def options_of(flags: RunFlags, mode: str) -> RunOptions:
    return RunOptions(
        mode="local" if mode == "local" else "remote",
        name=flags.name,
        project=flags.project,
        domain=flags.domain,
        labels=flags.labels,
        env_vars={**flags.env, **({FULL_TRACEBACK: "1"} if flags.debug else {})},
        copy_style=flags.copy_style,
        sync_sys_paths=not flags.no_sync_local_sys_paths,
        version=flags.version,
        raw_data_path=flags.raw_data_path,
        max_action_concurrency=flags.max_action_concurrency,
        queue=flags.queue,
        service_account=flags.service_account,
        debug=flags.debug,
        echo="none" if flags.tui else "std" if flags.follow and not flags.as_json() else "stderr",
    )


def _run_here(entry: TaskEntry, inputs: Mapping[str, Any], flags: RunFlags, config: Config) -> None:
    with unswept():
        start = LocalStart(entry.task, (), dict(inputs), options_of(flags, "local"))
    finish_here(start, flags, config)


def finish_here(start: LocalStart, flags: RunFlags, config: Config) -> None:
    """In this process. What the tasks print is shown while it happens: on stderr, or with --follow as it is."""
    run = start.handle()
    _begin(run, flags)
    if _server.status(config.home) is None:
        say("To open the URL: flyte start server")
    try:
        if flags.tui:
            _watch(run, config, start.finish)
        elif flags.follow and not flags.as_json():
            start.finish()
        else:
            with words_only():
                start.finish()
    except KeyboardInterrupt:
        say(f"\nInterrupted: run {run.name} was aborted. What it did: flyte get action {run.name} --tree")
        raise click.exceptions.Exit(INTERRUPTED) from None
    if start.error is not None and not run.phase.terminal:
        # Not the task's failure: its end could not be recorded.
        raise start.error
    _conclude(run.name, flags, local=True)


def _run_on_server(
    entry: TaskEntry, inputs: Mapping[str, Any], flags: RunFlags, config: Config, *, progress: bool
) -> None:
    with unswept():
        run = Runner(options_of(flags, "remote")).run(entry.task, **inputs)
    await_there(run, flags, config, progress=progress)


def await_there(run: Run, flags: RunFlags, config: Config, *, progress: bool) -> None:
    """A run that a server has: wait for its end, unless it is to be left to itself."""
    _begin(run, flags)
    if flags.detach:
        if flags.as_json():
            _json(open_history(flags.project, flags.domain).run(run.name), flags)
        return
    try:
        with Vigil(config):
            if flags.tui:
                _watch(run, config)
            _wait(run, flags, progress=progress)
    except KeyboardInterrupt:
        say(
            f"\nDetached: run {run.name} goes on.\n"
            f"  Watch it:  flyte get logs {run.name} --follow\n"
            f"  Look:      flyte get run {run.name}\n"
            f"  Abort it:  flyte abort run {run.name}"
        )
        raise click.exceptions.Exit(INTERRUPTED) from None
    _conclude(run.name, flags)


def _watch(run: Run, config: Config, work: Callable[[], None] | None = None) -> None:
    """In the terminal's console, until it is left; `work` drives the run meanwhile."""
    from flyte._cli.tui.app import Console
    from flyte._remote.current import source_of

    key = RunKey(run.project, run.domain, run.name)
    Console(source_of(config, local=work is not None), poll_s=0.3, run=key, work=work).run()


def _wait(run: Run, flags: RunFlags, *, progress: bool) -> None:
    """Until the run has ended; with --follow its log is shown meanwhile."""
    if flags.follow:
        tell = say if flags.as_json() else _line
        for line in open_history(flags.project, flags.domain).logs(run.name, "a0", None).follow():
            tell(show(line))
    history = open_history(flags.project, flags.domain)
    title = f"{run.task_name} ({run.name})"
    with Progress(
        title, enabled=progress and not flags.follow, look=lambda: _progress(history, title, run.name)
    ):
        for _ in run.watch():
            pass


def _progress(history: History, title: str, name: str) -> str:
    """`my_env.main (r3kd...): 12 actions, 3 running, 9 succeeded`."""
    counts = history.counts(name)
    shown = [f"{number} {phase.value.replace('_', ' ')}" for phase, number in counts.by_phase.items()]
    return f"{title}: {', '.join([words.plural(counts.total, 'action'), *shown])}"


def _begin(run: Run, flags: RunFlags) -> None:
    """The first two lines."""
    if not flags.as_json():
        _line(run.name)
        _line(run.url)


def _json(found: Mapping[str, Any], flags: RunFlags) -> None:
    emit_json(found, flags.style or settings().style)


def _line(text: str) -> None:
    """A line of data. A reader that has heard enough (`| head -1`) does not end the run."""
    try:
        click.echo(text)
    except BrokenPipeError:
        mute_stdout()


def _conclude(name: str, flags: RunFlags, *, local: bool = False) -> None:
    """The last line, on stdout when all went well; else what failed, on stderr."""
    opened = open_history(flags.project, flags.domain, local=local)
    actions = opened.actions(name, _FAILED)
    root = opened.action(name, "a0")
    if flags.as_json():
        _json(opened.run(name), flags)
    if Phase(root["phase"]).good:
        if not flags.as_json():
            _line(SUCCESS)
        return
    culprit = _culprit(root, actions)
    say(f"Run 'a0' {_HOW[Phase(root['phase'])]}.")
    say(
        f"Action {culprit['short_name']} ({culprit['name']}): {values.error_line(culprit['error'])}".rstrip(
            ": "
        )
    )
    trace = (culprit["error"] or {}).get("traceback", "")
    if trace.startswith(_HAS_FRAMES):
        say(trace.rstrip("\n"))
    say(f"  Its logs: flyte get logs {name} {culprit['name']}")
    raise click.exceptions.Exit(1)


_HOW = {
    Phase.FAILED: "failed",
    Phase.TIMED_OUT: "timed out",
    Phase.ABORTED: "was aborted",
}


def _culprit(root: Mapping[str, Any], failed: list[dict[str, Any]]) -> Mapping[str, Any]:
    """Where the error of the root came from: down the actions that failed with the same error."""
    culprit = root
    while True:
        below = [
            action
            for action in failed
            if action["parent"] == culprit["name"] and _same(action["error"], culprit["error"])
        ]
        if not below:
            return culprit
        culprit = min(below, key=lambda action: action["end_time"])


def _same(error: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    return (
        error is not None
        and other is not None
        and (error["code"], error["message"]) == (other["code"], other["message"])
    )
