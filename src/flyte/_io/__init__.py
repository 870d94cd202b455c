"""Values by reference: files, directories and data frames; `flyte.io` is the face of it.

- `file`, `dir`, `dataframe`: one kind of reference each
- `engines`: the data frames of each library, to files and back
- `hashing`, `settled`: what references are known by
"""
