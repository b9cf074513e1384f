//! A human in the roster.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{IdpWord, Named, PersonKey, Text};

/// What the employment source's own status column says, by the configured words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Employed (on leave included): `[source.X.status] active`.
    Active,
    /// Employment ended: `[source.X.status] left`.  Positive evidence (P4).
    Left,
    /// The source has no status column: who is listed works here until the last day in the row is over.
    Unsaid,
}

/// One person as one source said it; the source's key says who is who, e-mail and name are attributes (F07).
///
/// The fields stand in the order of canonical JSON, so that digesting many moves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Every other column, by attribute name (`email`, `given_name`, `family_name`, `title`, `department`, `manager`, …); trimmed,
    /// blank cells left out.
    pub attributes: Named<Text>,
    /// Last day (worked to its end), in the person's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Date>,
    /// What identity providers said last, by source.
    #[serde(default, skip_serializing_if = "Named::is_empty")]
    pub idp: Named<IdpWord>,
    /// The source's key.
    pub key: PersonKey,
    /// Employed or not, by the status column.
    pub standing: Standing,
    /// First day, in the person's zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Date>,
    /// IANA time zone, when the source has a column for it (attribute `time_zone`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Text>,
}

impl Person {
    /// An attribute's text, or "" when the source had none.
    pub fn get(&self, attribute: &str) -> &str {
        self.attributes.get(attribute).map_or("", Text::as_str)
    }

    /// How people call this person: given and family name, else the e-mail, else the key.
    pub fn display_name(&self) -> String {
        let name = format!("{} {}", self.get("given_name"), self.get("family_name"));
        match (name.trim(), self.get("email")) {
            ("", "") => self.key.to_string(),
            ("", email) => email.to_owned(),
            (own, _) if own.len() == name.len() => name,
            (own, _) => own.to_owned(),
        }
    }
}
