-- Notices on their way out: what is told, to which [notice.NAME], and how far that got.  state: waiting sent aside.  entry: the entry of the
-- audit trail that it tells of; body: JSON of model::Notice.  tries, next, ended, why: how often it was tried, when again, when it was sent or
-- put aside, what went wrong last.
CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    notice TEXT NOT NULL,
    entry BIGINT NOT NULL,
    made BIGINT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    why TEXT NOT NULL,
    UNIQUE (notice, entry)
);

CREATE INDEX deliveries_due ON deliveries (state, next);

-- Up to which entry of the audit trail each notice was told.
CREATE TABLE notice_cursors (
    notice TEXT NOT NULL PRIMARY KEY,
    entry BIGINT NOT NULL
);

-- When the raw records of a reading were read: content that is the same again does not say when somebody logged in.  0 is not known.
ALTER TABLE readings ADD COLUMN raw_at BIGINT NOT NULL DEFAULT 0;
