"""One action in depth, and rows of the runs list, as JSON."""

from flyteidl2.task import task_definition_pb2

from flyte_core import links
from flyte_core.layout import Layout
from flyte_core.model import Action, ActionKind, Attempt, ErrorInfo, Micros, RunView
from flyte_core.store.ports import PhaseCounts
from flyte_core.views import action_dict, run_view_dict
from flyte_core.wire import specs
from flyte_server.console import forms
from flyte_server.console.values import type_name


def ms(at: Micros | None) -> float | None:
    """An instant as the browser counts: milliseconds since the epoch."""
    return None if at is None else at / 1000


def run_row(view: RunView, counts: PhaseCounts) -> dict[str, object]:
    """One row of the runs list. It has no address: the page knows where it is, and the server need not."""
    record, root = view.record, view.root
    shown = run_view_dict(view)
    del shown["url"]
    return {
        **shown,
        "created_ms": ms(record.created_at),
        "start_ms": ms(root.started_at),
        "end_ms": ms(root.ended_at),
        "labels": record.labels,
        "created_by": record.created_by,
        "mode": record.mode.value,
        "related_run": record.related_run,
        "relation": record.relation,
        "actions": counts.total,
        "by_phase": {phase.value: number for phase, number in counts.by_phase.items() if number},
        "changed_seq": record.last_seq,
    }


def run_detail(view: RunView, counts: PhaseCounts) -> dict[str, object]:
    """A run's header: its row and what only the run page shows."""
    spec = view.root.spec
    return {
        **run_row(view, counts),
        "task_version": spec.task_version,
        "env_name": spec.env_name,
        "interpreter": view.record.interpreter,
        "owner_pid": view.record.owner.pid if view.record.owner else None,
        "abort_reason": view.root.abort_reason,
        "aborted_by": view.root.aborted_by,
    }


def error_dict(error: ErrorInfo | None) -> dict[str, object] | None:
    if error is None:
        return None
    return {
        "code": error.code,
        "message": error.message,
        "kind": error.kind.value,
        "traceback": error.traceback,
        "worker": error.worker,
        "recoverable": error.recoverable,
    }


def attempt_dict(action: Action, attempt: Attempt, layout: Layout) -> dict[str, object]:
    log, directory = layout.log(action.key, attempt.number), layout.attempt(action.key, attempt.number)
    try:
        log_bytes = log.stat().st_size
    except OSError:
        log_bytes = 0
    return {
        "number": attempt.number,
        "state": attempt.state.value,
        "worker": attempt.worker,
        "ended_ms": ms(attempt.ended_at),
        "error": error_dict(attempt.error),
        "log_bytes": log_bytes,
        "report": (directory / "report.html").is_file(),
        "links": [each._asdict() for each in links.read(directory)],
        "transitions": [{"phase": phase.value, "at_ms": ms(at)} for phase, at in attempt.transitions],
    }


def action_detail(action: Action, layout: Layout) -> dict[str, object]:
    """Everything about one action but its values and its log lines."""
    spec, policy = action.spec, action.policy
    return {
        **action_dict(action),
        "env_name": spec.env_name,
        "task_type": spec.task_type,
        "task_version": spec.task_version,
        "created_ms": ms(action.created_at),
        "queued_ms": ms(action.queued_at),
        "start_ms": ms(action.started_at),
        "end_ms": ms(action.ended_at),
        "not_before_ms": ms(action.not_before),
        "error": error_dict(action.error),
        "tries": [attempt_dict(action, attempt, layout) for attempt in action.attempts],
        "abort_reason": action.abort_reason,
        "aborted_by": action.aborted_by,
        "question": forms.question(action),
        "task": task_dict(action),
        "cache": {
            "status": action.cache_status.value,
            "key": action.cache_key,
            "enabled": policy.cache.enabled,
            "version": policy.cache.version,
        },
        "limits": {
            "user_retries": policy.retry.user_retries,
            "user_failures": action.user_failures,
            "system_retries": policy.retry.system_retries,
            "system_losses": action.system_losses,
            "max_runtime_s": policy.timeout.max_runtime_s,
            "max_queued_s": policy.timeout.max_queued_s,
            "deadline_s": policy.timeout.deadline_s,
            "cpu": policy.resources.cpu,
            "memory_bytes": policy.resources.memory_bytes,
            "gpu": policy.resources.gpu,
        },
        "version": action.version,
        "changed_seq": action.changed_seq,
    }


def task_dict(action: Action) -> dict[str, object] | None:
    """The task that an action called: its interface and how it is started."""
    if action.kind is not ActionKind.TASK:
        return None
    message = specs.message_of(action.spec, ActionKind.TASK)
    assert isinstance(message, task_definition_pb2.TaskSpec)
    template, words = message.task_template, message.documentation
    interface = template.interface
    return {
        "short_description": words.short_description,
        "description": words.long_description,
        "inputs": [(each.key, type_name(each.value.type)) for each in interface.inputs.variables],
        "outputs": [(each.key, type_name(each.value.type)) for each in interface.outputs.variables],
        "image": template.container.image,
        "command": [*template.container.command, *template.container.args][:60],
        "runtime": f"{template.metadata.runtime.flavor} {template.metadata.runtime.version}".strip(),
    }
