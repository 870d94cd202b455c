"""Where the values that a task passes on came from: edges recorded while its body runs.

A body that may call tasks runs as a twin of itself: the same code with notes taken beside it. Every
variable has a shadow that says where its value came from; values themselves are never touched.

- `prov`: what a shadow holds
- `scopes`, `rewrite`: from a function's source to the source of its twin
- `twins`: finds, checks and keeps twins
- `shadow`: what a twin calls while it runs
- `implicit`: methods of the user's classes that Python calls without a call in the source
- `models`: what calls do to provenance; `builtin`, `collecting`, `iterating`, `copying`, `aside`: of builtins, of
  collections and queues, of iterators, of copies, and of loops and threads
- `seen`: what is known in one attempt, and the edges that follow from it

See docs/why/dataflow.md and docs/adr.
"""
