"""`python -m flyte_server`: serve the runs and actions of one data directory."""

import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from flyte_core.model import CoreError
from flyte_server.config import UsageProblem, parse

_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Lines(logging.Formatter):
    """One line a record: time, level, message, and what it is about as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        about = "".join(f" {name}={value}" for name, value in vars(record).items() if name not in _ORDINARY)
        line = f"{at.replace('+00:00', 'Z')} {record.levelname.lower()} {record.name}: {record.getMessage()}{about}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 stopped, 1 cannot serve, 2 wrong command line."""
    try:
        settings = parse(sys.argv[1:] if argv is None else argv)
    except UsageProblem as problem:
        print(problem, file=sys.stderr)
        return 2
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # Imported late: a wrong command line is told at once.
    from flyte_server import serving

    try:
        serving.run(settings)
    except serving.CannotServe as problem:
        print(problem, file=sys.stderr)
        return 1
    except CoreError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
