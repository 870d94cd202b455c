"""Running a task: in this process, or on a server."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec

from flyte import _session
from flyte._authoring.policies import check_concurrency
from flyte._authoring.task import Task
from flyte._log import LogChoice
from flyte._runtime import FULL_TRACEBACK
from flyte._runtime.imports import about_to_run
from flyte._session import Mode
from flyte._sync import portal
from flyte.errors import BaseRuntimeError, DeclarationError
from flyte_core.frozen import frozen

if TYPE_CHECKING:
    from flyte._notify import Notification
    from flyte._remote.run import Run
    from flyte._rerun import RerunCall

P = ParamSpec("P")

CopyStyle = Literal["loaded_modules", "all", "none"]


@frozen
class RunOptions:
    """How a task is to be run; what the command line, Python and the wire have in common.

    Empty texts and `None` mean: as configured, or made up.
    """

    mode: Literal["local", "remote"] | None = None
    name: str = ""
    project: str = ""
    domain: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    env_vars: Mapping[str, str] = field(default_factory=dict)
    custom_context: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    copy_style: CopyStyle = "loaded_modules"
    copy_bundle_to: Path | None = None
    dry_run: bool = False
    root_dir: Path | None = None
    sync_sys_paths: bool = True
    """Whether workers import from the same folders below the root as this process."""
    raw_data_path: str = ""
    run_start_time: datetime | None = None
    overwrite_cache: bool = False
    disable_run_cache: bool = False
    cache_lookup_scope: str = ""
    max_action_concurrency: int = 0
    interruptible: bool | None = None
    queue: str = ""
    service_account: str = ""
    interactive_mode: bool | None = None
    debug: bool = False
    notifications: tuple[Any, ...] = ()
    related_run: str = ""
    relation: Literal["", "rerun", "recover"] = ""
    force_rerun: tuple[str, ...] = ()
    """Of a run that recovers another: actions that are executed again nevertheless."""
    echo: Literal["std", "stderr", "none"] = "std"
    """Where a local run shows what its tasks print: each stream on its own, all on stderr, or nowhere."""


class Runner:
    """Runs tasks with options: `flyte.with_runcontext(name="nightly").run(task, x=1)`."""

    def __init__(self, options: RunOptions) -> None:
        self.options = options

    @property
    def run(self) -> "RunCall":
        """Run a task; see `flyte.run`."""
        return RunCall(self.options)

    @property
    def rerun(self) -> "RerunCall":
        """Run again what was run before; see `flyte.rerun`. Options of the old run hold where none is given."""
        from flyte._rerun import RerunCall

        return RerunCall(self.options)


class RunCall:
    """`flyte.run`: blocks when called, and is awaited as `.aio`."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options

    def __call__(self, task: Task[P, Any], *args: P.args, **kwargs: P.kwargs) -> "Run":
        """Run a task as the root of a new run.

        After `init_from_config`, or with an endpoint, the run goes to a server and this returns as
        soon as it is recorded there. Otherwise the task runs in this process, recorded in the same
        history, and this returns when it has ended.

        Raises:
            flyte.errors.BaseRuntimeError: a local run failed; or the run could not be created.
        """
        check(task)
        if _mode(self._options) == "remote" or self._options.dry_run:
            return portal().run(_submitted(task, args, kwargs, self._options))
        local = LocalStart(task, args, kwargs, self._options)
        local.finish()
        if local.error is not None:
            raise local.error.with_traceback(None)
        return local.handle()

    async def aio(self, task: Task[P, Any], *args: P.args, **kwargs: P.kwargs) -> "Run":
        """The same for code on an event loop."""
        check(task)
        if _mode(self._options) == "remote" or self._options.dry_run:
            return await _submitted(task, args, kwargs, self._options)
        local = LocalStart(task, args, kwargs, self._options)
        await local.finish_aio()
        if local.error is not None:
            raise local.error.with_traceback(None)
        return await local.handle_aio()


