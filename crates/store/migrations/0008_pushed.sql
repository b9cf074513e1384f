-- What identity providers push: users and groups by source, as they were last said.  name: user name or display name, folded; external: the
-- provider's own id of it; said: when it was last spoken of; changed: the number of the source's change that touched it last.
CREATE TABLE pushed (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    external TEXT NOT NULL,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    modified BIGINT NOT NULL,
    said BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (source, kind, id)
);

CREATE UNIQUE INDEX pushed_user_name ON pushed (source, name) WHERE kind = 'User';
CREATE INDEX pushed_name ON pushed (source, kind, name, id);
CREATE INDEX pushed_external ON pushed (source, kind, external, id);
CREATE INDEX pushed_changed ON pushed (source, changed);

-- The e-mail addresses of users, folded.
CREATE TABLE pushed_emails (
    source TEXT NOT NULL,
    email TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (source, email, id)
);

CREATE INDEX pushed_emails_of ON pushed_emails (source, id);

-- Who is in which group: one row each, so that a large group is changed without being written anew.
CREATE TABLE pushed_members (
    source TEXT NOT NULL,
    holder TEXT NOT NULL,
    member TEXT NOT NULL,
    said BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (source, holder, member)
);

CREATE INDEX pushed_members_of ON pushed_members (source, member);

-- What the provider deleted: that it did is evidence.  Gone from here when somebody of the same name is pushed again.
CREATE TABLE pushed_gone (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    said BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (source, kind, id)
);

CREATE INDEX pushed_gone_name ON pushed_gone (source, kind, name);
CREATE INDEX pushed_gone_changed ON pushed_gone (source, changed);

-- How many there are, so that nobody has to count them, and the number of the newest change.
CREATE TABLE pushed_sources (
    source TEXT NOT NULL PRIMARY KEY,
    user_count BIGINT NOT NULL,
    group_count BIGINT NOT NULL,
    changed BIGINT NOT NULL
);

-- What other programs show to be let in: never the token itself, its hash.  expires, used: 0 for never.
CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL,
    purpose TEXT NOT NULL,
    subject TEXT NOT NULL,
    made BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    expires BIGINT NOT NULL,
    used BIGINT NOT NULL
);
