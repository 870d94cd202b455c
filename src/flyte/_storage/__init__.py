"""Where values by reference lie: this machine's files, and the object stores of three clouds.

- `config`: how each cloud is reached
- `places`: the one interface, and the place that an address belongs to
- `local`, `cloud`: the two implementations
- `paths`: where new data go
- `streams`: hashing what is written, checking what is read, and both for code on an event loop
- `transfer`: whole files and directories from one place to another
"""
