//! What an identity provider pushes, as the store keeps it, and how a face asks for it.

use jiff::Timestamp;

/// What a pushed record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// A person's account at the provider.
    User,
    /// A group there.
    Group,
}

impl ResourceKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::User, Self::Group];

    /// Its name in RFC 7643, which is also how it is kept.
    pub fn word(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }
}

/// A record as it is to be kept; what it is found by is worked out by whoever knows the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Its id, given by us once and for ever.
    pub id: String,
    /// User name or display name, folded: of two users of one source that fold alike, there is one.
    pub name: String,
    /// The provider's own id of it (`externalId`); empty when it has none.
    pub external: String,
    /// The e-mail addresses, folded; none where they are those that the record has.
    pub emails: Option<Vec<String>>,
    /// The record as JSON, without id, `meta` and members, and without any password.
    pub body: String,
}

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Its id.
    pub id: String,
    /// User name or display name, folded.
    pub name: String,
    /// Counted from 1, one more with each change of it.
    pub version: u64,
    /// When it was first pushed.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// When the provider last spoke of it, whether that changed anything or not.
    pub said: Timestamp,
    /// As [`Draft::body`].
    pub body: String,
    /// Whether it may be in a group; false where it was in none when it was read.
    pub grouped: bool,
}

/// Somebody or something in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id of the user or group.
    pub id: String,
    /// What else was said of the membership, as a JSON object; `{}` mostly.
    pub body: String,
}

/// What changes in a group's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberChange {
    /// Whether everybody is taken out first.
    pub clear: bool,
    /// Who is taken out.
    pub remove: Vec<String>,
    /// Who is put in; whoever is in it already stays as they were.
    pub add: Vec<Member>,
}

impl MemberChange {
    /// Whether it says nothing.
    pub fn is_nothing(&self) -> bool {
        !self.clear && self.remove.is_empty() && self.add.is_empty()
    }
}

/// What a face asks the store for: only what an index answers.  Whatever else a filter says is evaluated on the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Everything.
    All,
    /// The one with this id.
    Id(String),
    /// Those of this user name or display name, folded.
    Name(String),
    /// Those that the provider knows by this id.
    External(String),
    /// Users with this e-mail address, folded.
    Email(String),
    /// Groups that this is a member of.
    Holds(String),
}

/// What another program shows to be let in, as it is kept: the token itself is known to its owner only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its public part, by which it is found and named.
    pub id: String,
    /// SHA-256 of the whole token, as hexadecimal digits.
    pub hash: String,
    /// What it opens: `scim` (the gateway), `api`, `session` (a log-in in a browser) or `link` (one log-in, once).
    pub purpose: String,
    /// Whose it is: for `scim` the name of the source, else the name of whoever acts with it.
    pub subject: String,
    /// What its holder may do; none where it opens something that knows no roles.
    pub role: Option<crate::Role>,
    /// When it was made.
    pub made: Timestamp,
    /// By whom.
    pub made_by: crate::Actor,
    /// From when on it opens nothing; none for never.
    pub expires: Option<Timestamp>,
    /// When it was last used, to about a minute; none for never.
    pub used: Option<Timestamp>,
}
