-- Instants are microseconds since the Unix epoch, UTC. Digests are SHA-256 in lower-case hexadecimal.
--
-- Rows of a run lie together: the key of an action or an event is (run << 32) + its number in the run.
-- So the rows of one run are a range of keys, appended to, and need no further index to be found.

-- What is executed; many actions share one.
CREATE TABLE spec (
    id           INTEGER PRIMARY KEY,
    digest       TEXT NOT NULL UNIQUE,
    task_name    TEXT NOT NULL,
    short_name   TEXT NOT NULL,
    env_name     TEXT NOT NULL,
    task_type    TEXT NOT NULL,
    task_version TEXT NOT NULL,
    policy       TEXT NOT NULL,     -- JSON
    template     BLOB NOT NULL
) STRICT;

CREATE TABLE run (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice: page cursors name it
    project        TEXT NOT NULL,
    domain         TEXT NOT NULL,
    name           TEXT NOT NULL,
    mode           TEXT NOT NULL CHECK (mode IN ('local', 'server')),
    created_at     INTEGER NOT NULL,
    task_name      TEXT NOT NULL,
    created_by     TEXT NOT NULL,
    content_digest TEXT NOT NULL,
    run_spec       BLOB NOT NULL,
    detail         TEXT NOT NULL,       -- JSON: the fields nobody looks for
    last_seq       INTEGER NOT NULL,    -- number of the newest event
    -- Copies from the root action, for lists and filters:
    phase          TEXT NOT NULL,       -- empty until the root exists
    task_version   TEXT NOT NULL,
    updated_at     INTEGER NOT NULL,
    changed        INTEGER NOT NULL     -- counter 'changed' when record or root last changed
) STRICT;

CREATE UNIQUE INDEX run_name ON run (name, project, domain);
CREATE INDEX run_created ON run (created_at);
CREATE INDEX run_place ON run (project, domain, created_at);
CREATE INDEX run_phase ON run (phase, created_at);
CREATE INDEX run_task ON run (task_name, created_at);
CREATE UNIQUE INDEX run_changed ON run (changed);

CREATE TABLE run_label (
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    run   INTEGER NOT NULL,
    PRIMARY KEY (key, value, run)
) STRICT, WITHOUT ROWID;

CREATE INDEX run_label_run ON run_label (run);

CREATE TABLE action (
    id          INTEGER PRIMARY KEY,    -- (run << 32) + number; the root has number 0
    run         INTEGER NOT NULL REFERENCES run (id),
    name        TEXT NOT NULL,
    parent      TEXT,
    seq         INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    phase       TEXT NOT NULL,
    open        INTEGER NOT NULL CHECK (open IN (0, 1)),    -- 0: terminal
    spec        INTEGER NOT NULL REFERENCES spec (id),
    created_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    changed_seq INTEGER NOT NULL,       -- number of its newest event
    -- What the dispatcher looks for; null for runs that a process of their own drives:
    ready_at    INTEGER,                -- since when it may be launched
    due_at      INTEGER,                -- when time alone changes it
    token       INTEGER,                -- of the live attempt
    state       TEXT NOT NULL           -- JSON: everything else
) STRICT;

CREATE UNIQUE INDEX action_name ON action (run, name);
CREATE INDEX action_child ON action (run, parent, seq);
CREATE INDEX action_open ON action (run) WHERE open = 1;
CREATE INDEX action_paused ON action (run) WHERE phase = 'paused';
CREATE INDEX action_ready ON action (ready_at) WHERE ready_at IS NOT NULL;
CREATE INDEX action_due ON action (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX action_live ON action (token) WHERE token IS NOT NULL;

CREATE TRIGGER action_ends_once BEFORE UPDATE OF phase ON action
WHEN old.open = 0 AND new.phase <> old.phase
BEGIN
    SELECT RAISE(ABORT, 'the phase of an action that has ended never changes');
END;

CREATE TABLE event (
    id     INTEGER PRIMARY KEY,         -- (run << 32) + number, from 1 without gaps
    action INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    data   TEXT NOT NULL                -- JSON
) STRICT;

CREATE TABLE payload (
    id   INTEGER PRIMARY KEY,           -- (action << 1) + 0 for inputs, 1 for outputs
    data BLOB NOT NULL
) STRICT;

CREATE TABLE cache (
    scope      TEXT NOT NULL,
    key        TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    uri        TEXT NOT NULL,           -- empty: the bytes are in data
    data       BLOB NOT NULL,
    output_uri TEXT NOT NULL,
    source     TEXT NOT NULL,           -- run/action
    created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT;

CREATE TABLE cache_lease (
    scope   TEXT NOT NULL,
    key     TEXT NOT NULL,
    project TEXT NOT NULL,
    domain  TEXT NOT NULL,
    run     TEXT NOT NULL,
    action  TEXT NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT;

CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    kind       TEXT NOT NULL,
    project    TEXT NOT NULL,
    domain     TEXT NOT NULL,
    run        TEXT NOT NULL,
    action     TEXT NOT NULL,
    token      INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    data       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- The last number given.
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counter VALUES ('token', 0), ('changed', 0);
