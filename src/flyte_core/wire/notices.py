"""Notices of a run's end and of a condition that waits: which messages they are."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

from flyteidl2.notification import definition_pb2
from flyteidl2.task import run_pb2
from flyteidl2.workflow import run_definition_pb2
from google.protobuf import json_format

from flyte_core.egress import Mail, Message, Request
from flyte_core.frozen import frozen
from flyte_core.model import Action, ActionKey, ActionKind, Phase, TaskSpec
from flyte_core.wire import specs
from flyte_core.wire.phases import phase_number

_METHODS: Final = definition_pb2.HttpMethod
_JSON: Final = {"Content-Type": "application/json"}
_WORD: Final = re.compile(r"\{\{\.[A-Za-z.]+\}\}")


@frozen
class News:
    """How a run stands now, in the words that templates may use."""

    run: str
    project: str
    domain: str
    phase: str
    error: str = ""
    action: str = ""
    prompt: str = ""

    @classmethod
    def of_end(cls, root: Action) -> "News":
        key, error = root.key.run, root.error
        text = "" if error is None else f"{error.code}: {error.message}"
        return cls(key.name, key.project, key.domain, root.phase.value, text, root.key.name)

    @classmethod
    def of_question(cls, spec: TaskSpec, key: ActionKey) -> "News":
        run = key.run
        prompt = _condition(spec).prompt
        return cls(run.name, run.project, run.domain, Phase.PAUSED.value, action=key.name, prompt=prompt)

    @property
    def words(self) -> Mapping[str, str]:
        return {
            "{{.Run.Name}}": self.run,
            "{{.Run.Project}}": self.project,
            "{{.Run.Domain}}": self.domain,
            "{{.Phase}}": self.phase.upper(),
            "{{.Error}}": self.error,
            "{{.Action.Name}}": self.action,
            "{{.Prompt}}": self.prompt,
        }


def of_end(run_spec: bytes, root: Action) -> list[Message]:
    """What is to be sent now that the root has ended."""
    return list(_wanted(run_spec, root.phase, News.of_end(root).words))


def of_question(run_spec: bytes, spec: TaskSpec, key: ActionKey, base_url: str) -> list[Message]:
    """What is to be sent now that a condition begins to wait: to its webhook, and to whom the run names.

    In the texts of the webhook's payload `{callback_uri}` becomes the address that takes the answer.
    """
    words = News.of_question(spec, key).words
    return [*_asking(spec, key, base_url), *_wanted(run_spec, Phase.PAUSED, words)]


def _wanted(run_spec: bytes, phase: Phase, words: Mapping[str, str]) -> Iterator[Message]:
    number = phase_number(phase)
    for each in run_pb2.RunSpec.FromString(run_spec).notification_rules.rules:
        if number not in each.on_phases:
            continue
        template = each.delivery_template
        if template.HasField("webhook"):
            yield _request(template.webhook, words)
        if template.HasField("email"):
            yield _mail(template.email, words)


def _condition(spec: TaskSpec) -> run_definition_pb2.ConditionAction:
    asked = specs.message_of(spec, ActionKind.CONDITION)
    assert isinstance(asked, run_definition_pb2.ConditionAction)
    return asked


def _asking(spec: TaskSpec, key: ActionKey, base_url: str) -> list[Request]:
    asked = _condition(spec)
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
    in_address = {name: quote(value, safe="") for name, value in words.items()}
    return Request(
        url=_filled(hook.url, in_address),
        method=_METHODS.Name(hook.method).removeprefix("HTTP_METHOD_") if hook.method else "POST",
        headers={**_JSON, **headers},
        body=_filled(hook.body_template, inside).encode(),
    )


def _mail(letter: definition_pb2.EmailDeliveryTemplate, words: Mapping[str, str]) -> Mail:
    inside = {name: html.escape(value) for name, value in words.items()}
    return Mail(
        to=tuple(each.address for each in letter.to),
        cc=tuple(each.address for each in letter.cc),
        bcc=tuple(each.address for each in letter.bcc),
        subject=_filled(letter.inline.subject, words),
        text=_filled(letter.inline.text_template, words),
        html=_filled(letter.inline.html_template, inside),
    )


def _filled(text: str, words: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: words.get(found[0], found[0]), text)
