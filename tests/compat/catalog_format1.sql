CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE spaces (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    space_id TEXT NOT NULL,
    dim INTEGER NOT NULL CHECK (dim > 0),
    metric TEXT NOT NULL,
    config TEXT NOT NULL,
    file TEXT NOT NULL UNIQUE,
    n_rows INTEGER NOT NULL DEFAULT 0 CHECK (n_rows >= 0),
    n_live INTEGER NOT NULL DEFAULT 0 CHECK (n_live BETWEEN 0 AND n_rows)
) STRICT;

CREATE TABLE blocks (
    space INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    block INTEGER NOT NULL CHECK (block >= 0),
    checksum INTEGER NOT NULL,
    PRIMARY KEY (space, block)
) STRICT, WITHOUT ROWID;

CREATE TABLE tracks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path BLOB NOT NULL UNIQUE,
    root BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    device INTEGER NOT NULL,
    digest BLOB,
    outcome TEXT NOT NULL CHECK (outcome IN ('ok', 'partial', 'failed')),
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    seconds_sound REAL NOT NULL,
    seconds_lost REAL NOT NULL,
    engine_version TEXT NOT NULL,
    duration_seconds REAL,
    sample_rate INTEGER,
    n_channels INTEGER,
    codec TEXT,
    title TEXT,
    artist TEXT,
    album TEXT,
    album_artist TEXT,
    genre TEXT,
    year INTEGER,
    track_number INTEGER,
    missing_since INTEGER,
    indexed_at INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE embeddings (
    space INTEGER NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    track_id INTEGER NOT NULL REFERENCES tracks (id) ON DELETE CASCADE,
    row INTEGER,
    n_windows INTEGER NOT NULL,
    note TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (space, track_id),
    CHECK ((row IS NULL) = (note <> ''))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX embeddings_by_row ON embeddings (space, row);
CREATE INDEX embeddings_by_track ON embeddings (track_id);

CREATE TRIGGER embedding_added AFTER INSERT ON embeddings WHEN NEW.row IS NOT NULL
BEGIN
    UPDATE spaces SET n_live = n_live + 1 WHERE id = NEW.space;
END;

CREATE TRIGGER embedding_removed AFTER DELETE ON embeddings WHEN OLD.row IS NOT NULL
BEGIN
    UPDATE spaces SET n_live = n_live - 1 WHERE id = OLD.space;
END;
