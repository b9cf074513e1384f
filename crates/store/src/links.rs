//! Links: which account is whose, unique both ways in each app (P7).

use model::{AccountId, AppName, Link, PersonKey};

use crate::db::{Arg, Row, Tx, args};
use crate::pack::{json, millis, time};
use crate::{Store, StoreError, sql};

impl Store {
    /// All links, in byte order of app, person and account.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn links(&self) -> Result<Vec<Link>, StoreError> {
        sorted(self.db.fetch(sql::LINKS, args![]).await?)
    }

    /// The links of an app, in byte order of their people's keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn links_of(&self, app: &AppName) -> Result<Vec<Link>, StoreError> {
        sorted(self.db.fetch(sql::LINKS_OF_APP, args![app.as_str()]).await?)
    }

    /// The links of a person, at most one per app.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn links_of_person(&self, person: &PersonKey) -> Result<Vec<Link>, StoreError> {
        sorted(self.db.fetch(sql::LINKS_OF_PERSON, args![person.as_str()]).await?)
    }

    /// Keeps links, all or none.  A link that is known already stays as it is.
    ///
    /// # Errors
    /// [`StoreError::LinkConflict`] when the person has another account, or the account another person, in that app.
    pub async fn put_links(&self, links: &[Link]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        put_links(&mut tx, links).await?;
        tx.commit().await
    }
}

/// Keeps links as part of a transaction.
pub(crate) async fn put_links(tx: &mut Tx, links: &[Link]) -> Result<(), StoreError> {
    if links.is_empty() {
        return Ok(());
    }
    let inserted = tx.insert(&sql::LINKS_PUT, links.iter().map(values).collect()).await?;
    if inserted == links.len() as u64 {
        return Ok(());
    }
    // Some were not new: every one must now be there exactly as wanted.
    for link in links {
        let like = tx.fetch(sql::LINKS_LIKE, args![link.app.as_str(), link.person.as_str(), link.account.as_str()]).await?;
        for row in &like {
            let known = read(row)?;
            if known.person != link.person || known.account != link.account {
                return Err(StoreError::LinkConflict {
                    app: link.app.clone(),
                    person: link.person.to_string(),
                    account: link.account.to_string(),
                    why: format!("account {} is linked to person {}", known.account, known.person),
                });
            }
        }
    }
    Ok(())
}

fn values(link: &Link) -> Vec<Arg> {
    args![link.app.as_str(), link.person.as_str(), link.account.as_str(), json(&link.evidence), millis(link.since)]
}

fn read(row: &Row) -> Result<Link, StoreError> {
    Ok(Link {
        app: AppName::new(row.text(0)?),
        person: PersonKey::new(row.text(1)?),
        account: AccountId::new(row.text(2)?),
        evidence: row.json(3, "the evidence of a link")?,
        since: time(row.int(4)?, "the time of a link")?,
    })
}

/// Sorted here and not there: bytewise whatever the database's collation.
fn sorted(rows: Vec<Row>) -> Result<Vec<Link>, StoreError> {
    let mut links = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    links.sort_unstable();
    Ok(links)
}
