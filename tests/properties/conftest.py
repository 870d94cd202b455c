"""Prints how many of the seeded defects were caught."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    fates = [
        dict(report.user_properties)["mutant"]
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport)
        and report.when == "call"
        and "mutant" in dict(report.user_properties)
    ]
    if fates:
        terminalreporter.write_line(
            f"mutation score: {fates.count('caught')} of {len(fates)} seeded defects caught"
        )
