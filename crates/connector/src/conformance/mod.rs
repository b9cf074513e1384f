//! The conformance suite: what every connector must do, written once and run over every registry entry against its sandbox, in every
//! profile.  For tests only: it makes its approvals and its writing wires itself.
//!
//! A [`Rig`] opens a connector on a fresh sandbox; [`suite`] does the rest, led by the manifest.  [`survives`] is for sandboxes that fail by
//! themselves.

mod bench;
mod failing;
mod faulty;
mod ports;
mod reading;
mod surviving;
mod truth;
mod writing;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Attributes, Content};
use serde_json::Value;

use crate::{Target, Transport};
pub use bench::{Bench, approve, step};
pub use faulty::{Fail, FaultyTransport, When};
pub use ports::{CountingRandom, SkippingClock};
pub use surviving::survives;

/// What a check returns: what went wrong, in words.
pub type Checked = Result<(), String>;

/// Fails the check unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(format!($($text)+));
        }
    };
}
pub(crate) use ensure;

/// Opens one connector, in one profile, on fresh sandboxes.
#[async_trait]
pub trait Rig: Send + Sync {
    /// A sandbox with this many people, some of them with history, and the connector for it.  With `limited`, it takes so few requests
    /// that two hundred reads in a row are too many; else as many as come.
    async fn open(&self, people: usize, limited: bool) -> Opened;
}

/// A connector on a sandbox.
pub struct Opened {
    /// The connector with the right credentials.
    pub target: Arc<dyn Target>,
    /// The same with one credential wrong each, and which.
    pub wrong: Vec<(&'static str, Arc<dyn Target>)>,
    /// How the sandbox is reached.
    pub transport: Arc<dyn Transport>,
    /// Its completed address.
    pub base: String,
    /// What people do by hand in the app's own pages, and what only the sandbox's owner can see.
    pub hand: Arc<dyn Hand>,
}

/// The sandbox from the back: not through its API.  Ids are as the connector gives them.  An implementation panics when the sandbox
/// refuses: then the rig is wrong, not the connector.
pub trait Hand: Send + Sync {
    /// Ids of all accounts that the log-in can see.
    fn accounts(&self) -> Vec<String>;
    /// The whole record of an account, memberships included, as the sandbox keeps it; members are named as the app's attributes.
    fn record(&self, account: &str) -> Value;
    /// Members of the record that change by themselves at any change (`updated_at`).
    fn volatile(&self) -> &'static [&'static str];
    /// Changes made over the API so far: lines of the effect ledger.
    fn writes(&self) -> usize;
    /// Requests over the API so far that changed something, however many lines each has.
    fn writing_calls(&self) -> usize;
    /// Valid values for a new account, another for every number; all required attributes and the key attribute are among them.
    fn values(&self, number: usize) -> Attributes;
    /// A plain text attribute that may hold anything and that nothing depends on.
    fn plain(&self) -> &'static str;
    /// An id of the right form that no account has.
    fn nobody(&self) -> String;
    /// Sets the plain attribute of an account.
    fn set_plain(&self, account: &str, value: &str);
    /// Makes a group; none where accounts' groups cannot be written over the API.
    fn make_group(&self, name: &str) -> Option<String>;
    /// Puts an account into a group.
    fn put_into(&self, account: &str, group: &str);
    /// The groups of an account, in byte order.
    fn groups_of(&self, account: &str) -> Vec<String>;
    /// The account completes the content, being enrolled first where need be.
    fn complete(&self, account: &str, content: &Content);
    /// What the account has completed: a stable list.
    fn history(&self, account: &str) -> Vec<String>;
    /// Puts the app's clock on.
    fn pass_time(&self, time: Duration);
}

/// Runs every check on sandboxes of its own, and gives the names of those that passed.
///
/// # Errors
/// The first check that failed, and why.
pub async fn suite(rig: &dyn Rig) -> Result<Vec<&'static str>, String> {
    let mut passed = Vec::new();
    macro_rules! check {
        ($($path:ident::$name:ident),+ $(,)?) => {
            $(
                $path::$name(rig).await.map_err(|why| format!("{}: {why}", stringify!($name)))?;
                passed.push(stringify!($name));
            )+
        };
    }
    check!(
        reading::every_account_is_read_exactly_once,
        reading::a_full_last_page_is_followed_by_its_end,
        reading::every_kind_of_the_manifest_is_read_and_no_other,
        reading::accounts_are_found_by_every_key,
        reading::groups_are_found_with_their_members,
        reading::nobody_is_found_by_an_unknown_key,
        reading::wrong_credentials_are_told,
        reading::the_probe_tells_who_it_is,
        writing::what_is_created_is_found_with_its_values_and_not_created_twice,
        writing::an_update_touches_only_what_it_names,
        writing::drift_is_refused,
        writing::what_is_done_already_is_not_written_again,
        writing::leaving_and_restoring_keep_the_id_and_the_history,
        writing::groups_are_added_and_removed_and_others_survive,
        writing::content_is_enrolled_in_once,
        writing::an_unknown_account_is_left_alone,
        truth::what_the_manifest_cannot_is_unsupported,
        truth::the_manifest_says_what_a_late_write_does,
        truth::structures_are_made_once,
        truth::a_link_writes_nothing_and_checks_its_evidence,
        truth::supervisors_are_set_where_the_manifest_says_so,
        truth::restoring_sets_values_only_where_the_manifest_says_so,
        truth::a_batch_has_an_outcome_for_every_step,
        failing::throttling_is_a_wait,
        failing::bad_answers_to_reads_have_the_right_faults,
        failing::a_read_that_did_not_come_whole_is_asked_for_again,
        failing::bad_answers_to_writes_have_the_right_faults,
        failing::a_write_without_an_answer_is_unknown_and_settled_by_a_look,
    );
    Ok(passed)
}
