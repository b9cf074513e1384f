//! `POST /Users`, `POST /Groups` (RFC 7644, section 3.3).

use engine::{PushedWhat, Written};
use model::{MemberChange, Query, Resource, ResourceKind};
use scim::{Error, ResourceType, View};
use serde_json::{Map, Value};

use super::answer::{Answer, Trouble};
use super::{Call, TRIES, record};

impl Call<'_> {
    pub(super) async fn create(&self, kind: &ResourceType, mut resource: Map<String, Value>, view: &View) -> Result<Answer, Trouble> {
        let of = record::kind_of(kind);
        let members = match resource.remove("members") {
            Some(list) if of == ResourceKind::Group => MemberChange { add: record::members(&list)?, ..MemberChange::default() },
            _ => MemberChange::default(),
        };
        if of == ResourceKind::User && !resource.contains_key("active") {
            resource.insert("active".into(), true.into());
        }
        let kept = record::kept(resource);
        for _ in 0..TRIES {
            let id = self.engine().new_id();
            let draft = record::draft(of, &id, &kept);
            let (name, body) = (draft.name.clone(), draft.body.clone());
            let what = PushedWhat::Create { draft, members: members.clone() };
            if let (Written::Done(version), at) = self.engine().push(&self.source, of, what).await? {
                self.pushed();
                let created = Resource { kind: of, id, name, version, created: at, modified: at, said: at, body, grouped: false };
                let whole = record::dressed(kind, &created, kept, &self.base);
                return match of {
                    // Nobody is in a group by an id that nobody knew.
                    ResourceKind::User => Ok(self.told(201, kind, &created, whole, view)),
                    ResourceKind::Group => self.answered(201, kind, &created, whole, view).await,
                };
            }
            // The name is taken, or was a moment ago.
            let namesake = self.engine().pushed_find(&self.source, of, &Query::Name(name), "", 1).await?.pop();
            if let Some(namesake) = namesake
                && let Some(answer) = self.revive(kind, &namesake, &kept, view).await?
            {
                return Ok(answer);
            }
        }
        Err(busy())
    }

    /// Somebody who is there and inactive is who is meant: the same id, with what is said now.  None where somebody else's change came first.
    ///
    /// # Errors
    /// 409 where whoever has the name is active, or is not to be; where a group has it.
    async fn revive(
        &self,
        kind: &ResourceType,
        namesake: &Resource,
        resource: &Map<String, Value>,
        view: &View,
    ) -> Result<Option<Answer>, Trouble> {
        let old = record::said(namesake)?;
        let inactive = |said: &Map<String, Value>| said.get("active") == Some(&Value::Bool(false));
        if !inactive(&old) || inactive(resource) {
            let attribute = record::name_of(namesake.kind);
            let name = resource.get(attribute).and_then(Value::as_str).unwrap_or_default();
            return Err(Error::taken(attribute, name).into());
        }
        let new = kind.replace(&old, resource.clone())?;
        match self.write(kind, namesake, &old, new, MemberChange::default()).await {
            Ok(Some((revived, whole))) => self.answered(self.dialect.revived, kind, &revived, whole, view).await.map(Some),
            // Changed meanwhile, or deleted.
            Ok(None) => Ok(None),
            Err(Trouble::Said(error)) if error.status == 404 => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }
}

/// Others change the same thing all the time.
pub(super) fn busy() -> Trouble {
    Error::new(503, "others change this all the time; nothing was kept; send it again").into()
}
