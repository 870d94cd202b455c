"""Supervises one attempt: starts the worker, keeps its output, ends it, writes down how it ended.

A shim is forked from a zygote, or executed cold (`python -m flyte._runtime.shim`, the launch on its
standard input). It outlives the server; see `flyte_core.supervision` for the files it leaves. Every
process of the attempt is below it, and none is left when it writes `exit.json`.
"""

import fcntl
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NoReturn

from flyte._runtime import tree
from flyte._runtime.pump import Log, Pump
from flyte_core import supervision
from flyte_core.model import Micros
from flyte_core.process import identity
from flyte_core.supervision import ExitRecord, FrameReader, Spec

MEMORY_WATCH_S = 0.25
LOG_SYNC_S = 1.0
OOM_SCORE = b"500"
"""The kernel, when it must choose, takes the worker before its supervisor and the server."""

RESULTS = ("outputs.pb", "error.pb")
"""What a worker leaves: on the disk before the word that it has ended."""

_PIPE_BYTES = 1024 * 1024
_F_SETPIPE_SZ = 1031

Reply = Callable[[dict[str, Any]], None]


def supervise(spec: Spec, reply: Reply, body: Callable[[Spec], int]) -> None:
    """Run one attempt to its end. `body` is what a forked worker does; it returns the exit code.

    `reply` is called when the worker has been started or will not be, and with the record when all of it is gone.
    """
    Shim(spec, reply, body).run()


