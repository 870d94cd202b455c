"""Declarations of notifications."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from flyte._log import system_logger
from flyte.errors import DeclarationError
from flyte_core.model import TERMINAL, Phase

_ENDS: Final = ", ".join(sorted(each.name for each in TERMINAL if each is not Phase.RECOVERED))
_CHOICE: Final = f"Use one or more of {_ENDS}; or PAUSED alone, for a run that asks somebody."

Phases = Phase | str | tuple[Phase | str, ...]


@dataclass(frozen=True, kw_only=True)
class Notification:
    """What all kinds have in common: the phases of which they tell."""

    on_phase: Phases

    def __post_init__(self) -> None:
        given = self.on_phase if isinstance(self.on_phase, tuple | list) else (self.on_phase,)
        if not given:
            raise DeclarationError("A notification tells of no phase.", hint=_CHOICE)
        phases = tuple(map(_phase, given))
        if Phase.PAUSED in phases and len(phases) > 1:
            raise DeclarationError("A notification tells of PAUSED alone, or not of it.", hint=_CHOICE)
        object.__setattr__(self, "on_phase", phases)

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
    """A mail, handed to the mail server that `FLYTE_SMTP` names where the run, or the server, was started.

    Attributes:
        recipients: To whom; `cc` and `bcc` as in every mail.
        subject: The headline.
        body: The text.
        html_body: The same as HTML, beside the text.
    """

    recipients: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    subject: str = "Run {{.Run.Name}} {{.Phase}}"
    body: str = "Run: {{.Run.Name}}\nProject/Domain: {{.Run.Project}}/{{.Run.Domain}}\nPhase: {{.Phase}}\nError: {{.Error}}\n"
    html_body: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("recipients", "cc", "bcc"):
            given: object = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) else tuple(getattr(self, name)))
        if not self.recipients:
            raise DeclarationError(
                "An Email has no recipients.", hint='Write recipients=("me@example.com",).'
            )


@dataclass(frozen=True, kw_only=True)
class NamedDelivery(Notification):
    """A way to deliver that a hosted server knows by name. It is kept with the run; nothing is sent from here."""

    name: str


@dataclass(frozen=True)
class NamedRule:
    """A rule that a hosted server knows by name. It is kept with the run; nothing is sent from here."""

    name: str


def checked(given: tuple[Any, ...]) -> "tuple[Notification | NamedRule, ...]":
    """Refuse what is no notification, and say what will not be sent, before the run begins.

    Raises:
        DeclarationError: it is something else.
    """
    for each in given:
        if not isinstance(each, Notification | NamedRule):
            raise DeclarationError(
                f"notifications holds {each!r}, which is no notification.",
                hint="Use those of flyte.notify, such as flyte.notify.Slack.",
            )
        if isinstance(each, NamedDelivery | NamedRule):
            system_logger.warning("%r is not sent from here: it is a name of a hosted server's.", each)
    return given


def _phase(phase: object) -> Phase:
    try:
        found = Phase(phase.lower() if isinstance(phase, str) else phase)  # type: ignore[arg-type]
    except ValueError:
        found = Phase.QUEUED
    if not found.terminal and found is not Phase.PAUSED:
        raise DeclarationError(f"A notification on phase {phase!r} is not supported.", hint=_CHOICE)
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
