//! Lists in the order of their names (`sortBy=userName`, of groups `displayName`): the store has them in that order, nothing is sorted here.

use model::{Resource, ResourceKind};
use scim::{Error, ListResponse, Listing, ScimType, Sort, cursor};
use serde_json::json;

use super::answer::Trouble;
use super::{Call, record};

/// Whether a list is in the order in which the store has its names.
pub(super) fn is_by(listing: &Listing, sort: &Sort) -> bool {
    sort.path.is(record::name_of(record::kind_of(&listing.kind)))
}

impl Call<'_> {
    /// A page of such a list: behind `place`, where it is paged by cursor, else from `start`.
    pub(super) async fn by_name(
        &self,
        listing: &Listing,
        descending: bool,
        place: Option<String>,
        start: usize,
        count: usize,
    ) -> Result<ListResponse, Trouble> {
        let kind = record::kind_of(&listing.kind);
        let total = usize::try_from(self.engine().pushed_count(&self.source, kind).await?).unwrap_or(usize::MAX);
        let by_cursor = place.is_some();
        // Behind a cursor one more than the page has tells whether there is a next one.
        let wanted = count + usize::from(by_cursor);
        let mut page = match place.filter(|place| !place.is_empty()) {
            Some(place) => {
                let wrong = |_| Error::bad(ScimType::InvalidCursor, "the cursor is none of this list; begin again without one");
                let (name, id): (String, String) = serde_json::from_str(&place).map_err(wrong)?;
                self.engine().pushed_by_name(&self.source, kind, (&name, &id), descending, wanted as u64).await?
            }
            None => {
                // Going down, the same part of the list from the other end.
                let over = start - 1;
                let most = wanted.min(total.saturating_sub(over));
                let above = if descending { total.saturating_sub(over).saturating_sub(most) } else { over };
                let mut page = self.behind(kind, above, most).await?;
                if descending {
                    page.reverse();
                }
                page
            }
        };
        let more = by_cursor && page.len() > count;
        page.truncate(count);
        let place = |last: &Resource| cursor::seal(&json!([last.name, last.id]).to_string(), &listing.about());
        let next = page.last().filter(|_| more).map(place);
        let resources = self.shown(listing, &page).await?;
        Ok(ListResponse { total: Some(total), resources, start: (!by_cursor).then_some(start), next, previous: None })
    }

    /// So many records behind so many others.
    async fn behind(&self, kind: ResourceKind, over: usize, most: usize) -> Result<Vec<Resource>, Trouble> {
        let from = match over {
            0 => Some(Default::default()),
            _ => self.engine().pushed_skip_named(&self.source, kind, over as u64 - 1).await?,
        };
        let Some((name, id)) = from.filter(|_| most > 0) else { return Ok(Vec::new()) };
        Ok(self.engine().pushed_by_name(&self.source, kind, (&name, &id), false, most as u64).await?)
    }
}
