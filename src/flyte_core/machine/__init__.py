"""The state machine: no clock, chance, thread, log, file or protobuf."""

from flyte_core.machine.decide import Decision, IllegalMove, Verdict, decide
from flyte_core.machine.due import next_due
from flyte_core.machine.invariants import check, check_tree
from flyte_core.machine.replay import fold

__all__ = ["Decision", "IllegalMove", "Verdict", "check", "check_tree", "decide", "fold", "next_due"]
