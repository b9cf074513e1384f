-- Marks in the lists of what was pushed, about one in a thousand: place is how many of the source and kind have an id before this one.  So a
-- page deep in a list is found without walking there.  No record has to have a mark's id.
CREATE TABLE pushed_marks (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (source, kind, id)
);

INSERT INTO pushed_marks (source, kind, id, place)
    SELECT source, kind, id, number - 1
    FROM (SELECT source, kind, id, ROW_NUMBER() OVER (PARTITION BY source, kind ORDER BY id) AS number FROM pushed) AS numbered
    WHERE number > 1 AND (number - 1) % 1000 = 0;
