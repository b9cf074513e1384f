-- What happened elsewhere and made somebody be planned for.  origin: the app, source or schedule; dedup: of two with the same there is one;
-- happened: as whoever told says; came: when we heard of it; person, planning: '' while there is none.
CREATE TABLE triggers (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    origin TEXT NOT NULL,
    dedup TEXT NOT NULL,
    event TEXT NOT NULL,
    account TEXT NOT NULL,
    happened BIGINT NOT NULL,
    came BIGINT NOT NULL,
    state TEXT NOT NULL,
    person TEXT NOT NULL,
    planning TEXT NOT NULL
);

CREATE UNIQUE INDEX triggers_dedup ON triggers (kind, origin, dedup);
CREATE INDEX triggers_waiting ON triggers (kind, origin, id) WHERE state = 'waiting';
CREATE INDEX triggers_came ON triggers (came);
CREATE INDEX triggers_planning ON triggers (planning);

-- What came of them: body is the JSON of one planning.
CREATE TABLE plannings (
    id TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);
