//! `DELETE /Users/{id}`, `DELETE /Groups/{id}` (RFC 7644, section 3.6).

use engine::{PushedWhat, Written};
use scim::{Error, ResourceType};

use super::answer::{Answer, Trouble};
use super::create::busy;
use super::{Call, TRIES, record};

impl Call<'_> {
    pub(super) async fn delete(&self, kind: &ResourceType, id: &str) -> Result<Answer, Trouble> {
        for _ in 0..TRIES {
            let mut expect = None;
            if self.condition.if_match.is_some() || self.condition.if_none_match.is_some() {
                let old = self.there(kind, id).await?;
                self.unchanged(&old)?;
                expect = Some(old.version);
            }
            let what = PushedWhat::Delete { id: id.to_owned(), expect };
            match self.engine().push(&self.source, record::kind_of(kind), what).await?.0 {
                Written::Changed => {}
                Written::NotThere | Written::Taken => return Err(Error::not_found(&format!("{} {id}", kind.name)).into()),
                Written::Done(_) => {
                    self.pushed();
                    return Ok(Answer::empty(204));
                }
            }
        }
        Err(busy())
    }
}
