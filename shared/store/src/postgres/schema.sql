-- The records of a hub. One district a database; one hub process writes, under an advisory lock of its session.

-- One row.
CREATE TABLE sanji (
    format integer NOT NULL,
    -- How often a hub process has begun to write: who finds another number than its own has been replaced.
    epoch bigint NOT NULL,
    -- Last run whose consequences snapshots and list rows show.
    projected bigint NOT NULL,
    -- Where the records were moved to, if they were: nobody writes here any more.
    moved text
);

-- Heads of logs. `reach` as in log.proto.
CREATE TABLE log (
    id bigint PRIMARY KEY,
    home bigint NOT NULL,
    reach smallint NOT NULL,
    key bytea NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    UNIQUE (home, reach, key)
);

-- What a commit adds to one log, with the seal over its last entry. Positions rise with the commits.
CREATE TABLE run (
    position bigint PRIMARY KEY,
    log bigint NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    hash bytea NOT NULL,
    signature bytea NOT NULL,
    -- Milliseconds since 1970-01-01 UTC.
    arrived_ms bigint NOT NULL,
    -- Of the run on a link.
    bytes bigint NOT NULL,
    UNIQUE (log, last_seq)
);

CREATE TABLE entry (
    log bigint NOT NULL,
    seq bigint NOT NULL,
    -- Of its run.
    position bigint NOT NULL,
    case_id bytea,
    -- The very bytes that its hash covers.
    bytes bytea NOT NULL,
    PRIMARY KEY (log, seq)
);
CREATE INDEX entry_of_case ON entry (case_id, position, seq) WHERE case_id IS NOT NULL;

-- Keys of cases, encrypted under the hub's master key. NULL: destroyed.
CREATE TABLE case_key (
    case_id bytea PRIMARY KEY,
    wrapped bytea
);

-- The furthest receipt of each station for each log.
CREATE TABLE receipt (
    home bigint NOT NULL,
    reach smallint NOT NULL,
    key bytea NOT NULL,
    station bigint NOT NULL,
    receipt bytea NOT NULL,
    PRIMARY KEY (home, reach, key, station)
);

-- Derived from the entries: a case as it was folded (part 0), and what was added since.
CREATE TABLE snapshot (
    case_id bytea NOT NULL,
    part integer NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (case_id, part)
);

-- Derived from the entries: rows of lists.
CREATE TABLE list_row (
    list bytea NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (list, key)
);

CREATE TABLE attachment (
    id bytea PRIMARY KEY,
    size bigint NOT NULL,
    -- Hashes of the chunks, 32 bytes each.
    manifest bytea NOT NULL
);

CREATE TABLE chunk (
    attachment bytea NOT NULL,
    number integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (attachment, number)
);

-- Contents that were handed in and that no entry names yet.
CREATE TABLE upload (
    attachment bytea NOT NULL,
    note bytea NOT NULL,
    since_ms bigint NOT NULL,
    PRIMARY KEY (attachment, note)
);

-- Photos and encrypted parts don't get smaller.
ALTER TABLE entry ALTER bytes SET STORAGE EXTERNAL;
ALTER TABLE snapshot ALTER bytes SET STORAGE EXTERNAL;
ALTER TABLE chunk ALTER data SET STORAGE EXTERNAL;

INSERT INTO sanji (format, epoch, projected) VALUES (1, 0, 0);
