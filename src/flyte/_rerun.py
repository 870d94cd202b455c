"""Running what was run before: with the same code and inputs, or others, or only what did not succeed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flyte import _session
from flyte._run import LocalStart, RunOptions
from flyte._sync import portal
from flyte.errors import DeclarationError, RuntimeUserError
from flyte_core.frozen import frozen

if TYPE_CHECKING:
    from flyte._remote.run import Run
    from flyte._remote.source import Source
    from flyte_core.model import Action, RunView


@frozen
class Repeat:
    """What is to be repeated: a run, the action that gives task and inputs, and how."""

    view: "RunView"
    action: "Action"
    source: "Source"
    data: bytes | None
    """Serialized inputs of the action; None when they are gone, and new ones stand for all of them."""
    inputs: Mapping[str, Any]
    """New values by name."""
    options: RunOptions

    @property
    def local(self) -> bool:
        """Whether a process like this one drove the run, rather than a server."""
        from flyte_core.model import RunMode

        return self.view.record.mode is RunMode.LOCAL


class RerunCall:
    """`flyte.rerun`: blocks when called, and is awaited as `.aio`."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options

    def __call__(
        self,
        run_name: str,
        action_name: str = "a0",
        recover: bool = False,
        force_rerun_actions: Sequence[str] | None = None,
        allow_missing_source_outputs: bool = False,
        **inputs: Any,
    ) -> "Run":
        """Run again what was run before, as a new run.

        A run of a server is run by the server, from the code it has; nothing is needed here. A local
        run is run in this process, from the file it came from.

        Args:
            run_name: The run to repeat.
            action_name: Of that run: the new run consists of this action alone, with what it calls.
            recover: Take over what succeeded, and run only the rest; the root always runs.
            force_rerun_actions: With `recover`, actions that run again although they succeeded.
            allow_missing_source_outputs: Go on when the old run's outputs are not there any more.
            inputs: New values; the others stay as they were.

        Raises:
            RunNotFoundError, ActionNotFoundError: there is no such thing to repeat.
            flyte.errors.BaseRuntimeError: an input does not fit, the code is gone; or a local run failed.
        """
        found = portal().run(
            look_up(
                self._options,
                run_name,
                action_name,
                recover,
                force_rerun_actions,
                allow_missing_source_outputs,
                inputs,
            )
        )
        if not found.local:
            return portal().run(submit(found))
        local = begin(found)
        local.finish()
        if local.error is not None:
            raise local.error.with_traceback(None)
        return local.handle()

    async def aio(
        self,
        run_name: str,
        action_name: str = "a0",
        recover: bool = False,
        force_rerun_actions: Sequence[str] | None = None,
        allow_missing_source_outputs: bool = False,
        **inputs: Any,
    ) -> "Run":
        """The same for code on an event loop."""
        found = await look_up(
            self._options,
            run_name,
            action_name,
            recover,
            force_rerun_actions,
            allow_missing_source_outputs,
            inputs,
        )
        if not found.local:
            return await submit(found)
        local = begin(found)
        await local.finish_aio()
        if local.error is not None:
            raise local.error.with_traceback(None)
        return await local.handle_aio()


