//! Every statement of the store, in one SQL that SQLite and PostgreSQL take alike.
//!
//! Text is compared and ordered bytewise: on PostgreSQL each column is made with the collation C.

use std::borrow::Cow;

/// A statement that inserts many rows at once: measured, a statement costs far more than a row.
pub(crate) struct Rows {
    pub(crate) head: Cow<'static, str>,
    pub(crate) columns: usize,
    pub(crate) tail: &'static str,
}

impl Rows {
    /// More would not be faster.
    const MOST: usize = 64;

    /// How many of so many rows go into the next statement: a power of two, so that few texts are prepared and all are reused.
    pub(crate) fn chunk(rows: usize) -> usize {
        Self::MOST.min(1 << rows.ilog2())
    }

    /// The statement for so many rows.
    pub(crate) fn text(&self, rows: usize, places: Places) -> String {
        let mut text = String::from(self.head.as_ref());
        for row in 0..rows {
            text.push_str(if row == 0 { " VALUES (" } else { ", (" });
            for column in 1..=self.columns {
                text.push_str(if column == 1 { "" } else { ", " });
                match places {
                    Places::Numbered => {
                        text.push('$');
                        text.push_str(&(row * self.columns + column).to_string());
                    }
                    Places::InOrder => text.push('?'),
                }
            }
            text.push(')');
        }
        text + self.tail
    }
}

/// How a statement says where its values go.
#[derive(Clone, Copy)]
pub(crate) enum Places {
    /// `$1`, `$2`, …: what PostgreSQL knows.
    Numbered,
    /// `?` each: SQLite looks a name up in a list at every binding, which takes longer than the rows where they are many.
    InOrder,
}

macro_rules! statements {
    ($($name:ident = $text:literal;)*) => {
        $(pub(crate) const $name: &str = $text;)*
        /// All of them, for the test that prepares them.
        #[cfg(test)]
        pub(crate) const ALL: &[&str] = &[$($name),*];
    };
}

