//! `POST /Bulk` (RFC 7644, section 3.7): each operation as any other request, in an order in which every name is known when it is needed.

use scim::etag::Condition;
use scim::{Bulk, BulkItem, BulkOutcome, Error, Operation};
use serde_json::Value;

use super::Call;
use super::answer::{Answer, Trouble};
use super::discover::BULK;

impl Call<'_> {
    pub(super) async fn bulk(&self, body: Value) -> Result<Answer, Trouble> {
        let mut run = Bulk::parse(&body, &BULK, &self.dialect.leniency)?.start();
        while let Some(item) = run.take_next() {
            let at = item.at;
            let outcome = Box::pin(self.item(item)).await;
            run.done(at, outcome.map_err(|trouble| trouble.told(|note| (self.gateway.notes)(note))));
        }
        Ok(Answer::of(run.into_json(&self.base)))
    }

    async fn item(&self, item: BulkItem) -> Result<BulkOutcome, Trouble> {
        let request = scim::Request { method: &item.method, path: &item.path, query: "", body: &item.body };
        let operation = self.service.operation(&request)?;
        if !matches!(
            operation,
            Operation::Create { .. } | Operation::Replace { .. } | Operation::Patch { .. } | Operation::Delete { .. }
        ) {
            return Err(Error::new(400, format!("{} {} cannot be part of a Bulk request", item.method, item.path)).into());
        }
        let call = Call {
            gateway: self.gateway,
            source: self.source.clone(),
            dialect: self.dialect,
            service: self.service,
            base: self.base.clone(),
            condition: Condition { if_match: item.version, if_none_match: None },
        };
        let Answer { status, body, etag, location } = call.carry_out(operation).await?;
        let id = body.as_ref().and_then(|body| body.get("id")).and_then(Value::as_str).map(str::to_owned);
        let location = location.or_else(|| (status != 201).then(|| format!("{}{}", self.base, item.path)));
        Ok(BulkOutcome { status, id, location, version: etag })
    }
}
