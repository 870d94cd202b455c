-- How data flowed between the actions of a run. Both ends are actions by their ids, so the edges of a
-- run are a range of keys too, and those into one action lie together.
CREATE TABLE edge (
    target       INTEGER NOT NULL,
    relation     TEXT NOT NULL CHECK (relation IN ('data', 'argument', 'result', 'order')),
    target_param TEXT NOT NULL,
    target_path  TEXT NOT NULL,
    source       INTEGER NOT NULL,
    source_path  TEXT NOT NULL,
    confidence   TEXT NOT NULL CHECK (confidence IN ('exact', 'derived', 'inferred')),
    PRIMARY KEY (target, relation, target_param, target_path, source, source_path)
) STRICT, WITHOUT ROWID;
