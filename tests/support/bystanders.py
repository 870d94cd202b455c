"""People around a run: one who answers what it asks, and one who is told of it."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import flyte.remote
from flyte import errors, notify
from flyte.models import ActionPhase

_LOOK_S = 0.02
_PATIENCE_S = 30.0
_ENDS = (ActionPhase.SUCCEEDED, ActionPhase.FAILED, ActionPhase.TIMED_OUT, ActionPhase.ABORTED)


@contextmanager
def answering(answers: dict[str, Any], run: str, project: str) -> Iterator[None]:
    """Answer the conditions of a run, by name, as they ask."""
    over = threading.Event()

    def answer() -> None:
        left = dict(answers)
        while left and not over.wait(_LOOK_S):
            # The run may not be there yet.
            with suppress(errors.BaseRuntimeError):
                for condition in flyte.remote.Condition.listall(run, project=project):
                    if condition.phase == "paused" and condition.name in left:
                        condition.signal(left.pop(condition.name))

    thread = threading.Thread(target=answer, daemon=True)
    if not answers:
        yield
        return
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class News:
    """Hears what notifications tell, by run; see `listening`."""

    def __init__(self) -> None:
        self.url = ""
        self._heard: dict[str, list[str]] = {}
        self._more = threading.Condition()

    def wanted(self) -> tuple[notify.Webhook, ...]:
        """Notifications of a run's end and of its questions, as `PHASE error` and `PHASE prompt`."""
        address = f"{self.url}/{{{{.Run.Name}}}}"
        return (
            notify.Webhook(on_phase=_ENDS, url=address, body={"text": "{{.Phase}} {{.Error}}"}),
            notify.Webhook(on_phase=ActionPhase.PAUSED, url=address, body={"text": "{{.Phase}} {{.Prompt}}"}),
        )

    def of(self, run: str, number: int) -> list[str]:
        """What was told of a run, once so many messages have come."""
        with self._more:
            came = self._more.wait_for(lambda: len(self._heard.get(run, ())) >= number, _PATIENCE_S)
            assert came, f"nobody was told of {run}"
            return self._heard[run]

    def _hear(self, run: str, text: str) -> None:
        with self._more:
            self._heard.setdefault(run, []).append(text.strip())
            self._more.notify_all()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """While it is entered, a web server of this machine takes what is sent."""
        hear = self._hear

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                hear(self.path.strip("/"), body["text"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield
            server.shutdown()
            thread.join()
