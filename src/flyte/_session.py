"""The session: whether runs go to a server or stay in this process, and where either is."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from flyte import _config, _context
from flyte._config import Config
from flyte._log import LogChoice
from flyte._sync import immediate
from flyte.errors import ConfigurationError, InitializationError
from flyte_core.frozen import frozen

if TYPE_CHECKING:
    from flyte._storage.config import Storage

Mode = Literal["local", "remote"]


class Kept(TypedDict, total=False):
    """Further documented arguments of `init` and `init_from_config`: `storage` is used, the others are kept."""

    storage: "Storage | None"
    headless: bool
    api_key: str | None
    client_credentials_secret: str | None
    auth_client_config: Any
    rpc_retries: int
    batch_size: int
    source_config_path: str | Path | None
    sync_local_sys_paths: bool
    load_plugin_type_transformers: bool


class KeptFromConfig(Kept, total=False):
    images: Mapping[str, str] | Sequence[str] | None


@frozen
class Session:
    """What holds for this process until `init` is called again.

    Attributes:
        mode: Where `flyte.run` runs things unless told otherwise.
        root_dir: The project's root: modules are named, and code is bundled, from here.
        options: Further arguments of `init`, for those who need them.
    """

    mode: Mode = "local"
    config: Config = field(default_factory=Config)
    root_dir: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


_session: Session | None = None


def current() -> Session:
    """The session in force. Without `init` it is a local one, as configured."""
    return _session if _session is not None else Session(config=_config.load())


def initialised() -> bool:
    """Whether `init` or `init_from_config` was called."""
    return _session is not None


def reset() -> None:
    """Forget the session, as if nothing had been called."""
    global _session
    _session = None


@immediate
def init(
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    root_dir: str | Path | None = None,
    log_level: int | None = None,
    log_format: str | None = None,
    reset_root_logger: bool = False,
    user_log_level: int | None = None,
    endpoint: str | None = None,
    insecure: bool | None = None,
    insecure_skip_verify: bool | None = None,
    ca_cert_file_path: str | None = None,
    auth_type: str | None = None,
    command: Sequence[str] | None = None,
    proxy_command: Sequence[str] | None = None,
    client_id: str | None = None,
    scopes: Sequence[str] | None = None,
    http_proxy_url: str | None = None,
    disable_keyring: bool | None = None,
    image_builder: str | None = None,
    images: Mapping[str, str] | None = None,
    image_registry: str | None = None,
    local_persistence: bool | None = None,
    local_tracked: bool | None = None,
    local_tracked_strict: bool | None = None,
    **options: Unpack[Kept],
) -> None:
    """Set up the session. Without an endpoint, `flyte.run` runs things in this process.

    Nothing is connected or started by it. May be called again; the last call holds.

    Args:
        project: Of new runs; so is `domain`.
        root_dir: The project's root, from which modules are imported.
        log_level: Of the SDK's own logger.
        user_log_level: Of `flyte.logger`.
        endpoint: The server: `host:port`, `dns:///host:port` or a URL.
        insecure: Speak to it without TLS.
        options: Further documented arguments; kept, and used by what understands them.
    """
    config = _config.load().override(
        "flyte.init()",
        org=org,
        project=project,
        domain=domain,
        endpoint=endpoint,
        insecure=insecure,
        insecure_skip_verify=insecure_skip_verify,
        ca_cert_file_path=ca_cert_file_path,
        auth_type=auth_type,
        command=None if command is None else tuple(command),
        proxy_command=None if proxy_command is None else tuple(proxy_command),
        client_id=client_id,
        scopes=None if scopes is None else tuple(scopes),
        http_proxy_url=http_proxy_url,
        disable_keyring=disable_keyring,
        image_builder=image_builder,
        images=images,
        image_registry=image_registry,
        local_persistence=local_persistence,
        local_tracked=local_tracked,
        local_tracked_strict=local_tracked_strict,
    )
    _begin("remote" if endpoint else "local", config, root_dir, options)
    LogChoice(log_level, user_log_level, log_format, reset_root_logger).apply()


@immediate
def init_from_config(
    path_or_config: str | Path | Config | None = None,
    root_dir: str | Path | None = None,
    log_level: int | None = None,
    log_format: str | None = None,
    user_log_level: int | None = None,
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    image_builder: str | None = None,
    **options: Unpack[KeptFromConfig],
) -> None:
    """Set up the session as configured: runs go to a server.

    Without a configuration, or when it names no endpoint, that is this machine's own server; the
    first run starts it. Nothing is connected or started before.

    Args:
        path_or_config: A configuration file, instead of the one that is found.

    Raises:
        ConfigurationError: the file does not exist, or holds something that cannot be used.
    """
    found = path_or_config if isinstance(path_or_config, Config) else _config.load(path_or_config)
    config = found.override(
        "flyte.init_from_config()", org=org, project=project, domain=domain, image_builder=image_builder
    )
    _begin("remote", config, root_dir, options)
    LogChoice(log_level, user_log_level, log_format).apply()


@immediate
def init_in_cluster(
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    api_key: str | None = None,
    endpoint: str | None = None,
    insecure: bool = False,
) -> dict[str, Any]:
    """Set up the session inside a task: runs go to the server that runs it.

    Returns what was set.

    Raises:
        InitializationError: no server runs this, and none is named.
    """
    found = endpoint or os.environ.get("_U_EP_OVERRIDE", "")
    if not found:
        raise InitializationError(
            "No server runs this process, and none is named.", hint="Use flyte.init_from_config() instead."
        )
    own = endpoint is None
    settings = {
        "org": org,
        "project": project or os.environ.get("FLYTE_INTERNAL_EXECUTION_PROJECT") or None,
        "domain": domain or os.environ.get("FLYTE_INTERNAL_EXECUTION_DOMAIN") or None,
        "endpoint": found,
        "insecure": True if own and os.environ.get("_U_INSECURE") == "true" else insecure or None,
    }
    _begin(
        "remote", _config.load().override("flyte.init_in_cluster()", **settings), None, {"api_key": api_key}
    )
    return settings


@immediate
def init_passthrough(
    endpoint: str | None = None,
    org: str | None = None,
    project: str | None = None,
    domain: str | None = None,
    insecure: bool = False,
) -> dict[str, Any]:
    """Set up the session for a server, as `init`; returns what was set."""
    settings = {"endpoint": endpoint, "org": org, "project": project, "domain": domain}
    init(**settings, insecure=insecure or None)  # type: ignore[arg-type]
    return {**settings, "insecure": insecure}


@immediate
def init_from_api_key(api_key: str | None = None, **options: Any) -> None:
    """There for scripts that call it: this machine's server knows no API keys.

    Raises:
        InitializationError: always.
    """
    raise InitializationError(
        "API keys belong to hosted servers; this machine's own needs none.",
        hint="Use flyte.init_from_config(), or flyte.init(endpoint=...).",
    )


def current_project() -> str:
    """The project of the running task; outside of one, that of new runs."""
    here = _context.current()
    return here.run.key.project if here is not None else current().config.project


def current_domain() -> str:
    """The domain of the running task; outside of one, that of new runs."""
    here = _context.current()
    return here.run.key.domain if here is not None else current().config.domain


def is_control_plane_available() -> bool:
    """Whether runs go to a server."""
    return current().mode == "remote"


def _begin(mode: Mode, config: Config, root_dir: str | Path | None, options: Mapping[str, Any]) -> None:
    global _session
    root = None if root_dir is None else Path(root_dir).expanduser().resolve()
    if root is not None and not root.is_dir():
        raise ConfigurationError(f"root_dir {root} is no directory.", hint="Name the project's root folder.")
    _session = Session(mode, config, root, dict(options))
