"""Who waits for what: change notices within the process. A notice is a hint and carries no data.

Whoever is woken reads the store from its own cursor; a notice too many costs a read, and a lost one
costs the patience of the waiter.
"""

import asyncio
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import unquote

from flyte_core.model import Action, ActionKey, RunKey

Topic = Hashable


def run_topic(run: RunKey) -> Topic:
    """Any action of the run."""
    return ("run", run)


def action_topic(key: ActionKey) -> Topic:
    """One action."""
    return ("action", key)


def children_topic(key: ActionKey) -> Topic:
    """Any child of the action."""
    return ("children", key)


def outcomes_topic(key: ActionKey) -> Topic:
    """The end of any child of the action."""
    return ("outcomes", key)


def runs_topic(project: str, domain: str) -> Topic:
    """The status of any run of the project."""
    return ("runs", project, domain)


class Watch:
    """One waiter. What happens between two waits is not missed."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        self._event.set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the next notice since the last wait returned; False when time ran out first."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        finally:
            self._event.clear()
        return True


class Wake:
    """Lives on the server's event loop: call it from there only."""

    def __init__(self) -> None:
        self._watches: dict[Topic, set[Watch]] = {}
        self._foreign: set[Watch] = set()
        self._foreign_wanted = asyncio.Event()
        self.watchers = 0

    @contextmanager
    def watch(self, *topics: Topic, foreign: bool = False) -> Iterator[Watch]:
        """Be told of changes; with `foreign` also when another process has committed something."""
        watch = Watch()
        for topic in topics:
            self._watches.setdefault(topic, set()).add(watch)
        if foreign:
            self._foreign.add(watch)
            self._foreign_wanted.set()
        self.watchers += 1
        try:
            yield watch
        finally:
            self.watchers -= 1
            self._foreign.discard(watch)
            for topic in topics:
                waiting = self._watches.get(topic)
                if waiting is not None:
                    waiting.discard(watch)
                    if not waiting:
                        del self._watches[topic]

    async def wait(self, topic: str, timeout: float) -> bool:
        """As one wait of a watch, by the topic's written name: `run:P/D/NAME` or `runs:P/D`.

        The parts are percent-encoded. Changes between two calls are missed.
        """
        with self.watch(_parse(topic), foreign=True) as watch:
            return await watch.wait(timeout)

    def publish(self, actions: Iterable[Action]) -> None:
        """Tell everybody who watches one of these actions, its parent or its run."""
        if not self._watches:
            return
        for action in actions:
            run = action.key.run
            self._notify(("run", run))
            self._notify(("action", action.key))
            if action.parent is not None:
                parent = ActionKey(run, action.parent)
                self._notify(("children", parent))
                if action.phase.terminal:
                    self._notify(("outcomes", parent))
            else:
                self._notify(("runs", run.project, run.domain))

    def publish_foreign(self) -> None:
        """Another process has committed something; nobody knows what."""
        for watch in self._foreign:
            watch.notify()

    def publish_all(self) -> None:
        """Wake everybody, for instance because the server stops."""
        for waiting in self._watches.values():
            for watch in waiting:
                watch.notify()
        self.publish_foreign()

    async def foreign_wanted(self) -> None:
        """Return when somebody waits for commits of other processes."""
        while not self._foreign:
            self._foreign_wanted.clear()
            await self._foreign_wanted.wait()

    def _notify(self, topic: Topic) -> None:
        for watch in self._watches.get(topic, ()):
            watch.notify()


def _parse(topic: str) -> Topic:
    kind, _, path = topic.partition(":")
    parts = [unquote(part) for part in path.split("/")]
    match kind, parts:
        case "run", [project, domain, name]:
            return run_topic(RunKey(project, domain, name))
        case "runs", [project, domain]:
            return runs_topic(project, domain)
        case _:
            raise ValueError(f"{topic!r} is neither run:PROJECT/DOMAIN/NAME nor runs:PROJECT/DOMAIN.")
