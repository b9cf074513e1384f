//! `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas` (RFC 7644, section 4).

use scim::discovery::{self, Authentication, BulkLimits, Pagination, ServiceProvider};
use scim::schema::{Schema, common};
use scim::{Error, Operation};
use serde_json::Value;

use super::answer::{Answer, Trouble};
use super::list::{MOST, PAGE};
use super::{Call, MAX_BODY};

/// The limits of Bulk requests.
pub(super) const BULK: BulkLimits = BulkLimits { operations: 1000, bytes: MAX_BODY };

impl Call<'_> {
    /// A document about the gateway itself.
    pub(super) fn discover(&self, operation: Operation) -> Result<Answer, Trouble> {
        let kinds = || self.service.kinds.iter().map(AsRef::as_ref);
        Ok(Answer::of(match operation {
            Operation::ServiceProviderConfig => self.provider().to_json(&self.base),
            Operation::ResourceTypes => discovery::resource_type_list(kinds(), &self.base),
            Operation::ResourceType(kind) => kind.to_json(&self.base),
            Operation::Schemas => discovery::schema_list(kinds(), |schema| self.schema(schema)),
            Operation::Schema(id) => match discovery::schemas(kinds()).into_iter().find(|schema| schema.id.eq_ignore_ascii_case(&id)) {
                Some(schema) => self.schema(schema),
                None => return Err(Error::not_found(&format!("schema {id}")).into()),
            },
            _ => return Err(Error::not_found("this").into()),
        }))
    }

    /// A schema, with `externalId` in those of resources where the provider looks for it there.
    fn schema(&self, schema: &Schema) -> Value {
        let of_resources = self.service.kinds.iter().any(|kind| kind.schema.id == schema.id);
        if !(of_resources && self.dialect.lists_external_id) {
            return schema.to_json(&self.base);
        }
        let external = common().iter().filter(|attribute| attribute.name == "externalId");
        Schema { attributes: external.chain(&schema.attributes).cloned().collect(), ..schema.clone() }.to_json(&self.base)
    }

    fn provider(&self) -> ServiceProvider {
        ServiceProvider {
            documentation: None,
            patch: true,
            bulk: Some(BULK),
            filter: true,
            max_results: MOST,
            // Passwords are thrown away.
            change_password: false,
            sort: true,
            etag: true,
            pagination: Pagination { cursor: true, index: true, default_size: PAGE, cursor_seconds: None },
            authentication: vec![Authentication::bearer()],
        }
    }
}
