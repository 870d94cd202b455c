"""Pod templates: declarations for Kubernetes, kept and of no effect on one machine."""

from dataclasses import dataclass
from typing import Any

from flyte.errors import DeclarationError

PRIMARY = "primary"


@dataclass(frozen=True)
class PodTemplate:
    """How a pod is to look, on Kubernetes.

    Attributes:
        pod_spec: A `kubernetes.client.V1PodSpec`.
        primary_container_name: The container that runs the task.
        labels: Of the pod.
        annotations: Of the pod.
    """

    pod_spec: Any = None
    primary_container_name: str = PRIMARY
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    def __post_init__(self) -> None:
        if not self.primary_container_name:
            raise DeclarationError(
                "A PodTemplate names no primary container.", hint=f'Leave it out, or use "{PRIMARY}".'
            )

    @classmethod
    def from_spec(
        cls,
        pod_spec: Any,
        *,
        primary_container_name: str | None = None,
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
    ) -> "PodTemplate":
        """The template of a pod's specification."""
        return cls(pod_spec, primary_container_name or PRIMARY, labels, annotations)
