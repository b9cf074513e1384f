-- The audit trail: append-only, each entry chained to the one before by its hash.  actor and details: canonical JSON (RFC 8785).  The newest
-- entry's number and hash also stand in meta as 'audit', so that a cut end shows.
CREATE TABLE audit (
    seq BIGINT NOT NULL PRIMARY KEY,
    noted BIGINT NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL
);

CREATE INDEX audit_subject ON audit (subject);
