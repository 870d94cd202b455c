"""The source that handles use when none is given: that of the session."""

from functools import lru_cache
from pathlib import Path

from flyte import _session
from flyte._config import Config
from flyte._remote.source import Scope, Source
from flyte._remote.store_source import StoreSource


def current_source() -> Source:
    """Of the session in force: the configured server's history, else this machine's."""
    session = _session.current()
    return source_of(session.config, local=session.mode == "local")


def source_of(config: Config, *, local: bool = False) -> Source:
    """The history that a configuration names. `local`: this machine's, whatever endpoint is configured."""
    scope = Scope(config.project, config.domain)
    if config.endpoint and not local:
        from flyte._client.session import connect
        from flyte._remote.rpc_source import RpcSource

        return RpcSource(connect(config), scope)
    return _store_source(config.home, scope, config.port, config.autostart)


@lru_cache(maxsize=8)
def _store_source(home: Path, scope: Scope, port: int | None, autostart: bool) -> StoreSource:
    """The history in a data directory; opened once."""
    return StoreSource(home, scope, port=port, autostart=autostart)
