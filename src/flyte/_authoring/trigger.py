"""Triggers: what starts a task by itself, once it is deployed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flyte._authoring.policies import check_concurrency
from flyte.errors import DeclarationError
from flyte_core.frozen import frozen

_FIELDS: Final = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
_NICKNAMES: Final = frozenset(
    {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
)
_PART: Final = re.compile(r"(\*|\?|[0-9a-z]+(?:-[0-9a-z]+)?)(?:/([0-9]+))?")
_DESCRIPTION_LIMIT: Final = 255


class _TriggerTime:
    """Stands for the instant at which a trigger fires, among its inputs."""

    def __repr__(self) -> str:
        return "flyte.TriggerTime"

    def __reduce__(self) -> str:
        return "TriggerTime"


class _TriggeredArtifact:
    """Stands for the artifact that made a trigger fire, among its inputs."""

    def __repr__(self) -> str:
        return "flyte.TriggeredArtifact"

    def __reduce__(self) -> str:
        return "TriggeredArtifact"


TriggerTime: Final = _TriggerTime()
TriggeredArtifact: Final = _TriggeredArtifact()


@frozen
class TriggeredPartition:
    """Stands for a partition of the artifact that made a trigger fire, among its inputs."""

    key: str


@frozen
class Cron:
    """Fires at the instants of a cron expression.

    Attributes:
        expression: Five fields: minute, hour, day of the month, month, day of the week; or a word
            such as `@daily`.
        timezone: In which zone, such as `Europe/Berlin`; UTC unless given.
    """

    expression: str
    timezone: str | None = "UTC"

    def __post_init__(self) -> None:
        _check_expression(self.expression)
        try:
            ZoneInfo(self.timezone or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise DeclarationError(
                f"Cron(timezone={self.timezone!r}) is no time zone.", hint="Use a name like Europe/Berlin."
            ) from None

    @property
    def timezone_expression(self) -> str:
        """The expression with its zone in front."""
        return f"CRON_TZ={self.timezone or 'UTC'} {self.expression}"


@frozen
class FixedRate:
    """Fires every so many minutes.

    Attributes:
        interval_minutes: How many.
        start_time: From when on; by default from when the trigger is activated.
    """

    interval_minutes: int
    start_time: datetime | None = None

    def __post_init__(self) -> None:
        minutes = self.interval_minutes
        if isinstance(minutes, bool) or not isinstance(minutes, int) or minutes < 1:
            raise DeclarationError(
                f"FixedRate({minutes!r}) is no number of minutes.", hint="Use a whole number from 1."
            )


@dataclass(frozen=True)
class OnArtifact:
    """Fires when there is a new version of an artifact. Kept as declared: there are no artifacts here yet."""

    name: str
    version: str | None = None
    partitions: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Trigger:
    """What starts a task by itself; declared with it: `@env.task(triggers=flyte.Trigger.daily())`.

    Attributes:
        name: What it is called, within its task.
        automation: When it fires: `Cron`, `FixedRate` or `OnArtifact`.
        description: In words; what is beyond 255 characters is cut off.
        auto_activate: Whether it fires as soon as its task is deployed.
        inputs: What the task is called with; `flyte.TriggerTime` stands for the instant.
        env_vars: Environment variables of its runs.
        interruptible: Of its runs.
        overwrite_cache: Of its runs; so are the following.
    """

    name: str
    automation: Cron | FixedRate | OnArtifact | None = None
    description: str = ""
    auto_activate: bool = True
    inputs: dict[str, Any] | None = None
    env_vars: dict[str, str] | None = None
    interruptible: bool | None = None
    overwrite_cache: bool = False
    queue: str | None = None
    max_action_concurrency: int | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    notifications: Any = None
    custom_context: Mapping[str, str] | None = field(default=None)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise DeclarationError("A Trigger has no name.", hint='Name it: flyte.Trigger("nightly", ...).')
        automation: object = self.automation
        if automation is not None and not isinstance(automation, Cron | FixedRate | OnArtifact):
            raise DeclarationError(
                f"Trigger {self.name} is automated by {automation!r}.",
                hint='Use flyte.Cron("0 6 * * *"), flyte.FixedRate(30) or flyte.OnArtifact(...).',
            )
        check_concurrency(self.max_action_concurrency)
        if len(self.description) > _DESCRIPTION_LIMIT:
            object.__setattr__(self, "description", self.description[:_DESCRIPTION_LIMIT])

    minutely: ClassVar["Every"]
    hourly: ClassVar["Every"]
    daily: ClassVar["Every"]
    weekly: ClassVar["Every"]
    monthly: ClassVar["Every"]


class Every:
    """A short form of a trigger by the clock (UTC): `flyte.Trigger.daily("when")`."""

    def __init__(self, name: str, expression: str, words: str) -> None:
        self.name = name
        self.expression = expression
        self.description = f"A trigger that runs {words}"

    def __call__(
        self,
        trigger_time_input_key: str | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        **options: Any,
    ) -> Trigger:
        """The trigger. `trigger_time_input_key` names the input that takes the instant; `options` are those of `Trigger`."""
        inputs = dict(options.pop("inputs", None) or {})
        if trigger_time_input_key is not None:
            inputs[trigger_time_input_key] = TriggerTime
        words = self.description if description is None else description
        return Trigger(name or self.name, Cron(self.expression), words, inputs=inputs, **options)


Trigger.minutely = Every("minutely", "* * * * *", "every minute")
Trigger.hourly = Every("hourly", "0 * * * *", "every hour")
Trigger.daily = Every("daily", "0 0 * * *", "daily at midnight")
Trigger.weekly = Every("weekly", "0 0 * * 0", "weekly on Sundays at midnight")
Trigger.monthly = Every("monthly", "0 0 1 * *", "monthly on the 1st at midnight")


def check_triggers(task: str, triggers: tuple[Any, ...], parameters: Mapping[str, Any]) -> None:
    """Refuse what is no trigger, or none of this task.

    Raises:
        DeclarationError: a name is used twice, or an input is none of the task's.
    """
    names: set[str] = set()
    for each in triggers:
        if not isinstance(each, Trigger):
            raise DeclarationError(
                f"triggers of task {task} holds {each!r}, which is no Trigger.",
                hint="Use flyte.Trigger(...), or one of its short forms such as flyte.Trigger.daily().",
            )
        if each.name in names:
            raise DeclarationError(f"Task {task} has two triggers called {each.name}.")
        names.add(each.name)
        unknown = ", ".join(sorted((each.inputs or {}).keys() - parameters.keys()))
        if unknown:
            raise DeclarationError(
                f"Trigger {each.name} gives {unknown} to task {task}, which has no such input.",
                hint=f"Its inputs: {', '.join(parameters) or 'none'}.",
            )


def _check_expression(expression: str) -> None:
    words = expression.split() if isinstance(expression, str) else []
    if len(words) == 1 and words[0] in _NICKNAMES:
        return
    if len(words) != len(_FIELDS):
        raise DeclarationError(
            f"Cron({expression!r}) has {len(words)} fields instead of five.",
            hint='Write minute, hour, day, month, weekday, such as "30 6 * * mon-fri".',
        )
    for word, (name, low, high, names) in zip(words, _FIELDS, strict=True):
        if not all(_is_part(part, low, high, names) for part in word.lower().split(",")):
            raise DeclarationError(
                f"Cron({expression!r}): {word!r} is no {name}.",
                hint=f"Use {low} to {high}, *, ranges or steps.",
            )


def _is_part(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(part)
    if match is None or match[2] == "0":
        return False
    if match[1] in "*?":
        return True
    ends = [names.index(end) + low if end in names else end for end in match[1].split("-")]
    if not all(isinstance(end, int) or end.isdecimal() for end in ends):
        return False
    numbers = [int(end) for end in ends]
    return numbers == sorted(numbers) and all(low <= number <= high for number in numbers)
