//! C7: the least possible number of requests that keeps the promises.  One function for each vendor; `docs/checker.md` gives
//! the reasons for every line.  What a promise costs is in it: one complete reading for every planning (P4), one look before
//! and one after every write by the cheapest means that the API has (P5, P6).

/// The parts of a sum, in words, with their numbers.
pub type Parts = Vec<(&'static str, u64)>;

/// Lessonly's page in the guide's reading of its API.
pub const LESSONLY_PAGE: u64 = 50;
/// Lessonly's largest page in the vendor's reading.
pub const LESSONLY_VENDOR_PAGE: u64 = 1000;
/// Absorb's largest page.
pub const ABSORB_PAGE: u64 = 1000;
/// Absorb's largest batch.
pub const ABSORB_BATCH: u64 = 200;
/// The life of an Absorb token, in seconds.
pub const ABSORB_TOKEN: i64 = 4 * 3600;

/// One complete reading of a Lessonly company.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LessonlyReading {
    /// Accounts at that time.
    pub accounts: u64,
    /// Managed groups: one read of each gives its members.
    pub groups: u64,
    /// Kinds of content that enrolment rules name: one list each.
    pub kinds: u64,
    /// Assignments of each content that a rule names, at that time.
    pub assignments: Vec<u64>,
}

/// What was done at Lessonly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LessonlyWork {
    /// Whether it answered as the vendor's reading has it: larger pages that are counted, groups in a call of their own.
    pub vendor: bool,
    /// Accounts made that joined groups.
    pub creates_into_groups: u64,
    /// Updates that changed memberships, and of these the ones that changed nothing else.
    pub moves: u64,
    /// See `moves`.
    pub only_moves: u64,
    /// Readings for planning.
    pub readings: Vec<LessonlyReading>,
    /// Accounts made.
    pub creates: u64,
    /// Updates, restores and archives.
    pub changes: u64,
    /// Groups made.
    pub groups: u64,
    /// Enrolments made.
    pub enrols: u64,
    /// Runs that take accounts over: how many, and the accounts at that time.
    pub links: Vec<(u64, u64)>,
}

/// The least number of requests to Lessonly.
pub fn lessonly(work: &LessonlyWork) -> Parts {
    let each = |of: &dyn Fn(&LessonlyReading) -> u64| work.readings.iter().map(of).sum();
    // Where lists are not counted a walk ends with a page that is not full: one more, empty, when the last was.
    let page = if work.vendor { LESSONLY_VENDOR_PAGE } else { LESSONLY_PAGE };
    let pages = |records: u64| if work.vendor { records.div_ceil(page).max(1) } else { records / page + 1 };
    let several = |records: u64| if work.vendor { records > page } else { records >= page };
    let (second, looks, values) = if work.vendor { (work.creates_into_groups, 2 * work.moves, work.only_moves) } else { (0, 0, 0) };
    vec![
        ("reading: pages of users", each(&|reading| pages(reading.accounts))),
        // What came in one answer cannot have moved between pages.
        ("reading: second look at page one", each(&|reading| u64::from(several(reading.accounts)))),
        ("reading: list of groups", each(&|reading| u64::from(reading.groups > 0))),
        ("reading: members of each managed group", each(&|reading| reading.groups)),
        ("reading: lists of content", each(&|reading| reading.kinds)),
        ("reading: assignments of each named content", each(&|reading| reading.assignments.iter().map(|n| pages(*n)).sum())),
        // The vendor refuses a known e-mail (the look before); the answer is the whole record (the look after).
        ("create: POST, and PUT of groups where that is a call of its own", work.creates + second),
        (
            "change: GET, then PUT whose answer is the whole record; GET and PUT of groups where these are calls of their own",
            2 * work.changes + looks - values,
        ),
        ("group: POST", work.groups),
        ("link: GET, or pages of users", work.links.iter().map(|(links, accounts)| *links.min(&pages(*accounts))).sum()),
        ("enrol: GET, then POST whose answer is the record", 2 * work.enrols),
    ]
}

