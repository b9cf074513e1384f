-- Means the same on SQLite and PostgreSQL: BIGINT, TEXT, BYTEA (SQLite keeps blobs under any name of a type), no default clock, no
-- engine's own functions.  Times are milliseconds since 1970, ids TEXT, JSON TEXT, large bodies lz4 of JSON.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- What a source ("source.NAME") or an app ("app.NAME") said; one row for each content that was seen.
CREATE TABLE readings (
    subject TEXT NOT NULL,
    digest TEXT NOT NULL,
    seq BIGINT NOT NULL,
    good_seq BIGINT NOT NULL,
    good_count BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    head TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (subject, digest)
);

-- The raw records of a reading, apart because only rehearsals read them.
CREATE TABLE reading_raw (
    subject TEXT NOT NULL,
    digest TEXT NOT NULL,
    raw BYTEA NOT NULL,
    PRIMARY KEY (subject, digest),
    FOREIGN KEY (subject, digest) REFERENCES readings (subject, digest) ON DELETE CASCADE
);

-- Unique both ways in each app (P7).
CREATE TABLE links (
    app TEXT NOT NULL,
    person TEXT NOT NULL,
    account TEXT NOT NULL,
    evidence TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (app, person),
    UNIQUE (app, account)
);

CREATE INDEX links_person ON links (person);

CREATE TABLE proposals (
    id BIGINT NOT NULL PRIMARY KEY,
    whole BIGINT NOT NULL,
    created BIGINT NOT NULL,
    findings BYTEA NOT NULL
);

-- status: pending approved rejected superseded running done.  approved_until: until when the yes counts.
CREATE TABLE plans (
    digest TEXT NOT NULL PRIMARY KEY,
    proposal BIGINT NOT NULL,
    whole BIGINT NOT NULL,
    class TEXT NOT NULL,
    steps BIGINT NOT NULL,
    status TEXT NOT NULL,
    asker TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    approved_until BIGINT NOT NULL,
    readings TEXT NOT NULL,
    counted BYTEA NOT NULL,
    body BYTEA NOT NULL,
    FOREIGN KEY (proposal) REFERENCES proposals (id)
);

CREATE INDEX plans_status ON plans (status);

-- live: 1 for the one that counts.  used_by: the run that used up a yes, or ''.
CREATE TABLE decisions (
    id TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,
    verdict TEXT NOT NULL,
    decider TEXT NOT NULL,
    decided BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    live BIGINT NOT NULL,
    yes BIGINT NOT NULL,
    used_by TEXT NOT NULL,
    FOREIGN KEY (digest) REFERENCES plans (digest)
);

CREATE UNIQUE INDEX decisions_live ON decisions (digest) WHERE live = 1;
CREATE INDEX decisions_used ON decisions (used_by);

-- ended: 0 while it has not.
CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,
    decision TEXT NOT NULL,
    state TEXT NOT NULL,
    started BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    stopped_by TEXT NOT NULL,
    FOREIGN KEY (digest) REFERENCES plans (digest),
    FOREIGN KEY (decision) REFERENCES decisions (id)
);

CREATE INDEX runs_digest ON runs (digest);

-- Append-only.  receipt: lz4 of JSON, empty when there is none.
CREATE TABLE journal (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    app TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    call_no BIGINT NOT NULL,
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    noted BIGINT NOT NULL,
    receipt BYTEA NOT NULL,
    PRIMARY KEY (run, seq),
    FOREIGN KEY (run) REFERENCES runs (id)
);

-- One row per app: who works there now, fenced by the epoch, and the sealed session.  owner is '' when nobody does.
CREATE TABLE connections (
    app TEXT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    owner TEXT NOT NULL,
    leased_until BIGINT NOT NULL,
    writes BIGINT NOT NULL,
    session BYTEA NOT NULL,
    session_expires BIGINT NOT NULL
);
