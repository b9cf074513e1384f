//! `PATCH /Users/{id}`, `PATCH /Groups/{id}` (RFC 7644, section 3.5.2).

use engine::{PushedWhat, Written};
use model::{MemberChange, Resource, ResourceKind};
use scim::etag::weak;
use scim::{Patch, ResourceType, View};
use serde_json::{Map, Value};

use super::answer::{Answer, Trouble};
use super::create::busy;
use super::{Call, TRIES, members, record};

impl Call<'_> {
    pub(super) async fn patch(&self, kind: &ResourceType, id: &str, patch: &Patch, view: &View) -> Result<Answer, Trouble> {
        for _ in 0..TRIES {
            let old = self.there(kind, id).await?;
            self.unchanged(&old)?;
            let before = record::said(&old)?;
            let mut after = before.clone();
            let change = match old.kind {
                ResourceKind::User => {
                    patch.apply(kind, &mut after, &self.dialect.leniency)?;
                    MemberChange::default()
                }
                ResourceKind::Group => self.patch_group(kind, id, patch, &mut after).await?,
            };
            if let Some((written, whole)) = self.write(kind, &old, &before, after, change).await? {
                let shows = match old.kind {
                    ResourceKind::User => self.dialect.shows_patched_user,
                    ResourceKind::Group => self.dialect.shows_patched_group,
                };
                return match shows {
                    true => self.answered(200, kind, &written, whole, view).await,
                    false => Ok(Answer { etag: Some(weak(written.version)), ..Answer::empty(204) }),
                };
            }
        }
        Err(busy())
    }

    /// A group's own attributes, and what changes in its members: by rows where the request allows it, however many there are.
    async fn patch_group(
        &self,
        kind: &ResourceType,
        id: &str,
        patch: &Patch,
        after: &mut Map<String, Value>,
    ) -> Result<MemberChange, Trouble> {
        let leniency = &self.dialect.leniency;
        let (of_members, others): (Vec<_>, Vec<_>) = patch.changes.iter().cloned().partition(|change| change.target.is_of("members"));
        if of_members.is_empty() {
            patch.apply(kind, after, leniency)?;
            return Ok(MemberChange::default());
        }
        if let Some(change) = members::simple(&of_members)? {
            Patch { changes: others }.apply(kind, after, leniency)?;
            return self.effective(id, change).await;
        }
        // Parts of members, or those that a larger filter chooses: with all of them at hand.
        let kept = self.engine().pushed_members(&self.source, id).await?;
        if !kept.is_empty() {
            after.insert("members".into(), kept.iter().cloned().map(|member| record::member(member, &self.base)).collect());
        }
        patch.apply(kind, after, leniency)?;
        let listed = after.remove("members").map(|list| record::members(&list)).transpose()?.unwrap_or_default();
        Ok(members::difference(kept, &listed))
    }

    /// Writes what a resource has become, and gives it as it is shown; none where somebody else's change came first.
    pub(super) async fn write(
        &self,
        kind: &ResourceType,
        old: &Resource,
        before: &Map<String, Value>,
        after: Map<String, Value>,
        members: MemberChange,
    ) -> Result<Option<(Resource, Map<String, Value>)>, Trouble> {
        let after = record::kept(after);
        let mut draft = record::draft(old.kind, &old.id, &after);
        if after.get("emails") == before.get("emails") {
            draft.emails = None;
        }
        let (name, body) = (draft.name.clone(), draft.body.clone());
        let called = after.get(record::name_of(old.kind)).and_then(Value::as_str).unwrap_or(&name).to_owned();
        let same = body == old.body && members.is_nothing();
        let what = match same {
            true => PushedWhat::Said { id: old.id.clone() },
            false => PushedWhat::Replace { draft, members, expect: old.version },
        };
        match self.engine().push(&self.source, old.kind, what).await? {
            (Written::Done(version), at) => {
                self.pushed();
                let written = match same {
                    true => old.clone(),
                    false => Resource { name, body, version, modified: at, said: at, ..old.clone() },
                };
                let whole = record::dressed(kind, &written, after, &self.base);
                Ok(Some((written, whole)))
            }
            (Written::Taken, _) => Err(scim::Error::taken(record::name_of(old.kind), &called).into()),
            (Written::Changed, _) => Ok(None),
            (Written::NotThere, _) => Err(scim::Error::not_found(&format!("{} {}", kind.name, old.id)).into()),
        }
    }

    /// Whether it is the version that the client means.
    ///
    /// # Errors
    /// 412 where it is another.
    pub(super) fn unchanged(&self, old: &Resource) -> Result<(), Trouble> {
        self.condition.check(&weak(old.version), false).map(drop).map_err(Trouble::from)
    }
}
