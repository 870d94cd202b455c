"""Configuration: read once, into a frozen value that knows where each setting comes from."""

import os
from collections.abc import Callable, Mapping
from dataclasses import field, fields, replace
from pathlib import Path
from typing import Any, Final

from flyte.errors import ConfigurationError
from flyte_core.frozen import frozen
from flyte_core.layout import DEFAULT_DOMAIN, DEFAULT_PROJECT, default_home

BUILT_IN: Final = "default"


@frozen
class Config:
    """What is configured. `sources` tells, for each field that was set, by what.

    An empty `endpoint` means this machine's own server.
    """

    endpoint: str = ""
    insecure: bool = False
    insecure_skip_verify: bool = False
    ca_cert_file_path: str = ""
    auth_type: str = "Pkce"
    client_id: str = ""
    client_secret_env_var: str = ""
    client_secret_location: str = ""
    command: tuple[str, ...] = ()
    proxy_command: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    http_proxy_url: str = ""
    disable_keyring: bool = False
    console_endpoint: str = ""
    org: str = ""
    project: str = DEFAULT_PROJECT
    domain: str = DEFAULT_DOMAIN
    image_builder: str = "local"
    image_registry: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    local_persistence: bool = True
    local_tracked: bool = False
    local_tracked_strict: bool = False
    local_cache_enabled: bool = True
    home: Path = field(default_factory=default_home)
    port: int | None = None
    """Of this machine's own server; `None`: the usual one, or another if that is taken."""
    autostart: bool = True
    """Whether this machine's own server may be started when it is needed."""
    file: Path | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    def source(self, name: str) -> str:
        """Where the value of a field comes from: a file, a variable, an argument, or `default`."""
        return self.sources.get(name, BUILT_IN)

    def override(self, source: str, **values: Any) -> "Config":
        """The same with other values; those that are `None` do not count."""
        given = {name: value for name, value in values.items() if value is not None}
        sources = {**self.sources, **dict.fromkeys(given, source)}
        return replace(self, **given, sources=sources) if given else self

    def rows(self) -> list[tuple[str, Any, str]]:
        """Name, value and source of every setting, for people."""
        hidden = ("file", "sources")
        return [
            (_KEYS.get(each.name, each.name), getattr(self, each.name), self.source(each.name))
            for each in fields(self)
            if each.name not in hidden
        ]


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise ValueError("it is no text")
    return str(value)


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("0", "false", "no", "off", ""):
        return False
    raise ValueError("it is neither true nor false")


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple):
        return tuple(map(_text, value))
    return tuple(_text(value).split())


