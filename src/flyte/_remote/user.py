"""Who runs belong to that are started here."""

import json

from flyte._account import account
from flyte._sync import syncify_classmethod


class User:
    """The account of this machine's operating system: a server knows its callers by it."""

    def __init__(self, name: str) -> None:
        self._name = name

    @syncify_classmethod
    @classmethod
    async def get(cls) -> "User":
        """Who you are."""
        return cls(account())

    def name(self) -> str:
        return self._name

    def subject(self) -> str:
        """What `Run.listall(created_by_subject=...)` takes."""
        return self._name

    def to_dict(self) -> dict[str, object]:
        return {"name": self._name, "subject": self._name}

    def to_json(self) -> str:
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        return f"<User {self._name}>"
