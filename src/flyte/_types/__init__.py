"""Between Python values and literals. The engine chooses a codec for a type; codecs convert.

- `codec`: what a codec does, and how a value that does not fit is told
- `engine`: the codec of a type hint
- `scalars`, `times`, `enums`, `collections`, `tuples`, `structs`, `models`, `unions`, `dynamic`: one
  family of types each
- `interface`: all inputs or all outputs of a task at once
"""