class Shim:
    """One attempt's supervision. Single-threaded until the worker has been forked."""

    def __init__(self, spec: Spec, reply: Reply, body: Callable[[Spec], int]) -> None:
        self._spec = spec
        self._reply = reply
        self._body = body
        self._log = Log(f"{spec.dir}/{supervision.LOG}")
        self._pumps: list[Pump] = []
        self._worker = 0
        self._status: int | None = None
        self._started = time.monotonic()
        self._started_at = _now()
        self._reason = ""
        self._detail = ""
        self._kill_at: float | None = None
        self._terminated = False
        self._wakeup = -1
        self._oom_kills = tree.oom_kills()
        self._sync: threading.Thread | None = None
        self._synced = self._started

    def run(self) -> None:
        self._settle()
        me = identity()
        if me is None or not supervision.claim(self._spec.dir, me):
            self._reply({"refused": "claimed"})
            return
        if self._cancel() is not None:
            self._reply({"shim": me.pid, "worker": 0})
            self._record("cancelled", None, "cancelled before it started")
            return
        try:
            self._start()
        except OSError as error:
            what = f"cannot run {self._spec.argv[0]!r}: {error.strerror or error}"
            self._log.say(what)
            self._reply({"shim": me.pid, "worker": 0})
            self._record("launch_failed", None, what)
            return
        worker = identity(self._worker, zombie=True)
        if worker is not None:
            supervision.write_atomically(f"{self._spec.dir}/{supervision.WORKER}", asdict(worker))
        self._reply({"shim": me.pid, "worker": self._worker})
        self._watch()
        self._finish()

    def _settle(self) -> None:
        """Become what a supervisor is: a session, the parent of every orphan, deaf but to SIGTERM."""
        try:
            os.setsid()
        except PermissionError:
            pass  # started as the leader of a session already
        reading, self._wakeup_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._wakeup = reading
        signal.set_wakeup_fd(self._wakeup_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_sigterm)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2):
            # A handler, not SIG_IGN: what is ignored stays ignored in the worker, a handler does not.
            signal.signal(number, _wake)
        tree.become_subreaper()
        os.makedirs(f"{self._spec.dir}/{supervision.WORK}", exist_ok=True)  # noqa: PTH103

    def _on_sigterm(self, number: int, frame: object) -> None:
        self._terminated = True

    # -- start -------------------------------------------------------------------------------

    def _start(self) -> None:
        out, out_end = os.pipe2(os.O_CLOEXEC)
        err, err_end = os.pipe2(os.O_CLOEXEC)
        for fd in (out, err):
            _widen(fd)
        try:
            if self._spec.fork:
                self._worker = self._fork(out_end, err_end)
            else:
                self._worker = self._execute(out_end, err_end)
        except OSError:
            os.close(out)
            os.close(err)
            raise
        finally:
            os.close(out_end)
            os.close(err_end)
        self._pumps = [Pump(out, "o", self._log), Pump(err, "e", self._log)]
        self._started = time.monotonic()
        self._started_at = _now()

    def _fork(self, out: int, err: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            signal.set_wakeup_fd(-1)
            for number in (
                signal.SIGTERM,
                signal.SIGINT,
                signal.SIGHUP,
                signal.SIGCHLD,
                signal.SIGUSR1,
                signal.SIGUSR2,
            ):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.closerange(3, max(map(int, os.listdir("/proc/self/fd"))) + 1)  # noqa: PTH208
            _expose(os.getpid())
            os.chdir(f"{self._spec.dir}/{supervision.WORK}")
            code = self._body(self._spec)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)

    def _execute(self, out: int, err: int) -> int:
        env = dict(self._spec.env)
        if self._spec.inputs is not None:
            path = f"{self._spec.dir}/inputs.pb"
            with open(path, "wb") as file:  # noqa: PTH123
                file.write(self._spec.inputs)
            env[supervision.INPUTS_VARIABLE] = path
        process = subprocess.Popen(
            self._spec.argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env=env,
            cwd=f"{self._spec.dir}/{supervision.WORK}",
            start_new_session=True,
        )
        # Collected by `reap`, never through this object.
        process.returncode = 0
        _expose(process.pid)
        return process.pid

    # -- watch -------------------------------------------------------------------------------

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._wakeup, select.POLLIN)
        pumps = {pump.fd: pump for pump in self._pumps}
        for fd in pumps:
            poll.register(fd, select.POLLIN)
        while self._status is None:
            for fd, _ in poll.poll(self._pause_ms()):
                if fd == self._wakeup:
                    _swallow(fd)
                    continue
                pump = pumps[fd]
                pump.pull()
                if not pump.open:
                    poll.unregister(fd)
                    del pumps[fd]
            self._reap()
            self._enforce()

    def _reap(self) -> None:
        for pid, status in tree.reap():
            if pid == self._worker:
                self._status = status

    def _pause_ms(self) -> float | None:
        """Until when nothing has to be done unless something happens; None: for ever."""
        now = time.monotonic()
        limits = []
        if self._kill_at is not None:
            limits.append(self._kill_at - now)
        elif self._spec.max_runtime_s is not None:
            limits.append(self._started + self._spec.max_runtime_s - now)
        if self._spec.memory_bytes is not None:
            limits.append(MEMORY_WATCH_S)
        if self._log.dirty:
            limits.append(self._synced + LOG_SYNC_S - now)
        return max(0.0, min(limits)) * 1000 + 1 if limits else None

    def _enforce(self) -> None:
        if self._status is not None:
            return
        now = time.monotonic()
        if self._terminated and not self._reason:
            asked = self._cancel()
            grace = self._spec.grace_s if asked is None else float(asked.get("grace_s", self._spec.grace_s))
            why = "cancelled" if asked is not None else "ended: its supervisor got SIGTERM"
            self._end("cancelled", why, grace)
        limit = self._spec.max_runtime_s
        if limit is not None and now - self._started >= limit and not self._reason:
            self._end(
                "timeout", f"still running after {limit:g} s, the limit (max_runtime)", self._spec.grace_s
            )
        if self._spec.memory_bytes is not None and self._reason != "oom":
            used = tree.memory_bytes(self._spec.memory_bytes)
            if used > self._spec.memory_bytes:
                allowed = _size(self._spec.memory_bytes)
                self._end("oom", f"used {_size(used)} of memory; the limit is {allowed}", 0.0)
        if self._kill_at is not None and now >= self._kill_at:
            os.kill(self._worker, signal.SIGKILL)
            self._kill_at = now + 1.0
        if self._log.dirty and now - self._synced >= LOG_SYNC_S:
            self._sync_log(now)

    def _end(self, reason: str, detail: str, grace_s: float) -> None:
        self._reason = reason
        self._detail = detail
        now = time.monotonic()
        self._kill_at = now + grace_s
        if grace_s > 0:
            os.kill(self._worker, signal.SIGTERM)

    def _sync_log(self, now: float) -> None:
        """Force the log to the disk without making the worker wait for the disk."""
        if self._sync is None or not self._sync.is_alive():
            self._sync = threading.Thread(target=self._log.sync, daemon=True)
            self._sync.start()
        self._synced = now

    # -- end ---------------------------------------------------------------------------------

    def _finish(self) -> None:
        assert self._status is not None
        _, stuck = tree.kill_all()
        for pump in self._pumps:
            pump.drain()
        reason, detail = self._reason, self._detail
        code = os.waitstatus_to_exitcode(self._status)
        if not reason:
            reason, detail = self._explain(code)
        if stuck:
            detail += f"; {stuck} processes of it could not be ended"
        if detail:
            self._log.say(detail)
        self._record(reason, code, detail)

    def _explain(self, code: int) -> tuple[str, str]:
        if code == 0:
            return "exit", ""
        if code > 0:
            return "exit", f"exited with code {code}"
        if code == -signal.SIGKILL:
            kills = tree.oom_kills()
            if kills is not None and self._oom_kills is not None and kills > self._oom_kills:
                return "oom", "killed (SIGKILL) while this machine ran out of memory"
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = "a real-time signal"
        return "signal", f"ended by signal {-code} ({name})"

    def _record(self, reason: str, code: int | None, detail: str) -> None:
        self._log.sync()
        self._log.close()
        usage = _usage()
        record = ExitRecord(
            token=self._spec.token,
            reason=reason,
            started_at=self._started_at,
            ended_at=_now(),
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            detail=detail,
            cpu_s=round(usage[0], 6),
            max_rss_bytes=usage[1],
        )
        # Whoever listens need not wait for the disk; a server that dies now still finds this process.
        self._reply({"ended": asdict(record)})
        for name in RESULTS:
            supervision.sync(f"{self._spec.dir}/{name}")
        supervision.write_atomically(f"{self._spec.dir}/{supervision.EXIT}", asdict(record), durable=True)

    def _cancel(self) -> dict[str, Any] | None:
        """What `cancel.json` says, when somebody asked for the end."""
        try:
            with open(f"{self._spec.dir}/{supervision.CANCEL}", "rb") as file:  # noqa: PTH123
                found = json.load(file)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _wake(number: int, frame: object) -> None:
    """The wakeup pipe has what there is to know."""


