"""What goes out to addresses that users name. Requests are bounded, pinned to one address, and for a server kept
from its own network; mails go to the one mail server that was configured.

A name is looked up once and that very address is connected to, so a name that changes its mind in
between reaches nothing. Redirects are not followed, and no answer is shown to anybody.
"""

import http.client
import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Collection, Mapping
from dataclasses import field
from email.message import EmailMessage
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from flyte_core.frozen import frozen

TIMEOUT_S: Final = 10.0
_ANSWER_BYTES: Final = 64 << 10
_PORTS: Final = {"http": 80, "https": 443}
_MAIL_PORTS: Final = {"smtp": 25, "smtps": 465}
SMTP: Final = "FLYTE_SMTP"
"""The variable that names the mail server: `smtp://user:password@host:587?from=me@example.com`, or `smtps://`."""
_TOKEN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~")


class EgressError(Exception):
    """It was not sent, or not taken; says why."""


@frozen
class Request:
    """What is to be sent."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@frozen
class Mail:
    """A mail; `html` stands beside the text, for those who show it."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str = ""
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()


Message = Request | Mail


def deliver(message: Message, *, smtp: str, allowed: Collection[str] | None = None) -> None:
    """Send a request or a mail; see `send` and `post`."""
    if isinstance(message, Mail):
        post(message, smtp)
    else:
        send(message, allowed=allowed)


def post(mail: Mail, smtp: str) -> None:
    """Hand a mail to the mail server at an address such as `smtp://user:password@host:587?from=me@example.com`.

    Raises:
        EgressError: there is no such server, or it does not take the mail.
    """
    if not smtp:
        raise EgressError(f"A mail needs a mail server: set {SMTP}=smtp://user:password@host:587")
    parts = urlsplit(smtp)
    host, user = parts.hostname or "", unquote(parts.username or "")
    if parts.scheme not in _MAIL_PORTS or not host:
        raise EgressError(f"{SMTP} names no mail server: it must begin with smtp:// or smtps://.")
    port = parts.port or _MAIL_PORTS[parts.scheme]
    sender = parse_qs(parts.query).get("from", [user if "@" in user else f"godwit@{socket.getfqdn()}"])[0]
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    try:
        with kind(host, port, timeout=TIMEOUT_S) as server:
            server.ehlo()
            # A password is never sent in the clear.
            if parts.scheme == "smtp" and (user or server.has_extn("starttls")):
                server.starttls(context=ssl.create_default_context())
            if user:
                server.login(user, unquote(parts.password or ""))
            server.send_message(_letter(mail, sender), sender, [*mail.to, *mail.cc, *mail.bcc])
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise EgressError(f"The mail server {host} did not take a mail: {error}") from error


def _letter(mail: Mail, sender: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"], letter["To"] = sender, ", ".join(mail.to)
    if mail.cc:
        letter["Cc"] = ", ".join(mail.cc)
    letter["Subject"] = " ".join(mail.subject.split())
    letter.set_content(mail.text)
    if mail.html:
        letter.add_alternative(mail.html, subtype="html")
    return letter


def send(request: Request, *, allowed: Collection[str] | None = None) -> None:
    """Send it and wait for the answer, which must be a success.

    Args:
        request: What is to be sent.
        allowed: For a server: hosts that may be anywhere and be spoken to without TLS; all others
            must be public addresses behind TLS. None: the sender is the user's own process, which
            may go where it likes.

    Raises:
        EgressError: the address is none, may not be reached or cannot be, or its answer is no success.
    """
    parts = _parts(request.url)
    host, tls = parts.hostname or "", parts.scheme == "https"
    trusted = allowed is None or host in allowed
    if not tls and not trusted:
        raise EgressError(f"{_shown(parts)} is not spoken to without TLS: use https://.")
    port = parts.port or _PORTS[parts.scheme]
    connection = _Pinned(host, port, _address(host, port, trusted), tls)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request(request.method, target, request.body, dict(_checked(request.headers)))
        answer = connection.getresponse()
        answer.read(_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise EgressError(f"{_shown(parts)} cannot be reached: {error}") from error
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise EgressError(f"{_shown(parts)} answered with HTTP {answer.status}.")


class _Pinned(http.client.HTTPConnection):
    """A connection to an address that was looked up before, under the name it was asked for."""

    def __init__(self, host: str, port: int, address: str, tls: bool) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self._address = address
        self._tls = tls

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), TIMEOUT_S)
        if self._tls:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise EgressError(f"That is no web address: {error}") from None
    if parts.scheme not in _PORTS or not parts.hostname or not url.isprintable() or " " in url:
        raise EgressError("That is no web address: it must begin with https:// or http://.")
    if parts.username is not None or parts.password is not None:
        raise EgressError("An address with a name or a password in it is not used; put them into a header.")
    return parts


def _address(host: str, port: int, trusted: bool) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise EgressError(f"The host {host} is not known: {error}") from error
    addresses = [str(each[4][0]) for each in found]
    if not trusted:
        hidden = next((each for each in addresses if not _is_public(each)), None)
        if hidden is not None:
            raise EgressError(
                f"The host {host} is at {hidden}, which is no public address. If it may be reached, "
                f"name it when the server is started: FLYTE_EGRESS_ALLOW={host}"
            )
    return addresses[0]


def _is_public(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return _is_public(str(inner))
    return found.is_global and not found.is_multicast


def _checked(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if not name or not set(name) <= _TOKEN or any(char in value for char in "\r\n\0"):
            raise EgressError(f"{name!r} is no header that can be sent.")
    return headers


def _shown(parts: SplitResult) -> str:
    """The address without what may be secret in it: webhooks carry keys in their paths."""
    return f"{parts.scheme}://{parts.hostname}"
