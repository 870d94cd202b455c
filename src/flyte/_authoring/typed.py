"""For type checkers: what may be given by name, and of which type."""

from typing import Any, Literal, TypedDict

from flyte._authoring.environment import Environment
from flyte._authoring.image import Image
from flyte._authoring.link import Link
from flyte._authoring.pod import PodTemplate
from flyte._authoring.policies import CacheRequest, RetryStrategy, ReusePolicy, Seconds, Timeout
from flyte._authoring.resources import Resources
from flyte._authoring.secret import SecretRequest


class Overrides(TypedDict, total=False):
    """Of `task.override`."""

    short_name: str | None
    resources: Resources | None
    cache: CacheRequest | None
    retries: int | RetryStrategy | None
    timeout: Seconds | Timeout | None
    reusable: ReusePolicy | Literal["off"] | None
    env_vars: dict[str, str] | None
    secrets: SecretRequest | None
    service_account: str | None
    max_inline_io_bytes: int | None
    pod_template: str | PodTemplate | None
    queue: str | None
    interruptible: bool | None
    entrypoint: bool | None
    produces_artifacts: bool | None
    links: Link | tuple[Link, ...] | None
    plugin_config: Any


class Changes(TypedDict, total=False):
    """Of `clone_with`."""

    image: str | Image | None
    resources: Resources | None
    env_vars: dict[str, str] | None
    secrets: SecretRequest | None
    depends_on: list[Environment] | None
    description: str | None
    interruptible: bool | None
    include: tuple[str, ...] | None
    service_account: str | None
    pod_template: str | PodTemplate | None
    cache: CacheRequest | None
    reusable: ReusePolicy | None
    plugin_config: Any
    queue: str | None
