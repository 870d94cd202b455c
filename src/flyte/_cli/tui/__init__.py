"""The console of a terminal: runs, a run's live tree, details and logs, over the same history.

Needs `textual`, which comes with `godwit-flyte[tui]`.

- `app`: the application and its way in
- `runs`: the table of runs
- `run`: one run: tree, details, log
- `details`: what is said of an action
"""

import sys
from importlib.util import find_spec

from flyte._cli.problem import Problem, UsageProblem


def require_tui() -> None:
    """Refuse where there is no terminal, or no `textual`.

    Raises:
        Problem: it is not installed.
        UsageProblem: there is no terminal to draw on.
    """
    if find_spec("textual") is None:
        raise Problem(
            "the terminal's console needs the package 'textual', which is not installed.",
            hint="Install it: pip install 'godwit-flyte[tui]'. Without it: flyte get run",
        )
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageProblem(
            "the console needs a terminal for its keys and its picture.", hint="Without one: flyte get run"
        )
