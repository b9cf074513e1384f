//! `GET /users/:adminId/user-management-settings`: whom an admin may see (contract, section 3).

use serde_json::json;

use super::Admin;
use super::edit::{Scope, View};
use super::wire::{Refusal, Reply, parse_id};

/// The scope: 1 a group, 2 departments, 3 all.  Admins of this portal are scoped by departments or not at all, so that 1
/// is never answered.
///
/// CHOSEN: the members' names; the departments are those named, without the ones below them that go with them.  Somebody
/// whom the caller does not see is 404, and so is a user who is no admin; one's own settings are always seen.
pub(super) fn get(view: &View<'_>, caller: &Admin, id: &str, admins: &[Admin]) -> Result<Reply, Refusal> {
    let id = parse_id("adminId", id)?;
    if id != view.state.admin_id(&caller.username) {
        view.user(id)?;
    }
    let admin = admins.iter().find(|admin| view.state.admin_id(&admin.username) == id);
    let admin = admin.ok_or_else(|| Refusal::not_found("the admin"))?;
    let departments = Scope::named(admin.departments.as_deref().unwrap_or_default(), view.state);
    let scope = if admin.departments.is_some() { 2 } else { 3 };
    Ok(Reply::ok(&json!({"userId": id, "scope": scope, "groupId": null, "departmentIds": departments})))
}
