//! Entity tags (RFC 7644, section 3.14): weak ones, of a version that the caller counts.

use crate::Error;

/// What the condition of a request comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Go,
    /// 304: the client has this version already.
    NotModified,
}

/// `If-Match` and `If-None-Match` of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// The value of `If-Match`; several headers joined by commas.
    pub if_match: Option<String>,
    /// The value of `If-None-Match`.
    pub if_none_match: Option<String>,
}

/// A version as an entity tag: `W/"3"`.
pub fn weak(version: impl std::fmt::Display) -> String {
    format!("W/\"{version}\"")
}

impl Condition {
    /// Holds the condition against the resource's tag. Tags are compared weakly, as SCIM's are weak. `reading` says whether the
    /// request is a GET.
    ///
    /// # Errors
    /// 412 where the client means another version.
    pub fn check(&self, current: &str, reading: bool) -> Result<Verdict, Error> {
        if let Some(wanted) = &self.if_match
            && !named(wanted, current)
        {
            return Err(Error::new(412, format!("the resource is at version {current}, not at {wanted}; read it again")));
        }
        match &self.if_none_match {
            Some(known) if named(known, current) => {
                if reading {
                    Ok(Verdict::NotModified)
                } else {
                    Err(Error::new(412, format!("the resource is at version {current}, which If-None-Match excludes")))
                }
            }
            _ => Ok(Verdict::Go),
        }
    }
}

/// Whether a list of tags has this one in it, or is `*`.
fn named(list: &str, current: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    let current = plain(current);
    list.trim() == "*" || list.split(',').any(|tag| plain(tag) == current)
}
