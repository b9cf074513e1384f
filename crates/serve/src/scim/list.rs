//! `GET /Users?…`, `GET /Groups?…` and their `.search` (RFC 7644, sections 3.4.2 and 3.4.3; RFC 9865).
//!
//! What an index answers is asked of the store; whatever else a filter or an order says is evaluated over what comes from there, a part at a
//! time: only the page, and for an order the keys, are ever held.

use model::{Query, Resource, ResourceKind};
use scim::{Error, Filter, ListRequest, ListResponse, Listing, Operand, Operator, Page, ScimType, Sort, SortKey, cursor, fold};
use serde_json::{Map, Value};

use super::answer::{Answer, Trouble};
use super::{Call, named, record};

/// Results of a page where a request says nothing.
pub(super) const PAGE: usize = 100;
/// Results of a page at most.
pub(super) const MOST: usize = 1000;
/// Records that are read at once while a filter is evaluated.
const PART: u64 = 500;

impl Call<'_> {
    pub(super) async fn list(&self, listing: &Listing) -> Result<Answer, Trouble> {
        Ok(Answer::of(self.page(listing).await?.into_json()))
    }

    /// All resource types at once, users before groups.
    pub(super) async fn list_all(&self, request: ListRequest) -> Result<Answer, Trouble> {
        if request.cursor.is_some() {
            let said = "users and groups together are paged by startIndex; /Users and /Groups by cursor too";
            return Err(Error::bad(ScimType::InvalidCursor, said).into());
        }
        let start = request.start.unwrap_or(1);
        let (mut over, mut left) = (start - 1, request.count.unwrap_or(PAGE).min(MOST));
        let (mut total, mut resources) = (0, Vec::new());
        for kind in &self.service.kinds {
            let listing = request.of_any(kind, &self.dialect.leniency)?;
            let page = self.page(&Listing { page: Page::Index(over + 1), count: Some(left), ..listing }).await?;
            let here = page.total.unwrap_or_default();
            total += here;
            over = over.saturating_sub(here);
            left -= page.resources.len();
            resources.extend(page.resources);
        }
        Ok(Answer::of(ListResponse { total: Some(total), resources, start: Some(start), next: None, previous: None }.into_json()))
    }

    async fn page(&self, listing: &Listing) -> Result<ListResponse, Trouble> {
        let count = listing.count.unwrap_or(PAGE).min(MOST);
        let place = match &listing.page {
            Page::Cursor(cursor) => Some(cursor::open(cursor, &listing.about())?),
            Page::First => Some(String::new()),
            Page::Index(_) => None,
        };
        let start = match &listing.page {
            Page::Index(start) => (*start).max(1),
            _ => 1,
        };
        match (&listing.sort, place) {
            (Some(sort), place) if listing.filter.is_none() && named::is_by(listing, sort) => {
                self.by_name(listing, sort.descending, place, start, count).await
            }
            (Some(sort), place) => self.sorted(listing, sort, place, start, count).await,
            (None, None) => self.by_index(listing, start, count).await,
            (None, Some(after)) => self.by_cursor(listing, after, count).await,
        }
    }

    /// A page by its place.
    async fn by_index(&self, listing: &Listing, start: usize, count: usize) -> Result<ListResponse, Trouble> {
        let kind = record::kind_of(&listing.kind);
        let (mut total, mut page) = (0, Vec::new());
        if let Some(filter) = &listing.filter {
            let mut walk = Walk::new(kind, filter);
            while let Some(part) = walk.next(self, PART).await? {
                for resource in self.matching(listing, part).await? {
                    total += 1;
                    if total >= start && page.len() < count {
                        page.push(resource);
                    }
                }
            }
        } else {
            total = usize::try_from(self.engine().pushed_count(&self.source, kind).await?).unwrap_or(usize::MAX);
            let after = match start - 1 {
                0 => Some(String::new()),
                over => self.engine().pushed_skip(&self.source, kind, over as u64 - 1).await?,
            };
            if let (Some(after), 1..) = (after, count) {
                page = self.engine().pushed_find(&self.source, kind, &Query::All, &after, count as u64).await?;
            }
        }
        let resources = self.shown(listing, &page).await?;
        Ok(ListResponse { total: Some(total), resources, start: Some(start), next: None, previous: None })
    }

    /// The page behind an id.
    async fn by_cursor(&self, listing: &Listing, after: String, count: usize) -> Result<ListResponse, Trouble> {
        let kind = record::kind_of(&listing.kind);
        let first = after.is_empty();
        let (mut page, mut total) = (Vec::new(), None);
        match &listing.filter {
            None => {
                page = self.engine().pushed_find(&self.source, kind, &Query::All, &after, count as u64 + 1).await?;
                total = Some(usize::try_from(self.engine().pushed_count(&self.source, kind).await?).unwrap_or(usize::MAX));
            }
            Some(filter) => {
                let mut walk = Walk { after, ..Walk::new(kind, filter) };
                // One more than the page has tells whether there is a next one.
                while page.len() <= count
                    && let Some(part) = walk.next(self, PART).await?
                {
                    page.extend(self.matching(listing, part).await?);
                }
                if first && page.len() <= count {
                    total = Some(page.len());
                }
            }
        }
        let more = page.len() > count;
        page.truncate(count);
        let next = page.last().filter(|_| more).map(|last| cursor::seal(&last.id, &listing.about()));
        let resources = self.shown(listing, &page).await?;
        Ok(ListResponse { total, resources, start: None, next, previous: None })
    }

    /// A page of a list in another order: its cursors are places in it.
    async fn sorted(
        &self,
        listing: &Listing,
        sort: &Sort,
        place: Option<String>,
        start: usize,
        count: usize,
    ) -> Result<ListResponse, Trouble> {
        let kind = record::kind_of(&listing.kind);
        let over = match &place {
            None => start - 1,
            Some(place) if place.is_empty() => 0,
            Some(place) => place.parse().map_err(|_| Error::bad(ScimType::InvalidCursor, "the cursor is none of this list"))?,
        };
        let mut keys: Vec<(SortKey, String)> = Vec::new();
        let mut walk = match &listing.filter {
            Some(filter) => Walk::new(kind, filter),
            None => Walk { kind, query: Query::All, after: String::new(), ended: false },
        };
        while let Some(part) = walk.next(self, PART).await? {
            for resource in self.matching(listing, part).await? {
                keys.push((sort.key(&record::shown(&listing.kind, &resource, &self.base)?), resource.id));
            }
        }
        // Ids make the order one: nobody is in two pages.
        keys.sort_by(|(a, a_id), (b, b_id)| sort.order(a, b).then_with(|| a_id.cmp(b_id)));
        let total = keys.len();
        let mut page = Vec::new();
        for (_, id) in keys.into_iter().skip(over).take(count) {
            // Somebody may have gone meanwhile.
            page.extend(self.engine().pushed_record(&self.source, kind, &id).await?);
        }
        let end = over + count;
        let next = (place.is_some() && count > 0 && end < total).then(|| cursor::seal(&end.to_string(), &listing.about()));
        let resources = self.shown(listing, &page).await?;
        Ok(ListResponse { total: Some(total), resources, start: place.is_none().then_some(start), next, previous: None })
    }

    /// Those that the filter means.
    async fn matching(&self, listing: &Listing, part: Vec<Resource>) -> Result<Vec<Resource>, Trouble> {
        let Some(filter) = &listing.filter else { return Ok(part) };
        let (groups, members) = (speaks_of(filter, "groups"), speaks_of(filter, "members"));
        let mut found = Vec::new();
        for resource in part {
            let mut whole = record::shown(&listing.kind, &resource, &self.base)?;
            match resource.kind {
                ResourceKind::User if groups && resource.grouped => self.add_groups(&mut whole, &resource.id).await?,
                ResourceKind::Group if members => self.add_members(&mut whole, &resource.id).await?,
                _ => {}
            }
            if filter.matches(&whole) {
                found.push(resource);
            }
        }
        Ok(found)
    }

    /// A page as it is shown.
    pub(super) async fn shown(&self, listing: &Listing, page: &[Resource]) -> Result<Vec<Map<String, Value>>, Trouble> {
        let view = &listing.view;
        // Where the page is all of a part of the list by id, the groups of everybody in it are one part of the memberships.
        let whole_part = listing.filter.is_none() && listing.sort.is_none();
        let of = record::kind_of(&listing.kind);
        let groups = of == ResourceKind::User && view.shows("groups");
        let grouped = groups && whole_part && page.iter().any(|resource| resource.grouped);
        let mut among = match (page, grouped) {
            ([first, .., last] | [first @ last], true) => {
                self.engine().pushed_groups_among(&self.source, (&first.id, &last.id)).await?.into_iter().peekable()
            }
            _ => Vec::new().into_iter().peekable(),
        };
        let one_by_one = groups && !whole_part;
        let members = of == ResourceKind::Group && view.shows("members");
        let mut shown = Vec::with_capacity(page.len());
        for resource in page {
            let mut whole = record::shown(&listing.kind, resource, &self.base)?;
            let mut held = Vec::new();
            while let Some((member, group, body)) = among.next_if(|(member, ..)| *member <= resource.id) {
                if member == resource.id {
                    held.push(record::group(&group, &body, &self.base));
                }
            }
            if !held.is_empty() {
                whole.insert("groups".into(), held.into());
            }
            if one_by_one && resource.grouped {
                self.add_groups(&mut whole, &resource.id).await?;
            }
            if members {
                self.add_members(&mut whole, &resource.id).await?;
            }
            shown.push(view.cut(whole));
        }
        Ok(shown)
    }
}

