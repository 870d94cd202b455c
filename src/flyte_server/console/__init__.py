"""The console's data plane: what the pages show, computed from the history and never from guesses.

`columns` is the binary container, `table` a run as columns, `snapshots` whole runs ready to send,
`stream` what changes, `details`, `values` and `logfile` one action in depth. The built pages
themselves lie in `_dist`. Routes are in `flyte_server.http.console_api`.
"""
