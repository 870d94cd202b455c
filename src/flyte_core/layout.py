"""Where things lie in a data directory (`$FLYTE_HOME`, default `~/.flyte`)."""

import os
from pathlib import Path

from flyte_core.frozen import frozen
from flyte_core.model import ActionKey, RunKey

DEFAULT_PORT = 4290
DEFAULT_PROJECT = "flytesnacks"
DEFAULT_DOMAIN = "development"


def default_home(environ: dict[str, str] | None = None) -> Path:
    """`$FLYTE_HOME`, else `~/.flyte`."""
    env = os.environ if environ is None else environ
    given = env.get("FLYTE_HOME", "").strip()
    return Path(given).expanduser().absolute() if given else Path.home() / ".flyte"


@frozen
class Layout:
    """The paths of one data directory. Nothing is created by looking."""

    home: Path

    @property
    def database(self) -> Path:
        return self.home / "history.db"

    @property
    def server_lock(self) -> Path:
        """Held exclusively (`flock`) by the one server of this directory."""
        return self.home / "server.lock"

    @property
    def server_info(self) -> Path:
        """JSON: `pid, url, data_dir, version, started_at`. Present while a server runs."""
        return self.home / "server.json"

    @property
    def port(self) -> Path:
        """The port the server last listened on, as text: it is taken again, so that printed URLs keep answering."""
        return self.home / "port"

    @property
    def server_log(self) -> Path:
        return self.home / "server.log"

    @property
    def blobs(self) -> Path:
        """Uploaded bundles and large payloads."""
        return self.home / "blobs"

    @property
    def data(self) -> Path:
        """Files, directories and data frames that were made outside of any run."""
        return self.home / "data"

    @property
    def code(self) -> Path:
        """Unpacked code bundles, one directory a digest."""
        return self.home / "code"

    @property
    def zygotes(self) -> Path:
        """Sockets and logs of the processes that workers are forked from."""
        return self.home / "zygotes"

    def run(self, run: RunKey) -> Path:
        """`run_output_base`: everything a run writes lies below."""
        return self.home / "runs" / run.project / run.domain / run.name

    def action(self, key: ActionKey) -> Path:
        """Holds `inputs.pb` when it is a file (clients that write files)."""
        return self.run(key.run) / key.name

    def attempt(self, key: ActionKey, number: int) -> Path:
        """Output prefix of an attempt: `outputs.pb`, `error.pb`, `report.html`, `log`, `exit.json`, `work/`, `raw/`."""
        return self.action(key) / str(number)

    def log(self, key: ActionKey, number: int) -> Path:
        """The attempt's log; see `flyte_core.logs`."""
        return self.attempt(key, number) / "log"
