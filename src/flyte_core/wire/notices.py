"""Notices of a run's end and of a condition that waits: which requests they are."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flyteidl2.notification import definition_pb2
from flyteidl2.task import run_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf import json_format

from flyte_core.egress import Request
from flyte_core.model import Action, ActionKey, ActionKind, TaskSpec
from flyte_core.wire import specs
from flyte_core.wire.phases import phase_number

_METHODS: Final = definition_pb2.HttpMethod
_JSON: Final = {"Content-Type": "application/json"}
_WORD: Final = re.compile(r"\{\{\.[A-Za-z.]+\}\}")


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended, in the words that templates may use."""

    run: str
    project: str
    domain: str
    phase: str
    error: str

    @classmethod
    def of(cls, root: Action) -> "End":
        key, error = root.key.run, root.error
        text = "" if error is None else f"{error.code}: {error.message}"
        return cls(key.name, key.project, key.domain, root.phase.value, text)

    @property
    def words(self) -> Mapping[str, str]:
        return {
            "{{.Run.Name}}": self.run,
            "{{.Run.Project}}": self.project,
            "{{.Run.Domain}}": self.domain,
            "{{.Phase}}": self.phase.upper(),
            "{{.Error}}": self.error,
        }


def requests(run_spec: bytes, root: Action) -> list[Request]:
    """What is to be sent now that the root has ended."""
    rules = run_pb2.RunSpec.FromString(run_spec).notification_rules.rules
    number = phase_number(root.phase)
    words = End.of(root).words
    return [
        _request(each.delivery_template.webhook, words)
        for each in rules
        if number in each.on_phases and each.delivery_template.HasField("webhook")
    ]


def question(spec: TaskSpec, key: ActionKey, base_url: str) -> list[Request]:
    """What is to be sent now that a condition begins to wait: nothing, unless it has a webhook.

    In the payload's texts `{callback_uri}` becomes the address that takes the answer.
    """
    asked = specs.message_of(spec, ActionKind.CONDITION)
    assert isinstance(asked, run_definition_pb2.ConditionAction)
    if not asked.webhook.url:
        return []
    run = f"{key.run.project}/{key.run.domain}/{key.run.name}"
    callback = f"{base_url}/v2/api/runs/{run}/actions/{key.name}/answer"
    payload: object = {"condition": asked.name, "prompt": asked.prompt, "callback_uri": "{callback_uri}"}
    if asked.webhook.HasField("payload"):
        payload = json_format.MessageToDict(asked.webhook.payload)
    text = json.dumps(payload, ensure_ascii=False).replace("{callback_uri}", callback)
    return [Request(asked.webhook.url, headers=_JSON, body=text.encode())]


def _request(hook: definition_pb2.WebhookDeliveryTemplate, words: Mapping[str, str]) -> Request:
    # The body is JSON: what is put into its texts must not end them.
    inside = {name: json.dumps(value)[1:-1] for name, value in words.items()}
    one_line = {name: " ".join(value.split()) for name, value in words.items()}
    headers = {name: _filled(value, one_line) for name, value in hook.headers.items()}
    return Request(
        url=hook.url,
        method=_METHODS.Name(hook.method).removeprefix("HTTP_METHOD_") if hook.method else "POST",
        headers={**_JSON, **headers},
        body=_filled(hook.body_template, inside).encode(),
    )


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: words.get(found[0], found[0]), text)
