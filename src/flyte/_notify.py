"""Declarations of notifications."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from flyte.errors import DeclarationError
from flyte_core.model import TERMINAL, Phase

_ENDS: Final = ", ".join(sorted(each.name for each in TERMINAL if each is not Phase.RECOVERED))

Phases = Phase | str | tuple[Phase | str, ...]


@dataclass(frozen=True, kw_only=True)
class Notification:
    """What all kinds have in common: the phases of which they tell."""

    on_phase: Phases

    def __post_init__(self) -> None:
        given = self.on_phase if isinstance(self.on_phase, tuple | list) else (self.on_phase,)
        if not given:
            raise DeclarationError("A notification tells of no phase.", hint=f"Use one or more of {_ENDS}.")
        object.__setattr__(self, "on_phase", tuple(_ending(each) for each in given))

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases it tells of."""
        return tuple(Phase(each) for each in self.on_phase)  # made a tuple of phases above


@dataclass(frozen=True, kw_only=True)
class Webhook(Notification):
    """A request to an address of yours.

    Attributes:
        url: Where it goes.
        method: How.
        headers: Beside `Content-Type: application/json`.
        body: What is sent, as JSON; by default the run's name, project, domain, phase and error.
    """

    url: str
    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"] = "POST"
    headers: dict[str, str] | None = None
    body: dict[str, Any] | None = None

    default_body: ClassVar[dict[str, str]] = {
        "run": "{{.Run.Name}}",
        "project": "{{.Run.Project}}",
        "domain": "{{.Run.Domain}}",
        "phase": "{{.Phase}}",
        "error": "{{.Error}}",
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_address("Webhook", self.url)
        _check_json("Webhook", self.body)


@dataclass(frozen=True, kw_only=True)
class Slack(Notification):
    """A message to a Slack channel, by its incoming webhook.

    Attributes:
        webhook_url: The address that Slack gave you.
        message: The text.
        blocks: Slack's blocks, instead of a text.
    """

    webhook_url: str
    message: str | None = None
    blocks: tuple[dict[str, Any], ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_address("Slack", self.webhook_url)
        _check_json("Slack", self.blocks)
        if self.message is None and self.blocks is None:
            told = "Run {{.Run.Name}} ({{.Run.Project}}/{{.Run.Domain}}): {{.Phase}}\n{{.Error}}"
            object.__setattr__(self, "message", told)


@dataclass(frozen=True, kw_only=True)
class Teams(Notification):
    """A message to a Microsoft Teams channel, by its incoming webhook.

    Attributes:
        webhook_url: The address that Teams gave you.
        title: The headline.
        message: The text.
        card: An adaptive card, instead of title and text.
    """

    webhook_url: str
    title: str = "Run {{.Run.Name}} {{.Phase}}"
    message: str | None = None
    card: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_address("Teams", self.webhook_url)
        _check_json("Teams", self.card)
        if self.message is None:
            told = "{{.Run.Project}}/{{.Run.Domain}}: {{.Phase}}\n{{.Error}}"
            object.__setattr__(self, "message", told)


@dataclass(frozen=True, kw_only=True)
class Email(Notification):
    """A mail. It can be declared; this machine has no mail server to send it with."""

    recipients: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    subject: str = "Run {{.Run.Name}} {{.Phase}}"
    body: str = "Run: {{.Run.Name}}\nProject/Domain: {{.Run.Project}}/{{.Run.Domain}}\nPhase: {{.Phase}}\nError: {{.Error}}\n"
    html_body: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        recipients: object = self.recipients
        if isinstance(recipients, str) or not recipients:
            raise DeclarationError(
                "An Email has no recipients.", hint='Write recipients=("me@example.com",).'
            )


@dataclass(frozen=True, kw_only=True)
class NamedDelivery(Notification):
    """A way to deliver that a hosted server knows by name. It can be declared; there is none here."""

    name: str


@dataclass(frozen=True)
class NamedRule:
    """A rule that a hosted server knows by name. It can be declared; there is none here."""

    name: str


Deliverable = Webhook | Slack | Teams


def check_deliverable(given: tuple[Any, ...]) -> tuple[Deliverable, ...]:
    """Refuse what cannot be sent from here, before the run begins.

    Raises:
        DeclarationError: it is a mail, something that only a hosted server knows, or no notification.
    """
    for each in given:
        if isinstance(each, Deliverable):
            continue
        if isinstance(each, Notification | NamedRule):
            raise DeclarationError(
                f"A notification by {type(each).__name__} cannot be sent from here.",
                hint="Use flyte.notify.Webhook, Slack or Teams.",
            )
        raise DeclarationError(
            f"notifications holds {each!r}, which is no notification.",
            hint="Use flyte.notify.Webhook, Slack or Teams.",
        )
    return given


def _ending(phase: object) -> Phase:
    try:
        found = Phase(phase.lower() if isinstance(phase, str) else phase)  # type: ignore[arg-type]
    except ValueError:
        found = Phase.QUEUED
    if not found.terminal:
        raise DeclarationError(f"A notification on phase {phase!r} is not supported.", hint=f"Use {_ENDS}.")
    return found


def _check_address(kind: str, url: object) -> None:
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise DeclarationError(
            f"{kind} is to be sent to {url!r}, which is no web address.", hint="Use an https:// address."
        )


def _check_json(kind: str, value: object) -> None:
    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise DeclarationError(f"What {kind} is to send cannot be written as JSON: {error}.") from None