/// Candidates, a part at a time.
struct Walk {
    kind: ResourceKind,
    query: Query,
    after: String,
    ended: bool,
}

impl Walk {
    fn new(kind: ResourceKind, filter: &Filter) -> Self {
        Self { kind, query: indexed(kind, filter), after: String::new(), ended: false }
    }

    async fn next(&mut self, call: &Call<'_>, most: u64) -> Result<Option<Vec<Resource>>, Trouble> {
        if self.ended {
            return Ok(None);
        }
        let part = call.engine().pushed_find(&call.source, self.kind, &self.query, &self.after, most).await?;
        self.ended = (part.len() as u64) < most;
        if let Some(last) = part.last() {
            self.after.clone_from(&last.id);
        }
        Ok(Some(part))
    }
}

/// What of a filter an index answers; every match is among its candidates.
fn indexed(kind: ResourceKind, filter: &Filter) -> Query {
    for (path, comparison) in filter.must() {
        let (Operator::Eq, Operand::Text { text, .. }) = (comparison.operator, &comparison.operand) else { continue };
        let is = |name: &str| path.is(name);
        match kind {
            _ if is("id") => return Query::Id(text.clone()),
            _ if is("externalId") => return Query::External(text.clone()),
            ResourceKind::User if is("userName") => return Query::Name(fold(text)),
            ResourceKind::User if is("emails") || is("emails.value") => return Query::Email(fold(text)),
            ResourceKind::Group if is("displayName") => return Query::Name(fold(text)),
            ResourceKind::Group if is("members") || is("members.value") => return Query::Holds(text.clone()),
            _ => {}
        }
    }
    Query::All
}