/// One complete reading of an Absorb portal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AbsorbReading {
    /// Accounts at that time.
    pub accounts: u64,
    /// Whether policy names departments.
    pub departments: bool,
    /// Whether policy names courses.
    pub courses: bool,
    /// Accounts there already whose enrolments a rule asks about.
    pub asked: u64,
}

/// What one run did at Absorb.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AbsorbRun {
    /// Accounts in the portal when it began.
    pub accounts: u64,
    /// Departments made.
    pub departments: u64,
    /// Accounts made.
    pub creates: u64,
    /// Restores and updates.
    pub changes: u64,
    /// Supervisors set.
    pub relates: u64,
    /// Accounts made inactive.
    pub leaves: u64,
    /// Accounts taken over.
    pub links: u64,
    /// Enrolments made.
    pub enrols: u64,
}

/// What was done at Absorb.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AbsorbWork {
    /// Whether it answered as the vendor's reading has it: it tells the admin's scope and the custom fields, and what it answers to an
    /// enrolment is not the enrolment.
    pub vendor: bool,
    /// Whether the profile was asked for by logging in the vendor's way first.
    pub tried: bool,
    /// Tokens: each lives four hours from its log-in.
    pub tokens: u64,
    /// Readings for planning.
    pub readings: Vec<AbsorbReading>,
    /// Runs.
    pub runs: Vec<AbsorbRun>,
}

/// The least number of requests to Absorb.
pub fn absorb(work: &AbsorbWork) -> Parts {
    let (told, enrol) = if work.vendor { (3, 3) } else { (0, 2) };
    let each = |of: fn(&AbsorbReading) -> u64| work.readings.iter().map(of).sum();
    let runs = |of: fn(&AbsorbRun) -> u64| work.runs.iter().map(of).sum();
    vec![
        ("log-in: one in four hours", work.tokens),
        ("log-in: the vendor's way first, which tells the profile", if work.tried { work.tokens } else { 0 }),
        ("reading: the admin's own account, its scope, custom fields", told * work.readings.len() as u64),
        ("reading: pages of users", each(|reading| reading.accounts.div_ceil(ABSORB_PAGE).max(1))),
        ("reading: second look at the count", each(|reading| u64::from(reading.accounts > ABSORB_PAGE))),
        ("reading: list of departments", each(|reading| u64::from(reading.departments))),
        ("reading: list of courses", each(|reading| u64::from(reading.courses))),
        ("reading: enrolments of accounts that policy asks about", each(|reading| reading.asked)),
        ("departments: POST each, one list after", runs(|run| if run.departments > 0 { run.departments + 1 } else { 0 })),
        ("run: first look", runs(AbsorbRun::first_look)),
        ("run: batches", runs(AbsorbRun::batches)),
        // What changed since the batch was sent; it is the look before the next batch too.
        ("run: one look after each batch", runs(AbsorbRun::batches)),
        ("enrol: GET, POST, and GET where the answer is not the enrolment", enrol * runs(|run| run.enrols)),
    ]
}

impl AbsorbRun {
    fn batches(&self) -> u64 {
        [self.creates, self.changes, self.relates, self.leaves].iter().map(|steps| steps.div_ceil(ABSORB_BATCH)).sum()
    }

    /// Existing accounts are looked at one by one, or all together, whichever is less.
    fn first_look(&self) -> u64 {
        let existing = self.changes + self.relates + self.leaves + self.creates + self.links;
        existing.min(self.accounts.div_ceil(ABSORB_PAGE).max(1))
    }
}

/// How many tokens requests at these instants (seconds, rising) need: one serves whatever comes within four hours of its log-in.
pub fn tokens(instants: impl Iterator<Item = i64>) -> u64 {
    let (mut tokens, mut over) = (0, i64::MIN);
    for instant in instants {
        if instant >= over {
            (tokens, over) = (tokens + 1, instant.saturating_add(ABSORB_TOKEN));
        }
    }
    tokens
}