statements! {
    MIGRATED = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";
    META = "SELECT value FROM meta WHERE name = $1";
    METAS = "SELECT name, value FROM meta WHERE name >= $1 AND name < $2 ORDER BY name";
    SET_META = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";

    READING_NEXT = "SELECT COALESCE(MAX(seq), 0) + 1 FROM readings";
    // The same content again: it is told anew how far it can be trusted; the body stays.
    READING_AGAIN = "UPDATE readings SET seq = $3, head = $5,
        good_seq = CASE WHEN $6 = 0 THEN good_seq ELSE $6 END, good_count = CASE WHEN $6 = 0 THEN good_count ELSE $7 END
        WHERE subject = $1 AND digest = $2 AND fingerprint = $4";
    READING_PUT = "INSERT INTO readings (subject, digest, seq, fingerprint, head, good_seq, good_count, body, parts, raw_parts, raw_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (subject, digest) DO UPDATE SET seq = excluded.seq, fingerprint = excluded.fingerprint, head = excluded.head,
        good_seq = excluded.good_seq, good_count = excluded.good_count, body = excluded.body, parts = excluded.parts,
        raw_parts = excluded.raw_parts, raw_at = excluded.raw_at";
    READING_RAW_AT = "SELECT raw_at FROM readings WHERE subject = $1 AND digest = $2";
    READING_RAW_AGAIN = "UPDATE readings SET raw_parts = $3, raw_at = $4 WHERE subject = $1 AND digest = $2";
    READING_SECTION_DROP = "DELETE FROM reading_parts WHERE subject = $1 AND digest = $2 AND section = $3";
    READING_PARTS_DROP = "DELETE FROM reading_parts WHERE subject = $1 AND digest = $2";
    READING_PART_PUT = "INSERT INTO reading_parts (subject, digest, section, part, body) VALUES ($1, $2, $3, $4, $5)";
    READING_PARTS = "SELECT part, body FROM reading_parts WHERE subject = $1 AND digest = $2 AND section = $3 ORDER BY part";
    READING_RAW_DROP = "DELETE FROM reading_raw WHERE subject = $1 AND digest = $2";
    READING_LATEST = "SELECT head, body, digest, parts FROM readings WHERE subject = $1 ORDER BY seq DESC LIMIT 1";
    READING = "SELECT head, body, digest, parts FROM readings WHERE subject = $1 AND digest = $2";
    READING_RAW_PARTS = "SELECT raw_parts FROM readings WHERE subject = $1 AND digest = $2";
    // As it was kept before there were parts.
    READING_RAW = "SELECT raw FROM reading_raw WHERE subject = $1 AND digest = $2";
    READING_GOOD = "SELECT good_count FROM readings WHERE subject = $1 AND good_seq > 0 ORDER BY good_seq DESC LIMIT 1";
    READING_GOOD_BODY = "SELECT head, body, digest, parts FROM readings WHERE subject = $1 AND good_seq > 0 ORDER BY good_seq DESC LIMIT 1";
    READING_ALL = "SELECT subject, digest, good_seq FROM readings ORDER BY subject, seq DESC";
    READING_DROP = "DELETE FROM readings WHERE subject = $1 AND digest = $2";

    LINKS = "SELECT app, person, account, evidence, since FROM links";
    LINKS_OF_APP = "SELECT app, person, account, evidence, since FROM links WHERE app = $1";
    LINKS_OF_PERSON = "SELECT app, person, account, evidence, since FROM links WHERE person = $1";
    LINKS_LIKE = "SELECT app, person, account, evidence, since FROM links WHERE app = $1 AND (person = $2 OR account = $3)";

    PROPOSAL_NEXT = "SELECT COALESCE(MAX(id), 0) + 1 FROM proposals";
    PROPOSAL_PUT = "INSERT INTO proposals (id, whole, created, findings) VALUES ($1, $2, $3, $4)";
    FINDINGS = "SELECT id, whole, created, findings FROM proposals ORDER BY whole DESC, id DESC LIMIT 1";
    PROPOSAL_DROP = "DELETE FROM proposals WHERE id NOT IN (SELECT proposal FROM plans)
        AND id < (SELECT COALESCE(MAX(id), 0) FROM proposals WHERE whole = 1)";

    PLANS_OUT_OF_DATE = "SELECT digest, status FROM plans WHERE status IN ('pending', 'approved') AND expires <= $1 ORDER BY digest";
    PLAN_EXPIRE = "UPDATE plans SET status = 'expired', approved_until = 0 WHERE digest = $1";
    MARK = "SELECT (SELECT COALESCE(MAX(id), 0) FROM proposals), (SELECT COUNT(*) FROM runs)";
    PLAN_UNUSED = "SELECT digest, status, body, parts FROM plans WHERE whole = 1 AND status IN ('pending', 'approved')";
    PLAN_SUPERSEDE = "UPDATE plans SET status = 'superseded' WHERE digest = $1";
    PLAN_PUT = "INSERT INTO plans
        (digest, proposal, whole, class, steps, status, asker, created, expires, approved_until, readings, counted, body, parts, remembered)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12, $13, $14)";
    PLAN_PART_PUT = "INSERT INTO plan_parts (digest, part, body) VALUES ($1, $2, $3)";
    PLAN_PARTS = "SELECT part, body FROM plan_parts WHERE digest = $1 ORDER BY part";
    // The same plan again: to be decided anew, unless somebody's word about it stands.
    PLAN_AGAIN = "UPDATE plans SET proposal = $2, whole = $3, status = 'pending', asker = $4, created = $5, expires = $6,
        approved_until = 0, remembered = $7
        WHERE digest = $1 AND (status IN ('pending', 'superseded', 'expired') OR (status = 'approved' AND approved_until <= $5))";
    PLAN_ASKED = "UPDATE plans SET asker = $2 WHERE digest = $1";
    PLAN_COUNTED = "SELECT counted FROM plans WHERE digest = $1";
    PLAN_EXISTS = "SELECT 1 FROM plans WHERE digest = $1";
    PLAN = "SELECT digest, proposal, whole, class, steps, status, asker, created, expires, approved_until, body, parts
        FROM plans WHERE digest = $1";
    PLAN_HEAD = "SELECT digest, proposal, whole, class, steps, status, asker, created, expires, approved_until
        FROM plans WHERE digest = $1";
    PLAN_FIND = "SELECT digest FROM plans WHERE digest >= $1 AND digest < $2 ORDER BY digest LIMIT 10";
    PLANS = "SELECT digest, proposal, whole, class, steps, status, asker, created, expires, approved_until
        FROM plans ORDER BY created DESC, proposal DESC, class, digest";
    PLANS_LIVE = "SELECT readings FROM plans WHERE status = 'running'
        OR (status = 'pending' AND expires > $1) OR (status = 'approved' AND (approved_until > $1 OR expires > $1))";
    PLAN_APPROVED = "UPDATE plans SET status = 'approved', approved_until = $2 WHERE digest = $1";
    PLAN_REJECTED = "UPDATE plans SET status = 'rejected', approved_until = 0 WHERE digest = $1";
    PLAN_RUNNING = "UPDATE plans SET status = 'running' WHERE digest = $1";
    PLAN_DONE = "UPDATE plans SET status = 'done' WHERE digest IN (SELECT digest FROM runs WHERE id = $1)";
    // What may still happen …
    COUNTED_AHEAD = "SELECT digest, proposal, whole, class, steps, status, asker, created, expires, approved_until, counted
        FROM plans WHERE (status = 'pending' AND expires > $1)
        OR (status = 'approved' AND (approved_until > $1 OR expires > $1)) ORDER BY digest";
    // … and what runs did, or may have done.
    COUNTED_RUNS = "SELECT plans.digest, plans.counted, runs.id, runs.state FROM plans JOIN runs ON runs.digest = plans.digest
        WHERE runs.ended = 0 OR runs.ended >= $1 OR runs.state <> 'finished' OR plans.remembered = 1 ORDER BY plans.digest";

    COUNTED_PUT = "INSERT INTO counted_parts (digest, part, body) VALUES ($1, $2, $3)";
    COUNTED_PARTS = "SELECT part, body FROM counted_parts WHERE digest = $1 ORDER BY part";
    COUNTED_DELETE = "DELETE FROM counted_parts WHERE digest = $1";

    DECISION_LIVE = "SELECT id, digest, verdict, decider, decided, expires, used_by FROM decisions WHERE digest = $1 AND live = 1";
    DECISION_OF_RUN = "SELECT id, digest, verdict, decider, decided, expires, used_by FROM decisions WHERE used_by = $1";
    DECISION_PUT = "INSERT INTO decisions (id, digest, verdict, decider, decided, expires, live, yes, used_by, standing)
        VALUES ($1, $2, $3, $4, $5, $6, 1, $7, '', $8)";
    DECISION_LIKE = "SELECT 1 FROM decisions WHERE digest = $1 AND decider = $2";
    DECISION_END = "UPDATE decisions SET live = 0 WHERE digest = $1 AND live = 1 AND used_by = ''";
    DECISION_USE = "UPDATE decisions SET used_by = $2 WHERE digest = $1 AND live = 1 AND yes = 1 AND used_by = '' AND expires > $3";

    STANDING_NEXT = "SELECT COALESCE(MAX(seq), 0) + 1 FROM standing";
    STANDING_PUT = "INSERT INTO standing (seq, digest, approved, policy, rule, decider, decided) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    STANDING = "SELECT approved, policy, decider, decided FROM standing WHERE digest = $1 ORDER BY seq DESC LIMIT 1";
    STANDING_LIKE = "SELECT 1 FROM standing WHERE digest = $1 AND decider = $2";
    STANDING_UNUSED = "SELECT digest FROM decisions WHERE standing = $1 AND live = 1 AND used_by = '' ORDER BY digest";
    // Plans that may still run by it, and those that run, did not end, or ended since.
    STANDING_USED = "SELECT CAST(COALESCE(SUM(plans.steps), 0) AS BIGINT) FROM decisions JOIN plans ON plans.digest = decisions.digest
        WHERE decisions.standing = $1 AND ((decisions.used_by = '' AND decisions.live = 1 AND decisions.expires > $3)
        OR decisions.used_by IN (SELECT id FROM runs WHERE ended = 0 OR ended >= $2 OR state <> 'finished'))";
    PLAN_STEPS = "SELECT steps FROM plans WHERE digest = $1";

    RUN_PUT = "INSERT INTO runs (id, digest, decision, state, started, ended, stopped_by) VALUES ($1, $2, $3, $4, $5, 0, '')";
    RUN = "SELECT id, digest, decision, state, started, ended, stopped_by FROM runs WHERE id = $1";
    RUN_FIND = "SELECT id, digest, decision, state, started, ended, stopped_by FROM runs WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 10";
    RUNS = "SELECT id, digest, decision, state, started, ended, stopped_by FROM runs ORDER BY started DESC, id DESC";
    RUNS_OPEN = "SELECT id, digest, decision, state, started, ended, stopped_by FROM runs WHERE state <> 'finished' ORDER BY started, id";
    RUN_STATE = "UPDATE runs SET state = $2, ended = $3, stopped_by = $4 WHERE id = $1 AND state <> 'finished'";

    // Runs whose images are old enough to go, and what is left of their journals' lines.
    RUNS_SWEPT = "SELECT id FROM runs WHERE swept = 0 AND state = 'finished' AND ended < $1 ORDER BY ended, id";
    RUN_SWEEP = "UPDATE runs SET swept = $2 WHERE id = $1 AND swept = 0";
    RUN_SWEPT = "SELECT swept FROM runs WHERE id = $1";
    JOURNAL_RECEIPT = "UPDATE journal SET receipt = $3 WHERE run = $1 AND seq = $2";

    JOURNAL_LAST = "SELECT COALESCE(MAX(seq), 0) FROM journal WHERE run = $1";
    JOURNAL = "SELECT seq, app, epoch, call_no, step, state, noted, receipt FROM journal WHERE run = $1 ORDER BY seq";
    JOURNAL_STATES = "SELECT step, state, noted FROM journal WHERE run = $1 ORDER BY seq";

    TRIGGER_PUT = "INSERT INTO triggers (id, kind, origin, dedup, event, account, happened, came, state, person, planning)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (kind, origin, dedup) DO NOTHING";
    TRIGGERS_WAITING = "SELECT id, kind, origin, dedup, event, account, happened, came, state, person, planning FROM triggers
        WHERE kind = $1 AND origin = $2 AND state = 'waiting' ORDER BY id";
    TRIGGERS_WAIT_IN = "SELECT DISTINCT kind, origin FROM triggers WHERE state = 'waiting' ORDER BY kind, origin";
    TRIGGER_END = "UPDATE triggers SET state = $2, person = $3, planning = $4 WHERE id = $1";
    TRIGGER_FIND = "SELECT id, kind, origin, dedup, event, account, happened, came, state, person, planning FROM triggers
        WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 10";
    TRIGGERS = "SELECT id, kind, origin, dedup, event, account, happened, came, state, person, planning FROM triggers
        ORDER BY came DESC, id DESC LIMIT $1";
    TRIGGERS_SWEEP = "DELETE FROM triggers WHERE state <> 'waiting' AND came < $1";
    PLANNING_PUT = "INSERT INTO plannings (id, body) VALUES ($1, $2)";
    PLANNING = "SELECT body FROM plannings WHERE id = $1";
    PLANNINGS_SWEEP = "DELETE FROM plannings WHERE id NOT IN (SELECT planning FROM triggers)";

    HEALTH = "SELECT body FROM health WHERE app = $1";
    HEALTH_PUT = "INSERT INTO health (app, body) VALUES ($1, $2) ON CONFLICT (app) DO UPDATE SET body = excluded.body";
    ASIDES = "SELECT body FROM put_aside ORDER BY app, step";
    ASIDES_OF_APP = "SELECT body FROM put_aside WHERE app = $1 ORDER BY step";
    ASIDES_DROP = "DELETE FROM put_aside WHERE app = $1";
    ASIDE_PUT = "INSERT INTO put_aside (app, step, body) VALUES ($1, $2, $3)
        ON CONFLICT (app, step) DO UPDATE SET body = excluded.body";

    CONNECTION_PUT = "INSERT INTO connections (app, epoch, owner, leased_until, writes, session, session_expires)
        VALUES ($1, 0, '', 0, 0, $2, 0) ON CONFLICT (app) DO NOTHING";
    CONNECTION = "SELECT epoch, owner, leased_until FROM connections WHERE app = $1";
    CONNECTION_LEASE = "UPDATE connections SET epoch = epoch + 1, owner = $3, leased_until = $4 WHERE app = $1 AND epoch = $2";
    CONNECTION_RENEW = "UPDATE connections SET leased_until = $3 WHERE app = $1 AND epoch = $2 AND owner <> ''";
    CONNECTION_RELEASE = "UPDATE connections SET owner = '', leased_until = 0 WHERE app = $1 AND epoch = $2 AND owner <> ''";
    // The fence: no row changes when the turn is over, and the row is locked against the next turn until the commit.
    CONNECTION_FENCE = "UPDATE connections SET writes = writes + 1 WHERE app = $1 AND epoch = $2 AND owner <> ''";
    SESSION = "SELECT session, session_expires FROM connections WHERE app = $1";
    // All turns, and how they end where the store is a copy: whoever had one must not go on there.
    TURNS = "SELECT app, epoch, owner, leased_until FROM connections ORDER BY app";
    TURNS_END = "UPDATE connections SET epoch = epoch + 1, owner = '', leased_until = 0";
    TURN_ABOVE = "UPDATE connections SET epoch = $2 + 1 WHERE app = $1 AND epoch <= $2";
    // A yes is used once: a copy has none that is not used yet.
    APPROVALS_END = "UPDATE decisions SET live = 0 WHERE live = 1 AND yes = 1 AND used_by = ''";
    APPROVED_AGAIN = "UPDATE plans SET status = 'pending', approved_until = 0 WHERE status = 'approved'";
    AUDIT_LAST = "SELECT COALESCE(MAX(seq), 0) FROM audit";
    AUDIT_PUT = "INSERT INTO audit (seq, noted, actor, what, subject, details, previous, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    AUDIT = "SELECT seq, noted, actor, what, subject, details, previous, hash FROM audit ORDER BY seq";
    AUDIT_AFTER = "SELECT seq, noted, actor, what, subject, details, previous, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";
    AUDIT_OF = "SELECT seq, noted, actor, what, subject, details, previous, hash FROM audit WHERE subject = $1 ORDER BY seq";
    AUDIT_FIRST = "SELECT what FROM audit ORDER BY seq LIMIT 1";
    AUDIT_DECISION = "SELECT id, digest, verdict, decider, decided, expires, used_by, live, standing FROM decisions WHERE digest = $1 AND live = 1";
    // What the trail tells of, as rows: a plan without steps is nothing that anybody can decide or carry out.
    AUDIT_PLANS = "SELECT digest, proposal, whole, class, steps, status, asker, created, expires, approved_until
        FROM plans WHERE steps > 0 ORDER BY digest";
    AUDIT_DECISIONS = "SELECT id, digest, verdict, decider, decided, expires, used_by, live, standing FROM decisions ORDER BY id";
    AUDIT_STANDING = "SELECT digest, approved, policy, rule, decider, decided FROM standing ORDER BY digest, seq";
    AUDIT_RUNS = "SELECT id, digest, decision, state, started, ended, stopped_by FROM runs ORDER BY id";
    SESSION_PUT = "UPDATE connections SET session = $3, session_expires = $4 WHERE app = $1 AND epoch = $2 AND owner <> ''";

    PUSHED_AT = "SELECT user_count, group_count, changed FROM pushed_sources WHERE source = $1";
    PUSHED_BEGIN = "INSERT INTO pushed_sources (source, user_count, group_count, changed) VALUES ($1, 0, 0, 0) ON CONFLICT DO NOTHING";
    // The numbers of the changes to come, how many there will be, whether anything of it is buried, and the last mark of each kind.
    PUSHED_TURN = "UPDATE pushed_sources SET changed = changed + $2, user_count = user_count + $3, group_count = group_count + $4
        WHERE source = $1 RETURNING changed, user_count, group_count,
        (SELECT COUNT(*) FROM (SELECT 1 AS one FROM pushed_gone WHERE source = $1 LIMIT 1) AS gone),
        COALESCE((SELECT MAX(id) FROM pushed_marks WHERE source = $1 AND kind = 'User'), ''),
        COALESCE((SELECT place FROM pushed_marks WHERE source = $1 AND kind = 'User' ORDER BY id DESC LIMIT 1), 0),
        COALESCE((SELECT MAX(id) FROM pushed_marks WHERE source = $1 AND kind = 'Group'), ''),
        COALESCE((SELECT place FROM pushed_marks WHERE source = $1 AND kind = 'Group' ORDER BY id DESC LIMIT 1), 0)";
    PUSHED_COUNT = "UPDATE pushed_sources SET user_count = user_count + $2, group_count = group_count + $3 WHERE source = $1";
    PUSHED_MARKS_MOVE = "UPDATE pushed_marks SET place = place + $4 WHERE source = $1 AND kind = $2 AND id > $3";
    PUSHED_MARK = "INSERT INTO pushed_marks (source, kind, id, place)
        SELECT $1, $2, $3, $5 + COUNT(*) FROM pushed WHERE source = $1 AND kind = $2 AND id >= $4 AND id < $3
        ON CONFLICT DO NOTHING RETURNING place";
    PUSHED_PUT = "INSERT INTO pushed (source, kind, id, name, external, version, created, modified, said, changed, body)
        VALUES ($1, $2, $3, $4, $5, 1, $6, $6, $6, $7, $8) ON CONFLICT DO NOTHING";
    PUSHED_GROUP_LIKE = "SELECT id FROM pushed WHERE source = $1 AND kind = 'Group' AND name = $2 AND external = $3 LIMIT 1";
    PUSHED_HEAD = "SELECT name, version FROM pushed WHERE source = $1 AND kind = $2 AND id = $3";
    PUSHED_USER_NAMED = "SELECT id FROM pushed WHERE source = $1 AND kind = 'User' AND name = $2";
    PUSHED_REPLACE = "UPDATE pushed SET name = $4, external = $5, body = $6, version = version + 1, modified = $7, said = $7, changed = $8
        WHERE source = $1 AND kind = $2 AND id = $3";
    // The same where it has the name and the version that are expected.
    PUSHED_CHANGE = "UPDATE pushed SET external = $5, body = $6, version = version + 1, modified = $7, said = $7, changed = $8
        WHERE source = $1 AND kind = $2 AND id = $3 AND name = $4 AND version = $9";
    PUSHED_SAID = "UPDATE pushed SET said = $4 WHERE source = $1 AND kind = $2 AND id = $3 AND said < $4";
    PUSHED_DELETE = "DELETE FROM pushed WHERE source = $1 AND kind = $2 AND id = $3";
    PUSHED_BURY = "INSERT INTO pushed_gone (source, kind, id, name, said, changed, body)
        SELECT source, kind, id, name, $4, $5, body FROM pushed WHERE source = $1 AND kind = $2 AND id = $3 ON CONFLICT DO NOTHING";
    PUSHED_UNBURY = "DELETE FROM pushed_gone WHERE source = $1 AND kind = $2 AND name = $3";
    // What is said of a group changes with the people in it.
    PUSHED_GROUPS_LEFT = "UPDATE pushed SET version = version + 1, modified = $3 WHERE source = $1 AND kind = 'Group'
        AND id IN (SELECT holder FROM pushed_members WHERE source = $1 AND member = $2)";
    PUSHED_TOUCH = "UPDATE pushed SET changed = $3 WHERE source = $1 AND kind = 'User' AND id = $2";
    PUSHED_TOUCH_MEMBERS = "UPDATE pushed SET changed = $3 WHERE source = $1 AND kind = 'User'
        AND id IN (SELECT member FROM pushed_members WHERE source = $1 AND holder = $2)";
    // The last column of a record: whether it may be in a group.
    PUSHED = "SELECT kind, id, name, version, created, modified, said, body,
        CAST(CASE WHEN EXISTS (SELECT 1 FROM pushed_members m WHERE m.source = pushed.source AND m.member = pushed.id)
        THEN 1 ELSE 0 END AS BIGINT)
        FROM pushed WHERE source = $1 AND kind = $2 AND id = $3";
    PUSHED_NAMED = "SELECT kind, id, name, version, created, modified, said, body,
        CAST(CASE WHEN EXISTS (SELECT 1 FROM pushed_members m WHERE m.source = pushed.source AND m.member = pushed.id)
        THEN 1 ELSE 0 END AS BIGINT)
        FROM pushed
        WHERE source = $1 AND kind = $2 AND name = $3 AND id > $4 ORDER BY id LIMIT $5";
    PUSHED_EXTERNAL = "SELECT kind, id, name, version, created, modified, said, body,
        CAST(CASE WHEN EXISTS (SELECT 1 FROM pushed_members m WHERE m.source = pushed.source AND m.member = pushed.id)
        THEN 1 ELSE 0 END AS BIGINT)
        FROM pushed
        WHERE source = $1 AND kind = $2 AND external = $3 AND id > $4 ORDER BY id LIMIT $5";
    PUSHED_EMAIL = "SELECT p.kind, p.id, p.name, p.version, p.created, p.modified, p.said, p.body,
        CAST(CASE WHEN EXISTS (SELECT 1 FROM pushed_members m WHERE m.source = p.source AND m.member = p.id)
        THEN 1 ELSE 0 END AS BIGINT)
        FROM pushed_emails e JOIN pushed p ON p.source = e.source AND p.kind = $2 AND p.id = e.id
        WHERE e.source = $1 AND e.email = $3 AND e.id > $4 ORDER BY e.id LIMIT $5";
    PUSHED_HOLDING = "SELECT p.kind, p.id, p.name, p.version, p.created, p.modified, p.said, p.body, CAST(1 AS BIGINT)
        FROM pushed_members m JOIN pushed p ON p.source = m.source AND p.kind = $2 AND p.id = m.holder
        WHERE m.source = $1 AND m.member = $3 AND m.holder > $4 ORDER BY m.holder LIMIT $5";
    PUSHED_PAGE = "SELECT kind, id, name, version, created, modified, said, body,
        CAST(CASE WHEN EXISTS (SELECT 1 FROM pushed_members m WHERE m.source = pushed.source AND m.member = pushed.id)
        THEN 1 ELSE 0 END AS BIGINT)
        FROM pushed
        WHERE source = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4";
    PUSHED_PAGE_NAMED = "SELECT kind, id, name, version, created, modified, said, body,
        CAST(CASE WHEN EXISTS (SELECT 1 FROM pushed_members m WHERE m.source = pushed.source AND m.member = pushed.id)
        THEN 1 ELSE 0 END AS BIGINT)
        FROM pushed
        WHERE source = $1 AND kind = $2 AND (name, id) > ($3, $4) ORDER BY name, id LIMIT $5";
    PUSHED_PAGE_NAMED_BACK = "SELECT kind, id, name, version, created, modified, said, body,
        CAST(CASE WHEN EXISTS (SELECT 1 FROM pushed_members m WHERE m.source = pushed.source AND m.member = pushed.id)
        THEN 1 ELSE 0 END AS BIGINT)
        FROM pushed
        WHERE source = $1 AND kind = $2 AND (name, id) < ($3, $4) ORDER BY name DESC, id DESC LIMIT $5";
    // From the last mark that is not behind it: only a little of the index is walked, and no record is read.
    PUSHED_SKIP = "SELECT id FROM pushed WHERE source = $1 AND kind = $2
        AND id >= COALESCE((SELECT MAX(id) FROM pushed_marks WHERE source = $1 AND kind = $2 AND place <= $3), '')
        ORDER BY id LIMIT 1
        OFFSET $3 - COALESCE((SELECT MAX(place) FROM pushed_marks WHERE source = $1 AND kind = $2 AND place <= $3), 0)";
    // Here the index is walked, but no record is read.
    PUSHED_SKIP_NAMED = "SELECT name, id FROM pushed WHERE source = $1 AND kind = $2 ORDER BY name, id LIMIT 1 OFFSET $3";
    PUSHED_CHANGED = "SELECT kind, id, changed FROM pushed WHERE source = $1 AND changed > $2
        UNION ALL SELECT kind, id, changed FROM pushed_gone WHERE source = $1 AND changed > $2 ORDER BY 3, 1, 2";
    PUSHED_ALL = "SELECT kind, id, name, version, created, modified, said, body, CAST(1 AS BIGINT) FROM pushed WHERE source = $1 ORDER BY kind, id";
    PUSHED_ALL_MEMBERS = "SELECT holder, member, said FROM pushed_members WHERE source = $1 ORDER BY holder, member";
    PUSHED_GONE = "SELECT body FROM pushed_gone WHERE source = $1 AND kind = $2 AND id = $3";
    PUSHED_ALL_GONE = "SELECT kind, id, name, said, body FROM pushed_gone WHERE source = $1 ORDER BY kind, id";
    PUSHED_EMAILS_DROP = "DELETE FROM pushed_emails WHERE source = $1 AND id = $2";
    PUSHED_EMAILS_OF = "SELECT email FROM pushed_emails WHERE source = $1 AND id = $2 ORDER BY email";
    PUSHED_MEMBERS = "SELECT member, body FROM pushed_members WHERE source = $1 AND holder = $2 ORDER BY member";
    PUSHED_MEMBER = "SELECT member, body FROM pushed_members WHERE source = $1 AND holder = $2 AND member = $3";
    PUSHED_GROUPS_OF = "SELECT m.holder, p.body FROM pushed_members m JOIN pushed p
        ON p.source = m.source AND p.kind = 'Group' AND p.id = m.holder WHERE m.source = $1 AND m.member = $2 ORDER BY m.holder";
    PUSHED_GROUPS_AMONG = "SELECT m.member, m.holder, p.body FROM pushed_members m JOIN pushed p
        ON p.source = m.source AND p.kind = 'Group' AND p.id = m.holder
        WHERE m.source = $1 AND m.member >= $2 AND m.member <= $3 ORDER BY m.member, m.holder";
    PUSHED_MEMBER_DROP = "DELETE FROM pushed_members WHERE source = $1 AND holder = $2 AND member = $3";
    PUSHED_MEMBERS_DROP = "DELETE FROM pushed_members WHERE source = $1 AND holder = $2";
    PUSHED_MEMBERSHIPS_DROP = "DELETE FROM pushed_members WHERE source = $1 AND member = $2";

    NOTICE_CURSORS = "SELECT notice, entry FROM notice_cursors ORDER BY notice";
    NOTICE_BEGIN = "INSERT INTO notice_cursors (notice, entry) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    NOTICE_MOVE = "UPDATE notice_cursors SET entry = $3 WHERE notice = $1 AND entry = $2";
    DELIVERY_PUT = "INSERT INTO deliveries (id, notice, entry, made, body, state, tries, next, ended, why)
        VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $4, 0, '') ON CONFLICT DO NOTHING";
    DELIVERY = "SELECT id, notice, entry, made, body, state, tries, next, ended, why FROM deliveries WHERE id = $1";
    DELIVERY_FIND = "SELECT id, notice, entry, made, body, state, tries, next, ended, why FROM deliveries
        WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 10";
    DELIVERIES = "SELECT id, notice, entry, made, body, state, tries, next, ended, why FROM deliveries ORDER BY made DESC, entry DESC, notice";
    DELIVERIES_DUE = "SELECT id, notice, entry, made, body, state, tries, next, ended, why FROM deliveries
        WHERE state = 'waiting' AND next <= $1 ORDER BY next, entry, notice LIMIT $2";
    // Whoever gets it has it alone until the time that stands in `next` then; killed, another one tries after that.
    DELIVERY_CLAIM = "UPDATE deliveries SET tries = tries + 1, next = $3 WHERE id = $1 AND state = 'waiting' AND next <= $2";
    DELIVERY_SENT = "UPDATE deliveries SET state = 'sent', ended = $2, why = '' WHERE id = $1";
    DELIVERY_LATER = "UPDATE deliveries SET next = $2, why = $3 WHERE id = $1 AND state = 'waiting'";
    DELIVERY_ASIDE = "UPDATE deliveries SET state = 'aside', ended = $2, why = $3 WHERE id = $1 AND state = 'waiting'";
    DELIVERY_AGAIN = "UPDATE deliveries SET state = 'waiting', tries = 0, next = $2, ended = 0 WHERE id = $1";
    DELIVERIES_SWEEP = "DELETE FROM deliveries WHERE state <> 'waiting' AND ended < $1";

    TOKEN = "SELECT id, hash, purpose, subject, made, made_by, expires, used, role FROM tokens WHERE id = $1";
    TOKENS = "SELECT id, hash, purpose, subject, made, made_by, expires, used, role FROM tokens ORDER BY made, id";
    TOKEN_PUT = "INSERT INTO tokens (id, hash, purpose, subject, made, made_by, expires, used, role) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8)";
    TOKEN_END = "UPDATE tokens SET expires = $2 WHERE id = $1 AND (expires = 0 OR expires > $2)";
    TOKEN_TAKE = "UPDATE tokens SET expires = $2 WHERE id = $1 AND hash = $3 AND (expires = 0 OR expires > $2) RETURNING id";
    TOKENS_SWEEP = "DELETE FROM tokens WHERE purpose IN ('session', 'link') AND expires > 0 AND expires <= $1";
    TOKEN_USED = "UPDATE tokens SET used = $2 WHERE id = $1 AND used < $2";

    COVERAGE_PUT = "INSERT INTO coverage (at, app, here, with_account, left_with_account) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (at, app) DO UPDATE SET here = excluded.here, with_account = excluded.with_account, left_with_account = excluded.left_with_account";
    COVERAGE_SINCE = "SELECT at, app, here, with_account, left_with_account FROM coverage WHERE at >= $1 ORDER BY at, app";

    REPLIES_SWEEP = "DELETE FROM replies WHERE began <= $1";
    REPLY_BEGIN = "INSERT INTO replies (caller, name, request, began, server, body) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    REPLY = "SELECT request, server, body FROM replies WHERE caller = $1 AND name = $2";
    REPLY_END = "UPDATE replies SET body = $4 WHERE caller = $1 AND name = $2 AND server = $3";
    REPLY_DROP = "DELETE FROM replies WHERE caller = $1 AND name = $2 AND server = $3";
}

