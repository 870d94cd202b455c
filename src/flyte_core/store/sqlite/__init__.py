"""The store on SQLite: `SqliteStore`."""

from flyte_core.store.sqlite.connection import Durability
from flyte_core.store.sqlite.store import SqliteStore

__all__ = ["Durability", "SqliteStore"]