def _number(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if not 0 < number < 65536:
        raise ValueError("it is no port: use 1 to 65535")
    return number


def _mapping(value: Any) -> Mapping[str, str]:
    if not isinstance(value, dict):
        raise ValueError("it is no mapping")
    return {str(key): _text(each) for key, each in value.items()}


def _directory(value: Any) -> Path:
    return Path(_text(value)).expanduser().absolute()


_ENTRIES: Final[tuple[tuple[str, str, Callable[[Any], Any], tuple[str, ...]], ...]] = (
    ("endpoint", "admin.endpoint", _text, ("FLYTE_ENDPOINT",)),
    ("insecure", "admin.insecure", _flag, ()),
    ("insecure_skip_verify", "admin.insecureSkipVerify", _flag, ()),
    ("ca_cert_file_path", "admin.caCertFilePath", _text, ()),
    ("auth_type", "admin.authType", _text, ()),
    ("client_id", "admin.clientId", _text, ()),
    ("client_secret_env_var", "admin.clientSecretEnvVar", _text, ()),
    ("client_secret_location", "admin.clientSecretLocation", _text, ()),
    ("command", "admin.command", _words, ()),
    ("proxy_command", "admin.proxyCommand", _words, ()),
    ("scopes", "admin.scopes", _words, ()),
    ("http_proxy_url", "admin.httpProxyURL", _text, ()),
    ("disable_keyring", "admin.disableKeyring", _flag, ()),
    ("console_endpoint", "console.endpoint", _text, ()),
    ("org", "task.org", _text, ("FLYTE_ORG",)),
    ("project", "task.project", _text, ("FLYTE_PROJECT",)),
    ("domain", "task.domain", _text, ("FLYTE_DOMAIN",)),
    ("image_builder", "image.builder", _text, ()),
    ("image_registry", "image.registry", _text, ()),
    ("images", "image.image_refs", _mapping, ()),
    ("local_persistence", "local.persistence", _flag, ()),
    ("local_tracked", "local.tracked", _flag, ()),
    ("local_tracked_strict", "local.tracked_strict", _flag, ()),
    ("local_cache_enabled", "local.cache_enabled", _flag, ()),
    ("home", "server.home", _directory, ("FLYTE_HOME",)),
    ("port", "server.port", _number, ("FLYTE_PORT",)),
    ("autostart", "server.autostart", _flag, ("FLYTE_AUTOSTART",)),
)
"""Field, key in a file, how it is read, and further variables beside `FLYTE_<SECTION>_<KEY>`."""

_KEYS: Final = {name: key for name, key, _, _ in _ENTRIES}
_SECTIONS: Final = frozenset(key.partition(".")[0] for _, key, _, _ in _ENTRIES)


def load(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """What is configured: variables before the file, the file before what is built in.

    Args:
        path: The file to read, instead of the first of `candidates` that exists.
        environ: Instead of the process's own variables.

    Raises:
        ConfigurationError: a named file cannot be read, or a setting has a value that means nothing.
    """
    env = os.environ if environ is None else environ
    config = Config(home=default_home(dict(env)))
    file, values = _read_named(Path(path)) if path is not None else _find(env)
    if file is not None:
        config = replace(config, file=file)
        config = _applied(config, {name: (values.get(key), str(file)) for name, key, _, _ in _ENTRIES})
    return _applied(config, {name: _variable(env, key, more) for name, key, _, more in _ENTRIES})


def candidates(env: Mapping[str, str]) -> list[Path]:
    """Where a configuration is looked for, first to last."""
    here = Path.cwd()
    found = [here / "config.yaml", here / ".flyte" / "config.yaml"]
    repository = repository_of(here)
    if repository is not None:
        found.append(repository / ".flyte" / "config.yaml")
    found += [Path(env[name]).expanduser() for name in ("UCTL_CONFIG", "FLYTECTL_CONFIG") if env.get(name)]
    home = Path(env.get("HOME") or Path.home())
    return [*found, home / ".union" / "config.yaml", home / ".flyte" / "config.yaml"]


def repository_of(directory: Path) -> Path | None:
    """The root of the Git repository that a directory is in."""
    return next((each for each in (directory, *directory.parents) if (each / ".git").exists()), None)


def _find(env: Mapping[str, str]) -> tuple[Path | None, dict[str, Any]]:
    for path in dict.fromkeys(candidates(env)):
        if path.is_file():
            values = _read(path)
            # Other programs call their files config.yaml, too.
            if values is not None:
                return path, values
    return None, {}


def _read_named(path: Path) -> tuple[Path, dict[str, Any]]:
    path = path.expanduser().absolute()
    if not path.is_file():
        raise ConfigurationError(
            f"There is no configuration file {path}.",
            hint="Make one with `flyte create config`, or leave the path out.",
        )
    values = _read(path)
    if values is None:
        raise ConfigurationError(
            f"{path} is no configuration: it has none of the sections {', '.join(sorted(_SECTIONS))}.",
            hint="Make one with `flyte create config`.",
        )
    return path, values


def _read(path: Path) -> dict[str, Any] | None:
    """Values by dotted key; None when the file is something else."""
    import yaml

    try:
        data = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The configuration file {path} cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"The configuration file {path} is no YAML: {' '.join(str(error).split())}.", hint="Correct it."
        ) from error
    if not isinstance(data, dict) or not _SECTIONS & data.keys():
        return None
    return {
        f"{section}.{key}": value
        for section, entries in data.items()
        if isinstance(entries, dict)
        for key, value in entries.items()
    }


def _variable(env: Mapping[str, str], key: str, more: tuple[str, ...]) -> tuple[str | None, str]:
    section, _, name = key.partition(".")
    plain = f"FLYTE_{section}_{name}".upper()
    spaced = f"FLYTE_{section}_{''.join(f'_{c}' if c.isupper() else c for c in name)}".upper()
    for variable in (*more, plain, spaced):
        if env.get(variable, "").strip():
            return env[variable].strip(), f"${variable}"
    return None, ""


def _applied(config: Config, found: Mapping[str, tuple[Any, str]]) -> Config:
    values, sources = {}, dict(config.sources)
    for name, key, read, _ in _ENTRIES:
        value, source = found[name]
        if value is None:
            continue
        try:
            values[name] = read(value)
        except (ValueError, TypeError) as error:
            where = source if source.startswith("$") else f"{key} in {source}"
            raise ConfigurationError(
                f"{where} is {value!r}: {error}.", hint="Correct it there, or remove it."
            ) from error
        sources[name] = source
    return replace(config, **values, sources=sources) if values else config