/// Under which name `meta` keeps the trail's newest entry.
pub(crate) const AUDIT_META: &str = "audit";

pub(crate) const LINKS_PUT: Rows = Rows {
    head: Cow::Borrowed("INSERT INTO links (app, person, account, evidence, since)"),
    columns: 5,
    tail: " ON CONFLICT DO NOTHING",
};

pub(crate) const JOURNAL_PUT: Rows = Rows {
    head: Cow::Borrowed("INSERT INTO journal (run, seq, app, epoch, call_no, step, state, noted, receipt)"),
    columns: 9,
    tail: "",
};

pub(crate) const PUSHED_EMAILS_PUT: Rows =
    Rows { head: Cow::Borrowed("INSERT INTO pushed_emails (source, email, id)"), columns: 3, tail: " ON CONFLICT DO NOTHING" };

pub(crate) const PUSHED_MEMBERS_PUT: Rows = Rows {
    head: Cow::Borrowed("INSERT INTO pushed_members (source, holder, member, said, body)"),
    columns: 5,
    tail: " ON CONFLICT DO NOTHING",
};

#[cfg(test)]
mod tests {
    use sqlx::{Executor, SqlSafeStr};

    use super::*;
    use crate::Location;
    use crate::db::{Begun, Db};
    use crate::gate::Through;