def _swallow(fd: int) -> None:
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        pass


def _widen(fd: int) -> None:
    """A larger pipe: a burst of output need not wait for the disk."""
    try:
        fcntl.fcntl(fd, _F_SETPIPE_SZ, _PIPE_BYTES)
    except OSError:
        pass  # over this user's share of pipe memory: the default size does too


def _expose(pid: int) -> None:
    try:
        with open(f"/proc/{pid}/oom_score_adj", "wb") as file:  # noqa: PTH123
            file.write(OOM_SCORE)
    except OSError:
        pass


def _usage() -> tuple[float, int]:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.0f} MiB"


def _now() -> Micros:
    return Micros(time.time_ns() // 1000)


def main() -> NoReturn:
    """A cold shim: the launch is read from standard input, a socket, and answered there."""
    with socket.socket(fileno=os.dup(0)) as channel:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.close(null)
        reader = FrameReader()
        got = None
        while got is None:
            data = channel.recv(65536)
            if not data:
                sys.exit("no launch arrived on standard input")
            got = reader.feed(data)
        supervise(Spec.decode(*got), answer_on(channel), _executes_only)
    os._exit(0)


def answer_on(channel: socket.socket) -> Reply:
    """Send what the shim says. Whoever asked may be gone: that changes nothing."""

    def reply(answer: dict[str, Any]) -> None:
        try:
            channel.sendall(supervision.frame(answer))
        except OSError:
            pass

    return reply


def _executes_only(spec: Spec) -> int:
    raise RuntimeError("a cold shim has no preloaded runtime to fork")


if __name__ == "__main__":
    main()
