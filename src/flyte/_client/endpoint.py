"""Where a server is: what people write in configs, turned into host, port and TLS."""

from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flyte_core.frozen import frozen

if TYPE_CHECKING:
    import ssl


@frozen
class Endpoint:
    """One server. `ca_file` empty: the system's certificates."""

    host: str
    port: int
    tls: bool = False
    verify: bool = True
    ca_file: str = ""

    @property
    def url(self) -> str:
        """Scheme, host and port, without a final slash."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether it is on this machine."""
        return is_loopback(self.host)

    @property
    def addresses(self) -> tuple[str, ...]:
        """What to connect to, in order. `localhost` is told without a resolver, hence without a thread."""
        return ("127.0.0.1", "::1") if self.host == "localhost" else (self.host,)

    def ssl_context(self) -> "ssl.SSLContext | None":
        return _context(self.verify, self.ca_file) if self.tls else None


def parse_endpoint(
    text: str, *, insecure: bool | None = None, verify: bool = True, ca_file: str = ""
) -> Endpoint:
    """Read `host:port`, `dns:///host:port`, `http://...` or `https://...`.

    `insecure` decides for forms without a scheme; `None`: plain on this machine, TLS elsewhere.

    Raises:
        ValueError: it names no host, or a port that is none.
    """
    written = text.strip()
    rest = written.removeprefix("dns:///")
    scheme, separator, _ = rest.partition("://")
    if not separator:
        scheme, rest = "", f"//{rest}"
    elif scheme not in ("http", "https"):
        raise ValueError(f"endpoint {text!r}: the scheme must be http, https or dns")
    parts = urlsplit(rest)
    host = parts.hostname or ""
    if not host or parts.path.strip("/") or parts.query:
        raise ValueError(f"endpoint {text!r}: expected host:port, dns:///host:port or http(s)://host:port")
    try:
        port = parts.port
    except ValueError:
        raise ValueError(f"endpoint {text!r}: the port must be a number from 1 to 65535") from None
    plain = is_loopback(host) if insecure is None else insecure
    tls = scheme == "https" if scheme else not plain
    return Endpoint(host, port or (443 if tls else 80), tls, verify, ca_file)


def is_loopback(host: str) -> bool:
    """Whether the name or address means this machine."""
    if host in ("localhost", "::1") or host.endswith(".localhost"):
        return True
    octets = host.split(".")
    return octets[0] == "127" and len(octets) == 4 and all(octet.isdecimal() for octet in octets)


@cache
def _context(verify: bool, ca_file: str) -> "ssl.SSLContext":
    import ssl

    context = ssl.create_default_context(cafile=ca_file or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
