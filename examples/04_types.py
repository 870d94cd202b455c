"""What goes in and out of tasks: data classes, models, enumerations, times, and anything else.

    flyte run 04_types.py plan --order '{"items": [{"name": "tea", "price": 2.5}], "size": "LARGE"}'

Values arrive as they were sent, type for type. A wrong one is named with its place:
`value @ order.items[0].price: expected float, got str 'x'`. The result is (5.0, 1 day, 0:00:00).
"""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

import flyte

env = flyte.TaskEnvironment(name="types")


class Size(Enum):
    SMALL = 1
    LARGE = 2


@dataclass
class Item:
    name: str
    price: float


@dataclass
class Order:
    items: list[Item]
    size: Size = Size.SMALL
    notes: dict[str, str] = field(default_factory=dict)


@env.task
def total(items: list[Item], factor: int) -> float:
    return sum(item.price for item in items) * factor


@env.task
def delay(size: Size) -> timedelta:
    return timedelta(days=1) if size is Size.LARGE else timedelta(hours=1)


@env.task
def plan(order: Order) -> tuple[float, timedelta]:
    return total(order.items, factor=order.size.value), delay(order.size)