/// The sum.
pub fn total(parts: &Parts) -> u64 {
    parts.iter().map(|(_, number)| number).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lessonly_from_empty_and_back() {
        // Two readings (empty, then 120 accounts) of three groups; one lesson rule with 100 assignments at the second.
        let reading = |accounts, assignments| LessonlyReading { accounts, groups: 3, kinds: 1, assignments: vec![assignments] };
        let work = LessonlyWork {
            readings: vec![reading(0, 0), reading(120, 100)],
            creates: 120,
            changes: 4,
            enrols: 100,
            ..Default::default()
        };
        // Empty: 1 + 1 + 3 + 1 + 1; later 3 pages, page one again, and 3 of assignments; 120 + 8 + 200.
        assert_eq!(total(&lessonly(&work)), 7 + (3 + 1 + 1 + 3 + 1 + 3) + 120 + 8 + 200);
        // A full last page needs one more.
        assert_eq!(
            lessonly(&LessonlyWork { readings: vec![LessonlyReading { accounts: 100, ..Default::default() }], ..Default::default() })
                [0]
            .1,
            3
        );
        assert_eq!(total(&lessonly(&LessonlyWork::default())), 0);
        // Counted pages need none after a full one; groups are calls of their own: 1 more for a create, 2 for a change, 1 less where they
        // are all of it.
        let vendor = |accounts| LessonlyWork {
            vendor: true,
            readings: vec![LessonlyReading { accounts, ..Default::default() }],
            ..Default::default()
        };
        assert_eq!((total(&lessonly(&vendor(1000))), total(&lessonly(&vendor(1001)))), (1, 3));
        let groups = LessonlyWork { creates: 5, creates_into_groups: 4, changes: 3, moves: 2, only_moves: 1, ..vendor(0) };
        assert_eq!(total(&lessonly(&groups)), 1 + 5 + 4 + 6 + 4 - 1);
        // Two are asked for, a hundred and twenty come on three pages.
        assert_eq!(total(&lessonly(&LessonlyWork { links: vec![(2, 120), (120, 120)], ..Default::default() })), 2 + 3);
    }

    #[test]
    fn absorb_in_batches() {
        let reading = |accounts, asked| AbsorbReading { accounts, departments: true, courses: true, asked };
        let run = AbsorbRun { accounts: 1, departments: 9, creates: 1001, relates: 1000, enrols: 7, ..Default::default() };
        let work = AbsorbWork { tokens: 1, readings: vec![reading(1, 0), reading(1002, 7)], runs: vec![run], ..Default::default() };
        // Log-in 1; readings 3 and 5 + 7; departments 10; look 1; batches 6 + 5, each with a look; enrolments 14.
        assert_eq!(total(&absorb(&work)), 1 + 3 + (5 + 7) + 10 + 1 + 2 * 11 + 14);
        assert_eq!(total(&absorb(&AbsorbWork::default())), 0);
        assert_eq!(absorb(&AbsorbWork { tokens: 2, ..work.clone() })[0].1, 2);
        // The vendor's reading: three questions a reading, one look more for each enrolment; and a log-in tried in vain where it is not.
        let guide = total(&absorb(&work));
        assert_eq!(total(&absorb(&AbsorbWork { vendor: true, ..work.clone() })), guide + 2 * 3 + 7);
        assert_eq!(total(&absorb(&AbsorbWork { tried: true, ..work })), guide + 1);
    }

    #[test]
    fn a_token_is_needed_when_something_is_asked() {
        assert_eq!(tokens([].into_iter()), 0);
        assert_eq!(tokens([0, 60, 4 * 3600 - 1].into_iter()), 1);
        assert_eq!(tokens([0, 4 * 3600, 4 * 3600 + 1].into_iter()), 2);
        // Half a year in which nothing is asked needs none.
        assert_eq!(tokens([0, 15_638_400].into_iter()), 2);
    }
}