class LocalStart:
    """A run of this process that has been recorded, and is now to be driven to its end.

    Attributes:
        key: What names it.
        error: Why it failed, once it has.
    """

    def __init__(
        self, task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], options: RunOptions
    ) -> None:
        from flyte._controller import start

        args, kwargs = _arguments(task, args, kwargs)
        self._home, self._root = start.begin(task, args, kwargs, options)
        self._task = task
        self._options = options
        self.key = self._root.run.key
        self.error: BaseRuntimeError | None = None

    def finish(self) -> None:
        """Drive it on this thread (a sync task) or on the portal (an async one), to its end."""
        if self._task.is_async:
            portal().run(self.finish_aio())
            return
        with self._home.watched(self._root.run):
            try:
                self._root.drive()
            except BaseRuntimeError as error:
                self.error = error

    async def finish_aio(self) -> None:
        """Drive it on the running loop; a sync task's body on a thread."""
        with self._home.watched(self._root.run):
            try:
                await self._root.adrive()
            except BaseRuntimeError as error:
                self.error = error

    def handle(self) -> "Run":
        """The run as users see it."""
        return portal().run(self.handle_aio())

    async def handle_aio(self) -> "Run":
        """The same for code on an event loop."""
        from flyte._remote.current import source_of
        from flyte._remote.run import Run
        from flyte._types.interface import codec_of_task

        config = _session.current().config.override(
            "the run", project=self.key.project, domain=self.key.domain, home=self._home.layout.home
        )
        source = source_of(config, local=True)
        return Run(await source.run(self.key), source, codec_of_task(self._task))


def _mode(options: RunOptions) -> Mode:
    return options.mode or _session.current().mode


async def _submitted(
    task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], options: RunOptions
) -> "Run":
    from flyte._remote.submit import submit_run

    args, kwargs = _arguments(task, args, kwargs)
    return await submit_run(task, args, kwargs, options)


