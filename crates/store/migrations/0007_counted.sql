-- What the guards count of a plan, in parts like its steps; what stands in plans.counted itself is from before.
CREATE TABLE counted_parts (
    digest TEXT NOT NULL,
    part BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (digest, part),
    FOREIGN KEY (digest) REFERENCES plans (digest) ON DELETE CASCADE
);
