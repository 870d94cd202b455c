"""Who may start: slots by demand, oldest first, parents that wait hold nothing."""

from flyte_core.model import (
    ROOT,
    Action,
    ActionKey,
    ActionKind,
    ActionName,
    Attempt,
    AttemptState,
    Digest,
    Micros,
    Phase,
    ResourceRequest,
    RunKey,
    TaskSpec,
    Token,
)
from flyte_server.loops.queue import Demand, Queue
from flyte_server.loops.slots import Cost, Slots

RUN = RunKey("p", "d", "r")
ONE = Cost(1.0, 0, 0)
SPEC = TaskSpec(Digest(""), b"", "env.f", "f")


def key(name: str) -> ActionKey:
    return ActionKey(RUN, ActionName(name))


def action(name: str, phase: Phase, parent: str | None = None, token: int = 1) -> Action:
    live = phase in (Phase.INITIALIZING, Phase.RUNNING)
    attempts = (Attempt(1, Token(token), AttemptState.LIVE, ((phase, Micros(0)),)),) if live else ()
    mother = ActionName(parent) if parent else None
    return Action(key(name), mother, ActionKind.TASK, 0, SPEC, phase, Micros(0), Micros(0), attempts=attempts)


def slots(cpu: float = 2.0, memory_bytes: int | None = None) -> Slots:
    return Slots(ResourceRequest(cpu=cpu, memory_bytes=memory_bytes))


def test_a_parent_gives_its_slot_back_while_children_are_open() -> None:
    there = slots(1.0)
    there.take(ROOT_KEY, ONE, "")
    there.observe([action("a0", Phase.RUNNING)])
    assert not there.fits(ONE)
    assert there.observe([action("c", Phase.QUEUED, "a0")])
    assert there.fits(ONE)
    there.take(key("c"), ONE, "")
    there.observe([action("c", Phase.RUNNING, "a0", token=2)])
    assert not there.fits(ONE)
    there.observe([action("c", Phase.SUCCEEDED, "a0")])
    assert not there.fits(ONE)  # the parent goes on, in its old slot
    there.observe([action("a0", Phase.SUCCEEDED)])
    assert there.fits(ONE)
    assert len(there) == 0


ROOT_KEY = ActionKey(RUN, ROOT)


def test_hearing_the_same_twice_changes_nothing() -> None:
    there = slots()
    there.take(ROOT_KEY, ONE, "")
    for _ in range(2):
        there.observe([action("a0", Phase.RUNNING), action("c", Phase.QUEUED, "a0")])
    for _ in range(2):
        there.observe([action("c", Phase.ABORTED, "a0")])
    assert there.cpu == 1.0


def test_a_retry_frees_the_slot_of_the_attempt_before() -> None:
    there = slots()
    there.take(ROOT_KEY, ONE, "")
    there.observe([action("a0", Phase.RUNNING, token=1)])
    assert there.observe([action("a0", Phase.QUEUED)])
    assert there.cpu == 0


def test_memory_counts_as_well() -> None:
    there = slots(8.0, memory_bytes=100)
    there.take(ROOT_KEY, Cost(1, 60, 0), "")
    assert not there.fits(Cost(1, 60, 0))
    assert there.fits(Cost(1, 40, 0))


def test_attempts_in_one_warm_worker_share_its_price() -> None:
    there = slots(2.0, memory_bytes=100)
    assert there.cost(ResourceRequest(cpu=2, memory_bytes=100), 4) == Cost(0.5, 25, 0)
    assert there.cost(ResourceRequest()) == ONE


def test_nothing_costs_more_than_there_is_but_devices() -> None:
    there = slots(0.5, memory_bytes=100)
    assert there.cost(ResourceRequest(cpu=64, memory_bytes=2**40, gpu=3)) == Cost(0.5, 100, 3)
    assert there.cost(ResourceRequest()) == Cost(0.5, 0, 0)
    assert slots().cost(ResourceRequest(memory_bytes=2**40)) == Cost(1.0, 2**40, 0)


def test_the_oldest_that_fits_goes_first() -> None:
    queue = Queue()
    small, large = Demand(Cost(1, 0, 0)), Demand(Cost(4, 0, 0))
    for name, demand in (("a", small), ("big", large), ("b", small)):
        queue.add(key(name), demand, Micros(0), False)
    picked = [queue.pick(lambda demand: demand is small, lambda waiting: False) for _ in range(3)]
    assert [waiting.key.name for waiting in picked if waiting] == ["a", "b"]
    assert len(queue) == 1


def test_the_younger_wait_behind_one_that_has_waited_long() -> None:
    queue = Queue()
    small, large = Demand(Cost(1, 0, 0)), Demand(Cost(4, 0, 0))
    queue.add(key("big"), large, Micros(0), False)
    queue.add(key("a"), small, Micros(5), False)
    assert queue.pick(lambda demand: demand is small, lambda waiting: waiting.demand is large) is None


def test_leaving_and_joining_twice_does_no_harm() -> None:
    queue = Queue()
    queue.add(key("a"), Demand(ONE), Micros(0), False)
    queue.add(key("a"), Demand(ONE), Micros(0), False)
    assert len(queue) == 1
    assert queue.remove(key("a"))
    assert not queue.remove(key("a"))
    assert queue.pick(lambda demand: True, lambda waiting: False) is None


def test_each_is_told_once_that_it_waits() -> None:
    queue = Queue()
    for number in range(3):
        queue.add(key(f"a{number}"), Demand(ONE), Micros(number), told=number == 0)
    assert queue.first_untold() == 1
    assert [waiting.key.name for waiting in queue.untold(Micros(1), 10)] == ["a1"]
    assert [waiting.key.name for waiting in queue.untold(Micros(9), 10)] == ["a2"]
    assert queue.first_untold() is None


def test_picking_from_a_long_queue_stays_cheap() -> None:
    """Ten thousand equal actions are one line, not ten thousand questions."""
    queue = Queue()
    for number in range(10_000):
        queue.add(key(f"a{number}"), Demand(ONE), Micros(0), False)
    asked = 0

    def full(demand: Demand) -> bool:
        nonlocal asked
        asked += 1
        return False

    assert queue.pick(full, lambda waiting: False) is None
    assert asked == 1


def test_who_waits_for_another_run_holds_nothing_meanwhile() -> None:
    there = slots(1.0)
    there.take(ROOT_KEY, ONE, "")
    there.observe([action("a0", Phase.RUNNING)])
    with there.resting(ROOT_KEY, Token(2)) as freed:
        assert not freed and not there.fits(ONE), "an attempt of before"
    with there.resting(ROOT_KEY, Token(1)) as freed, there.resting(ROOT_KEY, Token(1)) as more:
        assert freed and not more and there.fits(ONE)
        there.observe([action("c", Phase.QUEUED, "a0")])
        there.observe([action("c", Phase.SUCCEEDED, "a0")])
        assert there.fits(ONE)
    assert not there.fits(ONE)
    with there.resting(ROOT_KEY, Token(1)):
        there.observe([action("a0", Phase.SUCCEEDED)])
    assert there.cpu == 0 and len(there) == 0