    fn texts(places: Places) -> Vec<String> {
        let mut texts: Vec<String> = ALL.iter().map(|text| text.to_string()).collect();
        for rows in [&LINKS_PUT, &JOURNAL_PUT, &PUSHED_EMAILS_PUT, &PUSHED_MEMBERS_PUT] {
            texts.extend((0..=6).map(|power| rows.text(1 << power, places)));
        }
        assert!(texts.len() > 60, "the list has lost statements: {}", texts.len());
        texts
    }

    #[tokio::test]
    async fn sqlite_takes_every_statement() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("store").into(), Through::default()).await.unwrap();
        let Some(Begun::Sqlite(mut tx)) = db.begin().await.unwrap().begun() else { panic!("a file is SQLite") };
        for text in texts(Places::InOrder) {
            let prepared = (&mut *tx).prepare(sqlx::AssertSqlSafe(text.clone()).into_sql_str()).await;
            assert!(prepared.is_ok(), "{text}: {:?}", prepared.err());
        }
    }

    #[tokio::test]
    async fn postgresql_takes_every_statement() {
        let at = Location::parse(&xtask::postgres::fresh(), std::path::Path::new("")).unwrap();
        let db = Db::open(&at, Through::default()).await.unwrap();
        let Some(Begun::Postgres(mut tx, _)) = db.begin().await.unwrap().begun() else { panic!("an address is PostgreSQL") };
        for text in texts(Places::Numbered) {
            let prepared = (&mut *tx).prepare(sqlx::AssertSqlSafe(text.clone()).into_sql_str()).await;
            assert!(prepared.is_ok(), "{text}: {:?}", prepared.err());
        }
    }

    #[test]
    fn rows_are_cut_into_powers_of_two() {
        let mut left = 64 * 3 + 7;
        let mut sizes = Vec::new();
        while left > 0 {
            sizes.push(Rows::chunk(left));
            left -= Rows::chunk(left);
        }
        assert_eq!(sizes, [64, 64, 64, 4, 2, 1]);
        assert_eq!(
            LINKS_PUT.text(2, Places::Numbered),
            "INSERT INTO links (app, person, account, evidence, since) VALUES ($1, $2, $3, $4, $5), ($6, $7, $8, $9, $10) ON CONFLICT DO NOTHING"
        );
        assert_eq!(
            PUSHED_EMAILS_PUT.text(2, Places::InOrder),
            "INSERT INTO pushed_emails (source, email, id) VALUES (?, ?, ?), (?, ?, ?) ON CONFLICT DO NOTHING"
        );
    }

    /// SQL is only here and in `db`, and only `db` hands it to a database.
    #[test]
    fn sql_is_nowhere_else() {
        let (mut folders, mut seen) = (vec![concat!(env!("CARGO_MANIFEST_DIR"), "/src").into()], 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir::<std::path::PathBuf>(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() && name != "db" {
                    folders.push(path);
                } else if path.is_file() && name != "sql.rs" {
                    let text = std::fs::read_to_string(&path).unwrap();
                    for word in ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "sqlx::query"] {
                        assert!(!text.contains(word), "{name} contains {word:?}");
                    }
                    seen += 1;
                }
            }
        }
        assert!(seen > 10, "it looks in the wrong place");
    }
}
