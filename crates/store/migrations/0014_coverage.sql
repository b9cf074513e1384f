-- How many of the people who work here had their accounts, as of each planning for everybody.  at: when it was read; here: who work here;
-- with_account: of these, who have an active account in the app that is linked to them; left_with_account: who left and have one.
CREATE TABLE coverage (
    at BIGINT NOT NULL,
    app TEXT NOT NULL,
    here BIGINT NOT NULL,
    with_account BIGINT NOT NULL,
    left_with_account BIGINT NOT NULL,
    PRIMARY KEY (at, app)
);
