-- Large bodies in parts: each lz4 of a JSON list of some thousand records, or of some of the raw bytes.  What stands in the body itself comes
-- before its parts; a body from before there were parts has none.

-- How many rows of reading_parts and plan_parts belong to it: none may be missing.
ALTER TABLE readings ADD COLUMN parts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE readings ADD COLUMN raw_parts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE plans ADD COLUMN parts BIGINT NOT NULL DEFAULT 0;

-- section: people accounts enrolments raw.
CREATE TABLE reading_parts (
    subject TEXT NOT NULL,
    digest TEXT NOT NULL,
    section TEXT NOT NULL,
    part BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (subject, digest, section, part),
    FOREIGN KEY (subject, digest) REFERENCES readings (subject, digest) ON DELETE CASCADE
);

-- The steps, in their order.
CREATE TABLE plan_parts (
    digest TEXT NOT NULL,
    part BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (digest, part),
    FOREIGN KEY (digest) REFERENCES plans (digest) ON DELETE CASCADE
);
