-- How an app behaves, from one piece of work to the next: JSON of model::Health.
CREATE TABLE health (
    app TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);

-- Steps that failed alone, and wait: JSON of model::Aside.
CREATE TABLE put_aside (
    app TEXT NOT NULL,
    step TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (app, step)
);