async def look_up(
    options: RunOptions,
    run_name: str,
    action_name: str = "a0",
    recover: bool = False,
    force: Sequence[str] | None = None,
    allow_missing: bool = False,
    inputs: Mapping[str, Any] | None = None,
) -> Repeat:
    """Find what is to be repeated, and refuse what makes no sense, before anything is created.

    Raises:
        RunNotFoundError, ActionNotFoundError: there is no such thing.
        DeclarationError: the options contradict each other.
        RuntimeUserError: what is to be recovered has not ended.
        RuntimeSystemError: the old inputs are gone.
    """
    from flyte._remote.current import source_of
    from flyte_core.model import ROOT, ActionKey, ActionName

    if recover and action_name != ROOT:
        raise DeclarationError(
            f"recover and action_name={action_name!r} exclude each other: what succeeded is found by its name, "
            "and names begin at the root of the run.",
            hint="Leave out one of them.",
        )
    if force and not recover:
        raise DeclarationError(
            "force_rerun_actions means something only with recover; without it everything runs again.",
            hint="Add recover=True, or leave it out.",
        )
    session = _session.current()
    config = session.config.override(
        "the run", project=options.project or None, domain=options.domain or None
    )
    source = source_of(config, local="local" in (options.mode, session.mode))
    key = source.scope.run(run_name)
    view = await source.run(key)
    action = await source.action(ActionKey(key, ActionName(action_name)))
    if recover:
        _require_ended(view)
        for name in force or ():
            await source.action(ActionKey(key, ActionName(name)))
    return Repeat(
        view=view,
        action=action,
        source=source,
        data=await _inputs(source, action, inputs or {}, allow_missing),
        inputs=inputs or {},
        options=replace(
            options,
            related_run=run_name,
            relation="recover" if recover else "rerun",
            force_rerun=tuple(force or ()),
        ),
    )


async def submit(found: Repeat) -> "Run":
    """Let the server run it again."""
    from flyte._remote.again import submit_again

    if found.options.mode == "local":
        raise DeclarationError(
            f"Run {found.view.record.key.name} was run by a server, which has its code; this process has not.",
            hint="Leave out mode='local'.",
        )
    return await submit_again(found)


def begin(found: Repeat) -> LocalStart:
    """Record the new run of this process.

    Raises:
        ModuleLoadError: the code is gone.
    """
    from flyte._runtime.recorded import task_of
    from flyte._types.interface import codec_of_task

    record = found.view.record
    task = task_of(record, found.action)
    old: dict[str, Any] = {}
    context: dict[str, str] = {}
    if found.data is not None:
        old, context = codec_of_task(task).decode_inputs(found.data)
    _require_known(found, tuple(each.name for each in task.interface.inputs))
    args, kwargs = task.interface.arguments({**old, **found.inputs})
    options = replace(
        found.options,
        project=record.key.project,
        domain=record.key.domain,
        labels={**record.labels, **found.options.labels},
        env_vars={**record.env, **found.options.env_vars},
        custom_context={**context, **found.options.custom_context},
        max_action_concurrency=found.options.max_action_concurrency or record.max_action_concurrency,
        root_dir=found.options.root_dir or Path(record.root_dir),
    )
    return LocalStart(task, args, kwargs, options)


def _require_ended(view: "RunView") -> None:
    if not view.root.phase.terminal:
        name = view.record.key.name
        raise RuntimeUserError(
            f"Run {name} has not ended (it is {view.root.phase.value}): there is nothing to recover yet.",
            hint=f"Wait for it, or abort it first: flyte abort run {name}",
        )


def _require_known(found: Repeat, names: Sequence[str]) -> None:
    """Refuse inputs that the task does not have."""
    for name in found.inputs:
        if name not in names:
            raise DeclarationError(
                f"Task {found.action.spec.task_name} has no input {name!r}.",
                hint=f"Its inputs: {', '.join(names) or 'none'}.",
            )


async def _inputs(
    source: "Source", action: "Action", inputs: Mapping[str, Any], allow_missing: bool
) -> bytes | None:
    """The old inputs; None when they cannot be had and are not needed, or their address is enough."""
    from flyte.errors import RuntimeSystemError

    try:
        return await source.payload(action, "inputs") or b""
    except RuntimeSystemError:
        if allow_missing or covered(action, inputs):
            return None
        raise


def covered(action: "Action", inputs: Mapping[str, Any]) -> bool:
    """Whether new values are given for every input."""
    from flyte_core.model import ActionKind
    from flyte_core.wire import specs

    message: Any = specs.message_of(action.spec, ActionKind.TASK)
    return all(each.key in inputs for each in message.task_template.interface.inputs.variables)


rerun = RerunCall(RunOptions())