/// Whether a filter says anything of an attribute that is kept in rows of its own.
fn speaks_of(filter: &Filter, name: &str) -> bool {
    fn within(node: &scim::Node, name: &str) -> bool {
        match node {
            scim::Node::And(all) | scim::Node::Or(all) => all.iter().any(|node| within(node, name)),
            scim::Node::Not(node) => within(node, name),
            scim::Node::Present(path) | scim::Node::Any(path, _) => path.attribute.name == name,
            scim::Node::Compare(comparison) => comparison.path.attribute.name == name,
        }
    }
    within(filter.root(), name)
}

#[cfg(test)]
mod tests {
    use scim::{Leniency, ResourceType};

    use super::*;

    #[test]
    fn what_an_index_can_answer_is_asked_of_it() {
        let user = |text: &str| indexed(ResourceKind::User, &Filter::parse(&ResourceType::user(), text, &Leniency::TOLERANT).unwrap());
        assert_eq!(user("userName eq \"Ann@X.example\""), Query::Name("ann@x.example".into()));
        assert_eq!(user("active eq true and externalId eq \"00u1\""), Query::External("00u1".into()));
        assert_eq!(user("emails.value eq \"Ann@X.example\""), Query::Email("ann@x.example".into()));
        assert_eq!(user("emails[type eq \"work\" and value eq \"a@x\"]"), Query::Email("a@x".into()));
        assert_eq!(user("id eq \"7\""), Query::Id("7".into()));
        for any in ["userName sw \"a\"", "not (userName eq \"a\")", "userName eq \"a\" or active eq true", "name.givenName eq \"a\""] {
            assert_eq!(user(any), Query::All, "{any}");
        }
        let group =
            |text: &str| indexed(ResourceKind::Group, &Filter::parse(&ResourceType::group(), text, &Leniency::TOLERANT).unwrap());
        assert_eq!(group("displayName eq \"Sales\""), Query::Name("sales".into()));
        assert_eq!(group("members[value eq \"u1\"]"), Query::Holds("u1".into()));
    }
}