def _arguments(
    task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """Arguments of a run; what another run returned stands for its value."""
    from flyte._remote.values import argument

    names = task.interface.positional
    given = tuple(argument(task, name, value) for name, value in zip(names, args, strict=False))
    more = {name: argument(task, name, value) for name, value in kwargs.items()}
    return (*given, *args[len(names) :]), more


def check(task: object) -> None:
    """Refuse what cannot be run.

    Raises:
        DeclarationError: it is no task.
        RunStarted: a module that is only imported for its tasks wants to run one.
    """
    about_to_run()
    if not isinstance(task, Task):
        name = getattr(task, "__name__", repr(task))
        raise DeclarationError(
            f"{name} is no task, so it cannot be run.",
            hint="Decorate the function with @env.task, where env = flyte.TaskEnvironment(name=...).",
        )


run = RunCall(RunOptions())


def with_runcontext(
    mode: Literal["local", "remote", "hybrid"] | None = None,
    *,
    name: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    env_vars: Mapping[str, str] | None = None,
    custom_context: Mapping[str, str] | None = None,
    version: str | None = None,
    copy_style: CopyStyle = "loaded_modules",
    copy_bundle_to: str | Path | None = None,
    dry_run: bool = False,
    interactive_mode: bool | None = None,
    raw_data_path: str | None = None,
    run_base_dir: str | None = None,
    run_start_time: datetime | None = None,
    overwrite_cache: bool = False,
    disable_run_cache: bool = False,
    cache_lookup_scope: Literal["global", "project-domain"] | None = None,
    max_action_concurrency: int | None = None,
    on_divergence: Literal["tell", "fail"] = "tell",
    interruptible: bool | None = None,
    queue: str | None = None,
    service_account: str | None = None,
    notifications: "Notification | tuple[Notification, ...] | None" = None,
    preserve_original_types: bool = False,
    debug: bool = False,
    tracked: bool = False,
    tracked_strict: bool = False,
    log_level: int | None = None,
    log_format: str | None = None,
    user_log_level: int | None = None,
    reset_root_logger: bool = False,
) -> Runner:
    """Run tasks with options: `flyte.with_runcontext(mode="local", name="nightly").run(task, x=1)`.

    Args:
        mode: `local`: in this process; `remote`: on the server. As the session says unless given.
        name: Of the run: 1 to 30 lower-case letters, digits and hyphens.
        labels: To find the run by.
        annotations: Kept with the run.
        env_vars: Environment variables for every action of the run.
        custom_context: Texts for every action of the run; see `flyte.custom_context`.
        version: Of the code, instead of its bundle's digest.
        copy_style: Which code goes to the server: the modules that are loaded, all files, or none.
        copy_bundle_to: A folder that gets a copy of the code bundle.
        dry_run: Prepare everything, and create no run.
        interactive_mode: Whether the code goes as a pickle; by default when it has no file.
        raw_data_path: Where large values go.
        run_base_dir: Refused: a run's files lie in the data directory.
        run_start_time: What tasks read as the instant at which the run began.
        overwrite_cache: Run everything, and let the cache have the new outcomes.
        disable_run_cache: Do not ask the cache.
        cache_lookup_scope: Whose outcomes may be used: those of the run's project and domain
            (`project-domain`, as by default), or everybody's (`global`).
        log_level: Of the SDK's own logger, here and in the run's actions; `user_log_level`: of
            `flyte.logger`; `log_format`: `console` or `json`; `reset_root_logger`: take the root
            logger's handlers away.
        max_action_concurrency: At most so many actions of the run at once; 0: any number. The root does
            not count, nor does one that waits for its children.
        on_divergence: What becomes of a task that runs again and calls other tasks than before:
            `tell`: the run shows it; `fail`: the task fails, with code `REPLAY_DIVERGED`.
        interruptible: Kept with the run, as are `queue` and `service_account`: of no effect on one machine.
        notifications: Whom to tell when the run ends; see `flyte.notify`.
        preserve_original_types: There for scripts that pass it: types are always preserved.
        debug: Errors show every frame, those of the SDK too.
        tracked: There for scripts that pass it, as is `tracked_strict`: local runs are always recorded.
        log_level: Of the SDK's own logger, here and in workers; `user_log_level`: of `flyte.logger`.
        log_format: `console` or `json`.
        reset_root_logger: Take away the handlers of the root logger.

    Raises:
        DeclarationError: an option has a value that means nothing.
    """
    logs = LogChoice(log_level, user_log_level, log_format, reset_root_logger)
    if logs != LogChoice():
        logs.apply()
    if run_base_dir:
        raise DeclarationError(
            f"run_base_dir={run_base_dir!r}: a run's files lie in the data directory.",
            hint="For large values use raw_data_path; for another data directory the variable FLYTE_HOME.",
        )
    variables = {
        **logs.variables(),
        **_texts("env_vars", env_vars),
        **_on_divergence(on_divergence),
        **_cache_scope(cache_lookup_scope),
        **({FULL_TRACEBACK: "1"} if debug else {}),
    }
    return Runner(
        RunOptions(
            mode=_checked_mode(mode),
            name=name or "",
            project=project or "",
            domain=domain or "",
            labels=_texts("labels", labels),
            annotations=_texts("annotations", annotations),
            env_vars=variables,
            custom_context=_texts("custom_context", custom_context),
            version=version or "",
            copy_style=copy_style,
            copy_bundle_to=None if copy_bundle_to is None else Path(copy_bundle_to),
            dry_run=dry_run,
            interactive_mode=interactive_mode,
            raw_data_path=raw_data_path or "",
            run_start_time=run_start_time,
            overwrite_cache=overwrite_cache,
            disable_run_cache=disable_run_cache,
            cache_lookup_scope=cache_lookup_scope or "",
            max_action_concurrency=check_concurrency(max_action_concurrency),
            interruptible=interruptible,
            queue=queue or "",
            service_account=service_account or "",
            notifications=_checked_notifications(notifications),
            debug=debug,
        )
    )


def _checked_mode(mode: object) -> Mode | None:
    if mode in (None, "local", "remote"):
        return mode
    if mode == "hybrid":
        raise DeclarationError(
            "mode='hybrid' is not supported: a run is driven in one place.",
            hint='Use mode="remote"; the server of this machine sees the same files and packages.',
        )
    raise DeclarationError(f"mode={mode!r} is unknown.", hint='Use "local" or "remote".')


def _checked_notifications(given: object) -> tuple[Any, ...]:
    if given is None:
        return ()
    from flyte._notify import checked

    return checked(tuple(given) if isinstance(given, tuple | list) else (given,))


def _on_divergence(what: str) -> Mapping[str, str]:
    """As a variable of the run, since the wire has no field for it."""
    if what == "tell":
        return {}
    if what != "fail":
        raise DeclarationError(f"on_divergence={what!r} is unknown.", hint='Use "tell" or "fail".')
    from flyte_core.supervision import ON_DIVERGENCE

    return {ON_DIVERGENCE: what}


def _cache_scope(scope: str | None) -> Mapping[str, str]:
    """As a variable of the run: clients that say nothing send `global` all the same."""
    if scope in (None, "project-domain"):
        return {}
    if scope != "global":
        raise DeclarationError(
            f"cache_lookup_scope={scope!r} is unknown.", hint='Use "global" or "project-domain".'
        )
    from flyte_core.supervision import CACHE_LOOKUP_SCOPE

    return {CACHE_LOOKUP_SCOPE: scope}


def _texts(what: str, given: Mapping[str, str] | None) -> Mapping[str, str]:
    for key, value in (given or {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise DeclarationError(f"{what} holds {key!r}: {value!r}.", hint="Keys and values are text.")
    return dict(given or {})
