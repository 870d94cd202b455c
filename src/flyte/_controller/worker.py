"""Where a body stands when a server runs it: what its command line and environment say."""

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flyte._context import RunInfo, TaskContext
from flyte._controller.calls import ControllerCalls
from flyte._controller.protocol import Controller
from flyte._controller.spec import Place
from flyte.errors import RuntimeSystemError

if TYPE_CHECKING:
    from flyte._authoring.task import Task
    from flyte._runtime.context import AttemptContext


def task_context(task: "Task[..., Any]", attempt: "AttemptContext") -> tuple[TaskContext, ControllerCalls]:
    """The context of one attempt in a worker, and what makes actions of its calls.

    Nothing is connected until the body calls a task.
    """
    options = attempt.options
    run = attempt.key.run
    place = Place(run.project, run.domain, options.version, tgz=options.tgz, pkl=options.pkl)
    info = RunInfo(
        run,
        "remote",
        run_base_dir=attempt.run_base,
        run_start_time=options.started or datetime.fromtimestamp(0, UTC),
        version=options.version,
        code_bundle=options.tgz or options.pkl,
        disable_run_cache=attempt.disable_run_cache,
    )
    calls = ControllerCalls(
        functools.partial(_connect, attempt),
        place,
        replays=attempt.attempt > 1,
        recovers=attempt.recovers,
        strict=attempt.strict,
    )
    context = TaskContext(
        info,
        attempt.key.name,
        calls,
        attempt=attempt.attempt,
        token=attempt.token,
        task=task,
        input_path=options.inputs,
        output_path=str(attempt.output_dir),
        raw_data_path=options.raw_data_path,
        checkpoint_path=options.checkpoint_path,
        prev_checkpoint=options.prev_checkpoint,
    )
    context.handling = attempt.handling
    return context, calls


def _connect(attempt: "AttemptContext") -> Controller:
    if not attempt.endpoint:
        raise RuntimeSystemError(
            f"Action {attempt.key.name} calls a task, but was not told which server it belongs to.",
            hint="The variable _U_EP_OVERRIDE must name it as host:port.",
        )
    from flyte._controller.remote import connect

    return connect(attempt)
