-- What was answered to requests that carry a name of their own (Idempotency-Key), so that the same request again gets the same answer.
-- request: a digest of what was asked; server: which server began it; body: the answer, sealed, empty until there is one.
CREATE TABLE replies (
    caller TEXT NOT NULL,
    name TEXT NOT NULL,
    request TEXT NOT NULL,
    began BIGINT NOT NULL,
    server TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (caller, name)
);

CREATE INDEX replies_began ON replies (began);
