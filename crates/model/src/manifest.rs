//! What a connector's app can do, as data: drives planning, docs and the conformance suite.

use serde::Serialize;

use crate::{Kind, Verb};

/// Whether an app can do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// It can, and the connector does.
    Can,
    /// The vendor's API cannot, and why.
    Cannot(&'static str),
    /// The API could; the connector does not yet, and why.
    Unbuilt(&'static str),
}

/// How two values of an attribute are compared before a difference counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// Byte for byte.
    Exact,
    /// Without regard to letter case (Unicode simple folding) and surrounding space.
    Folded,
}

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Text.
    Text,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// A whole number.
    Int,
    /// The id of a department; policy writes its name.
    Department,
    /// The id of another account; policy writes the person's key.
    Supervisor,
    /// One of these, from least to most power: going up is a raise.
    Role(&'static [&'static str]),
}

/// One attribute of an app's accounts that policy may own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// Its name in the vendor's API and in `[app.X.set]`.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// How it is compared.
    pub compare: Compare,
    /// No account can be made without it.
    pub required: bool,
    /// The vendor refuses a second account with the same value, inactive accounts included.
    pub unique: bool,
    /// Characters that the vendor refuses anywhere in it.
    pub refused: &'static str,
}

/// A published limit of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    /// Requests a second, sustained.
    pub per_second: u32,
    /// Requests beyond that at once.
    pub burst: u32,
}

/// How an app lets one read who is enrolled in what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrolmentsBy {
    /// One look per account.
    Account,
    /// One look per content.
    Content,
}

/// What becomes of a write that takes effect late: after it was given up for lost and written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LandsLate {
    /// The vendor refuses it, because what it would make is there.
    Refused,
    /// It changes nothing but what its step says, which was done again meanwhile.
    Same,
    /// It writes more than its step says, or begins something anew: what later steps set is lost.
    Overwrites,
    /// It makes a second one beside the first.
    Doubles,
}

impl LandsLate {
    /// Whether it may do harm, so that nothing is repeated while it may still come.
    pub fn is_waited_for(self) -> bool {
        matches!(self, Self::Overwrites | Self::Doubles)
    }
}

/// What marks an account as an admin's: no plan ever touches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AdminMark {
    /// The member of the vendor's record.
    pub member: &'static str,
    /// What it then is: text in any case, or `true`.
    pub is: &'static str,
    /// How that is told.
    pub why: &'static str,
}

/// What one connector's app can do.  Static data, the same for every tenant; a profile may have its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// The connector's name, as `connector = "…"` writes it.
    pub connector: &'static str,
    /// The attributes that policy may own.
    pub attributes: &'static [Attribute],
    /// The attribute that carries the person's key, if there is one.
    pub key_attribute: Option<&'static str>,
    /// What marks the accounts of admins.
    pub admins: &'static [AdminMark],
    /// What steps it supports; a verb that is not listed cannot be done.
    pub verbs: &'static [(Verb, Support)],
    /// How many steps of a verb go into one call; verbs that are not listed go one at a time.
    pub batches: &'static [(Verb, usize)],
    /// What becomes of a verb's write that takes effect after it was repeated; of verbs that are not listed the worst is thought:
    /// [`LandsLate::Doubles`].
    pub lands_late: &'static [(Verb, LandsLate)],
    /// What can be read.
    pub kinds: &'static [Kind],
    /// Whether one write can reactivate an account and set its attributes too.
    pub restore_sets: bool,
    /// How enrolments are read.
    pub enrolments: EnrolmentsBy,
    /// Whether the app may hide accounts from our log-in without saying so (A04).
    pub hides: bool,
    /// What leaving is called there ("archive", "deactivate"), and what it means to the human, for plans (L10).
    pub leave: (&'static str, &'static str),
    /// Whether moving between departments may enrol people by the app's own rules (A19).
    pub moves_enrol: bool,
    /// The published limit, if the vendor publishes one; else pace adapts (L04).
    pub limit: Option<RateLimit>,
    /// How many calls may be under way at once.
    pub concurrency: usize,
    /// Accounts a page when reading, in each profile; the first profile is the one in force before anybody asked.
    pub pages: &'static [(&'static str, usize)],
    /// Kinds whose changes since an instant can be asked for (L05).
    pub dated: &'static [Kind],
    /// By which attributes the app itself finds accounts among all that there are, inactive ones too, in each profile; in a profile that is
    /// not listed, by none.
    pub asked_by: &'static [(&'static str, &'static [&'static str])],
}

impl Manifest {
    /// An attribute by name.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// Whether a verb is supported; unlisted ones are not.
    pub fn support(&self, verb: Verb) -> Support {
        self.verbs
            .iter()
            .find(|(listed, _)| *listed == verb)
            .map_or(Support::Cannot("not listed in the manifest"), |(_, support)| *support)
    }

    /// What becomes of a write of this verb that takes effect after it was repeated.
    pub fn lands_late(&self, verb: Verb) -> LandsLate {
        self.lands_late.iter().find(|(listed, _)| *listed == verb).map_or(LandsLate::Doubles, |(_, late)| *late)
    }

    /// Accounts a page when reading in this profile.
    pub fn page(&self, profile: &str) -> usize {
        let of = self.pages.iter().find(|(name, _)| *name == profile).or(self.pages.first());
        of.map_or(1, |(_, size)| *size)
    }

    /// By which attributes the app can be asked for accounts in this profile.
    pub fn asked_by(&self, profile: &str) -> &'static [&'static str] {
        self.asked_by.iter().find(|(name, _)| *name == profile).map_or(&[], |(_, attributes)| *attributes)
    }

    /// The mark by which a record is an admin's, if it is.  `member` gives a member of the record as text (`true` for a flag that is set).
    pub fn admin<T: AsRef<str>>(&self, member: impl Fn(&str) -> Option<T>) -> Option<&'static AdminMark> {
        self.admins.iter().find(|mark| member(mark.member).is_some_and(|is| is.as_ref().trim().eq_ignore_ascii_case(mark.is)))
    }

    /// How many steps of this verb go into one call; at least 1.
    pub fn batch(&self, verb: Verb) -> usize {
        self.batches.iter().find(|(listed, _)| *listed == verb).map_or(1, |(_, size)| *size)
    }
}
