"""Begins a local run: everything that is recorded of it before its first line of user code."""

import os
import random
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flyte import _failures, _log, _server, _session
from flyte._account import account
from flyte._authoring.task import Task
from flyte._context import RunInfo
from flyte._controller.home import Home, echo, home_at
from flyte._controller.local import LocalRun, Root
from flyte._controller.options import run_message
from flyte._controller.spec import Place
from flyte._controller.submission import root
from flyte._packaging.files import root_of
from flyte_core import naming, process
from flyte_core.model import ActionName, CoreError, Digest, RunKey, RunMode, RunRecord
from flyte_core.supervision import DATAFLOW

if TYPE_CHECKING:
    from flyte._run import RunOptions


def begin(
    task: Task[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], options: "RunOptions"
) -> tuple[Home, Root]:
    """Record a run of this process, and its root action.

    Raises:
        TypeError: the arguments do not fit the task.
        flyte.errors.BaseRuntimeError: a value does not, the name is taken, or nothing can be recorded.
    """
    _log.LogChoice().apply()
    session = _session.current()
    config = session.config
    place = Place(
        options.project or config.project,
        options.domain or config.domain,
        options.version,
        root_dir=options.root_dir or session.root_dir,
    )
    use_cache = config.local_cache_enabled and not options.disable_run_cache
    call = root(
        task,
        args,
        kwargs,
        place,
        custom_context=options.custom_context,
        use_cache=use_cache,
    )
    try:
        name = (
            naming.check_run_name(options.name)
            if options.name
            else naming.new_run_name(random.SystemRandom())
        )
        home = home_at(config.home)
        key = RunKey(place.project, place.domain, name)
        run_spec = run_message(options).SerializeToString(deterministic=True)
        record = RunRecord(
            key=key,
            mode=RunMode.LOCAL,
            created_at=home.ledger.clock.now(),
            task_name=task.name,
            owner=process.identity(),
            created_by=account(),
            labels=dict(options.labels),
            run_spec=run_spec,
            env={**_own_env(), **options.env_vars},
            content_digest=Digest(naming.digest(call.spec.digest, call.inputs, run_spec)),
            related_run=options.related_run,
            relation=options.relation,
            overwrite_cache=options.overwrite_cache,
            max_action_concurrency=options.max_action_concurrency,
            force_rerun=tuple(ActionName(name) for name in options.force_rerun),
            interpreter=sys.executable,
            root_dir=str(root_of(task, place.root_dir)),
        )
        info = RunInfo(
            key,
            "local",
            run_base_dir=str(home.layout.run(key)),
            run_start_time=options.run_start_time or datetime.now(UTC),
            version=options.version or task.version,
            custom_context=options.custom_context,
            disable_run_cache=not use_cache,
            raw_data_path=options.raw_data_path,
        )
        run = LocalRun(
            home.ledger,
            record,
            info,
            place,
            echo(options.echo),
            notified=bool(options.notifications),
            url=_server.base_url(config.home, config.port),
        )
        return home, run.begin(call)
    except CoreError as error:
        raise _failures.of_core(error) from error


def _own_env() -> dict[str, str]:
    """What history has to know of this process's variables: whether it takes notes of how data flows."""
    return {name: os.environ[name] for name in (DATAFLOW,) if name in os.environ}
