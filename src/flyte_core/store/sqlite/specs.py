"""Task specs, kept in memory by row and by digest: thousands of actions share one."""

from collections.abc import Callable
from typing import Final

import apsw

from flyte_core.model import Digest, TaskSpec
from flyte_core.store.sqlite import codec

_LIMIT: Final = 4096

_BY_ID: Final = f"SELECT {codec.SPEC_COLUMNS} FROM spec WHERE id = ?"
_BY_DIGEST: Final = f"SELECT {codec.SPEC_COLUMNS} FROM spec WHERE digest = ?"
_ID: Final = "SELECT id FROM spec WHERE digest = ?"
_INSERT: Final = """
INSERT INTO spec (digest, template, task_name, short_name, env_name, task_type, task_version, policy)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


class Specs:
    """What is committed of the `spec` table, as far as it was needed. Rows never change."""

    def __init__(self) -> None:
        self._by_id: dict[int, TaskSpec] = {}
        self._ids: dict[Digest, int] = {}

    def known(self, spec_id: int) -> TaskSpec | None:
        return self._by_id.get(spec_id)

    def id_of(self, digest: Digest) -> int | None:
        return self._ids.get(digest)

    def learn(self, spec_id: int, spec: TaskSpec) -> None:
        """Remember a committed row."""
        if len(self._by_id) >= _LIMIT:
            self._by_id.clear()
            self._ids.clear()
        self._by_id[spec_id] = spec
        self._ids[spec.digest] = spec_id

    def reader(self, db: apsw.Connection) -> Callable[[int], TaskSpec]:
        """Finds specs by row, here or in `db`, which must be seeing committed rows only."""

        def find(spec_id: int) -> TaskSpec:
            spec = self._by_id.get(spec_id)
            if spec is None:
                spec = load(db, spec_id)
                self.learn(spec_id, spec)
            return spec

        return find


def load(db: apsw.Connection, spec_id: int) -> TaskSpec:
    for row in db.execute(_BY_ID, (spec_id,)):
        return codec.decode_spec(row)
    raise KeyError(spec_id)


def find(db: apsw.Connection, digest: Digest) -> TaskSpec | None:
    for row in db.execute(_BY_DIGEST, (digest,)):
        return codec.decode_spec(row)
    return None


def insert(db: apsw.Connection, spec: TaskSpec) -> int:
    """The row of a spec, added when it is new."""
    for (spec_id,) in db.execute(_ID, (spec.digest,)):
        return int(spec_id)
    db.execute(_INSERT, codec.encode_spec(spec))
    return db.last_insert_rowid()
