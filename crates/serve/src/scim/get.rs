//! `GET /Users/{id}`, `GET /Groups/{id}` (RFC 7644, section 3.4.1).

use model::{Resource, ResourceKind};
use scim::etag::{Verdict, weak};
use scim::{Error, ResourceType, View, location};
use serde_json::{Map, Value};

use super::answer::{Answer, Trouble};
use super::{Call, record};

impl Call<'_> {
    pub(super) async fn get(&self, kind: &ResourceType, id: &str, view: &View) -> Result<Answer, Trouble> {
        let resource = self.there(kind, id).await?;
        let tag = weak(resource.version);
        if self.condition.check(&tag, true)? == Verdict::NotModified {
            return Ok(Answer { etag: Some(tag), ..Answer::empty(304) });
        }
        let whole = record::shown(kind, &resource, &self.base)?;
        self.answered(200, kind, &resource, whole, view).await
    }

    /// The record, which has to be there.
    pub(super) async fn there(&self, kind: &ResourceType, id: &str) -> Result<Resource, Trouble> {
        let found = self.engine().pushed_record(&self.source, record::kind_of(kind), id).await?;
        Ok(found.ok_or_else(|| Error::not_found(&format!("{} {id}", kind.name)))?)
    }

    /// A record as an answer, with everything that a view shows, what is kept in rows of its own too.
    pub(super) async fn answered(
        &self,
        status: u16,
        kind: &ResourceType,
        resource: &Resource,
        mut whole: Map<String, Value>,
        view: &View,
    ) -> Result<Answer, Trouble> {
        match resource.kind {
            ResourceKind::User if resource.grouped && view.shows("groups") => self.add_groups(&mut whole, &resource.id).await?,
            ResourceKind::Group if view.shows("members") => self.add_members(&mut whole, &resource.id).await?,
            _ => {}
        }
        Ok(self.told(status, kind, resource, whole, view))
    }

    /// A record as an answer, with nothing but what is at hand.
    pub(super) fn told(&self, status: u16, kind: &ResourceType, resource: &Resource, whole: Map<String, Value>, view: &View) -> Answer {
        Answer {
            status,
            body: Some(Value::Object(view.cut(whole))),
            etag: Some(weak(resource.version)),
            location: Some(location(&self.base, kind, &resource.id)),
        }
    }

    pub(super) async fn add_groups(&self, whole: &mut Map<String, Value>, user: &str) -> Result<(), Trouble> {
        let groups = self.engine().pushed_groups_of(&self.source, user).await?;
        if !groups.is_empty() {
            whole.insert("groups".into(), groups.iter().map(|(id, body)| record::group(id, body, &self.base)).collect());
        }
        Ok(())
    }

    pub(super) async fn add_members(&self, whole: &mut Map<String, Value>, group: &str) -> Result<(), Trouble> {
        let members = self.engine().pushed_members(&self.source, group).await?;
        if !members.is_empty() {
            whole.insert("members".into(), members.into_iter().map(|member| record::member(member, &self.base)).collect());
        }
        Ok(())
    }
}
