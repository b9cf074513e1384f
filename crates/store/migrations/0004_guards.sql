-- Since when we work in an app, and that accounts were changed there: told by the runs of before there were these words.
INSERT INTO meta (name, value) SELECT 'began/' || app, '' || (MIN(noted) / 1000) FROM journal GROUP BY app;
INSERT INTO meta (name, value) SELECT 'changed/' || app, MIN(run) FROM journal GROUP BY app;

-- Decisions about standing approvals: [[approval.standing]] counts by its newest one.  policy: the digest of what the policy wished for then.
CREATE TABLE standing (
    seq BIGINT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL,
    approved BIGINT NOT NULL,
    policy TEXT NOT NULL,
    rule TEXT NOT NULL,
    decider TEXT NOT NULL,
    decided BIGINT NOT NULL
);

CREATE INDEX standing_digest ON standing (digest, seq);

-- The standing approval that said yes, or ''.
ALTER TABLE decisions ADD COLUMN standing TEXT NOT NULL DEFAULT '';
