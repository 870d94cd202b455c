"""The server's settings: frozen, read once from the command line and the environment."""

import argparse
import ipaddress
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from flyte_core.egress import SMTP
from flyte_core.frozen import frozen
from flyte_core.layout import DEFAULT_PORT, default_home

IDLE_TIMEOUT_S = 1800.0
LOOPBACK = "127.0.0.1"


class UsageProblem(Exception):
    """The command line or the environment asks for something that cannot be."""


@frozen
class Settings:
    """What one server process was told."""

    home: Path
    host: str = LOOPBACK
    port: int = DEFAULT_PORT
    port_fixed: bool = False
    """The port was asked for: do not take another one when it is taken."""
    idle_timeout_s: float = IDLE_TIMEOUT_S
    """Stop by itself after so long without open runs, watchers or requests; 0: never."""
    slots: float = 0.0
    """CPUs to hand out; 0: as many as the machine has."""
    runtime_pythons: tuple[str, ...] = ()
    """Interpreters that have the published client, for runs whose own cannot be found."""
    allowed_hosts: tuple[str, ...] = ()
    """Names beyond `localhost` under which browsers may call."""
    egress_allowed: tuple[str, ...] = ()
    """Hosts that notices may go to though they are no public ones, or without TLS."""
    smtp: str = ""
    """The mail server that notices by mail are handed to; see `flyte_core.egress.post`."""
    insecure: bool = False
    """Listen beyond loopback without login, as was said aloud."""
    same_user: bool = True
    """Refuse connections of other accounts of this machine."""
    grace_s: float = 5.0
    """Between SIGTERM and SIGKILL of an attempt."""
    drain_s: float = 8.0
    """How long requests may finish after SIGTERM."""

    @property
    def url(self) -> str:
        """Where clients and browsers of this machine reach the server."""
        host = "localhost" if is_loopback(self.host) or self.host in ("0.0.0.0", "::") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from a command line, its gaps filled from the environment.

    Raises:
        UsageProblem: the address is reachable from other machines and nobody said that this is meant.
        SystemExit: the command line is wrong (code 2), or asked for help.
    """
    env = dict(os.environ if environ is None else environ)
    given = _parser().parse_args(argv)
    pythons = [*given.runtime_python, *env.get("FLYTE_RUNTIME_PYTHON", "").split(os.pathsep)]
    settings = Settings(
        home=Path(given.home).expanduser().absolute() if given.home else default_home(env),
        host=given.host,
        port=DEFAULT_PORT if given.port is None else given.port,
        port_fixed=given.port is not None,
        idle_timeout_s=given.idle_timeout,
        slots=given.slots,
        runtime_pythons=tuple(python for python in pythons if python),
        allowed_hosts=tuple(given.allow_host),
        egress_allowed=tuple(env.get("FLYTE_EGRESS_ALLOW", "").replace(",", " ").split()),
        smtp=env.get(SMTP, ""),
        insecure=given.insecure_i_know,
        same_user=not given.no_auth,
    )
    if not is_loopback(settings.host) and not settings.insecure:
        raise UsageProblem(
            f"Address {settings.host} can be reached from other machines, and there is no login: "
            "whoever reaches it can run code as you. Leave --host out to listen on this machine "
            "only, or add --insecure-i-know."
        )
    return settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flyte_server", description="Serve runs and actions on this machine."
    )
    parser.add_argument("--home", help="data directory (default: $FLYTE_HOME, else ~/.flyte)")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port",
        type=_port,
        help=f"port to listen on (default: {DEFAULT_PORT}, or a free one; 0: any free one)",
    )
    parser.add_argument(
        "--idle-timeout",
        type=_seconds,
        default=IDLE_TIMEOUT_S,
        metavar="S",
        help="stop after S seconds without work (default: %(default)g; 0: never)",
    )
    parser.add_argument(
        "--slots", type=_seconds, default=0.0, metavar="CPUS", help="CPUs to use (default: all there are)"
    )
    parser.add_argument(
        "--runtime-python",
        action="append",
        default=[],
        metavar="PATH",
        help="a Python that has the published flyte client, to run its tasks in; may be repeated",
    )
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="another name browsers may use"
    )
    parser.add_argument(
        "--insecure-i-know", action="store_true", help="listen beyond this machine without any login"
    )
    parser.add_argument(
        "--no-auth", action="store_true", help="let every account of this machine in, not only yours"
    )
    return parser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: ports are 0 to 65535")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0")
    return number
