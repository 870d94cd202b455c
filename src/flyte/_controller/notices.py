"""Notifications on their way: as rules of a run's spec, and sent by the process that drove a local run."""

import json
import os
import threading
from collections.abc import Iterable
from typing import Any, Final

from flyteidl2.notification import definition_pb2
from flyteidl2.task import run_pb2

from flyte._log import system_logger
from flyte._notify import Email, NamedDelivery, NamedRule, Notification, Slack, Teams, Webhook
from flyte_core import egress
from flyte_core.model import Action, ActionKey, RunRecord, TaskSpec
from flyte_core.wire import notices
from flyte_core.wire.phases import phase_number

_PATIENCE_S: Final = 15.0


def put(message: run_pb2.RunSpec, notifications: Iterable[Notification | NamedRule]) -> None:
    """Write the notifications into the spec of a run."""
    named = [each for each in notifications if isinstance(each, NamedRule)]
    inline = [each for each in notifications if isinstance(each, Notification)]
    if inline or not named:
        message.notification_rules.rules.extend(map(_rule, inline))
    else:
        message.notification_rule_name = named[0].name


def deliver(record: RunRecord, root: Action) -> None:
    """Send what a local run's end asks for. What cannot be sent is told, and changes nothing."""
    _deliver(notices.of_end(record.run_spec, root))


def ask(record: RunRecord, spec: TaskSpec, key: ActionKey, base_url: str) -> None:
    """Tell whom a condition, or its run, wants to be told that it waits."""
    for each in notices.of_question(record.run_spec, spec, key, base_url):
        threading.Thread(target=_send, args=(each,), daemon=True).start()


def _deliver(wanted: Iterable[egress.Message]) -> None:
    threads = [threading.Thread(target=_send, args=(each,), daemon=True) for each in wanted]
    for each in threads:
        each.start()
    for each in threads:
        each.join(_PATIENCE_S)


def _send(message: egress.Message) -> None:
    try:
        egress.deliver(message, smtp=os.environ.get(egress.SMTP, ""))
    except egress.EgressError as error:
        system_logger.warning("A notification was not delivered: %s", error)


def _rule(notification: Notification) -> run_pb2.InlineRule:
    rule = run_pb2.InlineRule(on_phases=[phase_number(each) for each in notification.phases])
    match notification:
        case NamedDelivery():
            rule.delivery_config_name = notification.name
        case Email():
            rule.delivery_template.email.CopyFrom(_letter(notification))
        case Webhook() | Slack() | Teams():
            rule.delivery_template.webhook.CopyFrom(_hook(notification))
    return rule


def _letter(mail: Email) -> definition_pb2.EmailDeliveryTemplate:
    def people(addresses: Iterable[str]) -> list[definition_pb2.EmailRecipient]:
        return [definition_pb2.EmailRecipient(address=each) for each in addresses]

    return definition_pb2.EmailDeliveryTemplate(
        to=people(mail.recipients),
        cc=people(mail.cc),
        bcc=people(mail.bcc),
        inline=definition_pb2.InlineEmailTemplate(
            subject=mail.subject, text_template=mail.body, html_template=mail.html_body or ""
        ),
    )


def _hook(notification: Webhook | Slack | Teams) -> definition_pb2.WebhookDeliveryTemplate:
    match notification:
        case Webhook():
            body: Any = Webhook.default_body if notification.body is None else notification.body
            return _template(notification.url, body, notification.method, notification.headers)
        case Slack():
            blocks = notification.blocks
            return _template(
                notification.webhook_url,
                {"text": notification.message} if blocks is None else {"blocks": list(blocks)},
            )
        case Teams():
            card = notification.card
            return _template(
                notification.webhook_url,
                {"title": notification.title, "text": notification.message}
                if card is None
                else {
                    "type": "message",
                    "attachments": [
                        {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
                    ],
                },
            )


def _template(
    url: str, body: Any, method: str = "POST", headers: dict[str, str] | None = None
) -> definition_pb2.WebhookDeliveryTemplate:
    word = f"HTTP_METHOD_{method}"
    return definition_pb2.WebhookDeliveryTemplate(
        url=url, method=word, headers=headers, body_template=json.dumps(body, ensure_ascii=False)
    )
