//! `PUT /Users/{id}`, `PUT /Groups/{id}` (RFC 7644, section 3.5.1).

use model::{MemberChange, ResourceKind};
use scim::{ResourceType, View};
use serde_json::{Map, Value};

use super::answer::{Answer, Trouble};
use super::create::busy;
use super::{Call, TRIES, members, record};

impl Call<'_> {
    pub(super) async fn replace(
        &self,
        kind: &ResourceType,
        id: &str,
        mut resource: Map<String, Value>,
        view: &View,
    ) -> Result<Answer, Trouble> {
        let listed = match (record::kind_of(kind), resource.remove("members")) {
            (ResourceKind::Group, Some(list)) => Some(record::members(&list)?),
            (ResourceKind::Group, None) => Some(Vec::new()),
            (ResourceKind::User, _) => None,
        };
        for _ in 0..TRIES {
            let old = self.there(kind, id).await?;
            self.unchanged(&old)?;
            let before = record::said(&old)?;
            let mut after = kind.replace(&before, resource.clone())?;
            // What is not said takes nothing away from anybody: whoever was active stays so, whoever was not stays so too.
            if let (ResourceKind::User, Some(active)) = (old.kind, before.get("active")) {
                after.entry("active").or_insert_with(|| active.clone());
            }
            let change = match &listed {
                Some(listed) => members::difference(self.engine().pushed_members(&self.source, id).await?, listed),
                None => MemberChange::default(),
            };
            if let Some((written, whole)) = self.write(kind, &old, &before, after, change).await? {
                return self.answered(200, kind, &written, whole, view).await;
            }
        }
        Err(busy())
    }
}
