"""What one attempt needs of a machine."""

import re
from typing import Final, Literal, cast

from flyte.errors import DeclarationError
from flyte_core.frozen import frozen

_QUANTITY = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_DEVICE = re.compile(r"([A-Za-z][A-Za-z0-9_ ]*)(?::([0-9]+))?")

Amount = int | float | str


def _quantity(value: object, what: str) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if isinstance(value, bool) or not _QUANTITY.fullmatch(text):
        raise DeclarationError(
            f"Resources({what}={value!r}) is no amount.", hint='Write a number with a unit: 2, "500m", "4Gi".'
        )
    return text


def _range(value: object, what: str) -> tuple[str, str]:
    """Request and limit; the same when one amount is given."""
    if isinstance(value, tuple):
        if len(value) != 2:
            raise DeclarationError(
                f"Resources({what}={value!r}) has {len(value)} amounts.", hint="Write (request, limit)."
            )
        return _quantity(value[0], what), _quantity(value[1], what)
    return _quantity(value, what), _quantity(value, what)


DeviceClass = Literal["GPU", "TPU", "NEURON", "AMD_GPU", "HABANA_GAUDI", "APPLE_SILICON"]

_CLASSES: Final[tuple[tuple[str, DeviceClass], ...]] = (
    ("Trn", "NEURON"),
    ("Inf", "NEURON"),
    ("MI", "AMD_GPU"),
    ("Gaudi", "HABANA_GAUDI"),
    ("AppleSilicon", "APPLE_SILICON"),
)
"""How models of other makers begin."""


@frozen
class Device:
    """An accelerator.

    Attributes:
        quantity: How many.
        device_class: Which maker's.
        device: Its model, such as `A100`; None for any.
        partition: A part of one, such as `1g.5gb`.
    """

    quantity: int
    device_class: DeviceClass = "GPU"
    device: str | None = None
    partition: str | None = None


def GPU(device: str, quantity: int, partition: str | None = None) -> Device:
    """So many NVIDIA GPUs of a model."""
    return Device(quantity, "GPU", device, partition)


def TPU(device: str, partition: str | None = None) -> Device:
    """A Google TPU."""
    return Device(1, "TPU", device, partition)


def AMD_GPU(device: str, quantity: int = 1) -> Device:
    """So many AMD GPUs of a model."""
    return Device(quantity, "AMD_GPU", device)


def Neuron(device: str) -> Device:
    """An Amazon Trainium or Inferentia."""
    return Device(1, "NEURON", device)


def HABANA_GAUDI(device: str) -> Device:
    """An Intel Gaudi."""
    return Device(1, "HABANA_GAUDI", device)


def APPLE_SILICON() -> Device:
    """The GPU of an Apple computer."""
    return Device(1, "APPLE_SILICON", "AppleSilicon")


@frozen
class Resources:
    """What one attempt needs; `None` means not declared.

    A pair is (request, limit). On one machine processor and memory are counted against what the
    machine has, and the memory limit is enforced. Who asks for more of them than there are has all of
    them, and runs alone; a task that asks for devices that are not there is refused.
    """

    cpu: Amount | tuple[Amount, Amount] | None = None
    memory: Amount | tuple[Amount, Amount] | None = None
    gpu: int | str | Device | None = None
    disk: str | None = None
    shm: str | None = None

    def __post_init__(self) -> None:
        for name in ("cpu", "memory", "disk"):
            self.amounts(name)
        if self.shm not in (None, "auto"):
            _quantity(self.shm, "shm")
        self.accelerator()

    def amounts(self, name: str) -> tuple[str, str] | None:
        """Request and limit of `cpu`, `memory` or `disk` as text with a unit."""
        value = getattr(self, name)
        return None if value is None else _range(value, name)

    def accelerator(self) -> Device | None:
        """The accelerators, whichever way they were declared."""
        gpu = self.gpu
        if gpu is None or isinstance(gpu, Device):
            return gpu
        if isinstance(gpu, int) and not isinstance(gpu, bool) and gpu >= 0:
            return Device(gpu) if gpu else None
        match = _DEVICE.fullmatch(gpu) if isinstance(gpu, str) else None
        if match is None:
            raise DeclarationError(
                f"Resources(gpu={gpu!r}) is no number of accelerators.",
                hint='Write 1, "A100:2", or flyte.GPU("A100", 2).',
            )
        kind = next((kind for begin, kind in _CLASSES if match[1].startswith(begin)), "GPU")
        return Device(int(match[2] or 1), cast(DeviceClass, kind), match[1])
