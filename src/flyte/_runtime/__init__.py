"""What runs inside a worker: argv -> load the code -> inputs -> invoke -> outputs or error.

- `a0`: the command line every attempt is started with, and the main function of a cold process
- `attempt`: runs one attempt in this process and leaves `outputs.pb` or `error.pb`
- `resolver`, `code`: where the task object comes from
- `failure`: what an exception looks like to the user
- `capture`: prints and logs of interleaved actions, each to its own log
- `shim`: supervises one attempt's process tree and outlives the server
- `zygote`: the preloaded process that shims and workers are forked from
- `warm`: a worker that runs one attempt after another (`ReusePolicy`)
"""

FULL_TRACEBACK = "FLYTE_FULL_TRACEBACK"
"""The variable that keeps every frame of a traceback, ours too."""
