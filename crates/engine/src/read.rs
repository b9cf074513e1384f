//! Reading sources and apps, to a certificate.

use std::collections::{BTreeMap, BTreeSet};

use connector::Body;
use model::{
    Account, AccountId, AppPolicy, AppReading, Completeness, Content, Department, Digest, EnrolmentsBy, Group, Kind, Shape, Tenant,
    digest_of, digest_set,
};
use plan::fold;

use crate::connection::Connection;
use crate::increments::Accounts;
use crate::named::{For, Named};
use crate::walk::{RawLines, bodies, enrolments_in, looks, walk};
use crate::{Engine, EngineError, Event, Watch};

/// An app as read, and the raw records as JSON lines.
pub(crate) struct Reading {
    pub(crate) reading: AppReading,
    pub(crate) raw: Vec<u8>,
    /// The reading whose raw accounts complete these, where only some came.
    pub(crate) base: Option<Digest>,
}

impl Engine {
    /// Reads everything that planning needs of one app.
    pub(crate) async fn read_app(
        &self,
        connection: &Connection,
        policy: &AppPolicy,
        whom: For<'_>,
        watch: &dyn Watch,
    ) -> Result<Reading, EngineError> {
        let target = &connection.target;
        let manifest = target.manifest();
        let tenant: Tenant = connection.ask(watch, |wire| async move { target.probe(&wire).await }).await?;
        let owns =
            |shape: Shape| policy.set.keys().any(|name| manifest.attribute(name).is_some_and(|attribute| attribute.shape == shape));
        let (read, named) = self.read_accounts_for(connection, policy, &tenant, whom, watch).await?;
        let Accounts { accounts, mut certificate, mut raw, base } = read;
        let mut departments = Vec::new();
        if owns(Shape::Department) {
            let walked = walk(connection, Kind::Departments, None, watch).await?;
            raw.add("department", &walked.records);
            departments = bodies(walked.records, |body| match body {
                Body::Department(department) => Some(department),
                _ => None,
            });
        }
        let groups = self.read_groups(connection, policy, watch, &mut raw).await?;
        let content: Vec<Content> = if policy.enrol.is_empty() {
            Vec::new()
        } else {
            let walked = walk(connection, Kind::Content, None, watch).await?;
            raw.add("content", &walked.records);
            bodies(walked.records, |body| match body {
                Body::Content(content) => Some(content),
                _ => None,
            })
        };
        let by_content = manifest.enrolments == EnrolmentsBy::Content;
        let enrolments = match &named {
            Some(named) if by_content && !policy.enrol.is_empty() => {
                let ids = named.own.iter().map(|account| account.as_str().to_owned()).collect();
                looks(connection, Kind::Enrolments, "account", ids, watch).await?
            }
            None if by_content => {
                let wanted: BTreeSet<String> = policy.enrol.iter().map(|rule| fold(&rule.content)).collect();
                let ids =
                    content.iter().filter(|content| wanted.contains(&fold(&content.name))).map(|content| content.id.clone()).collect();
                looks(connection, Kind::Enrolments, "content", ids, watch).await?
            }
            _ => Vec::new(),
        };
        raw.add("enrolment", &enrolments);
        match (&named, &mut certificate.increments) {
            // What was read of some people shows nothing about the others.
            (Some(_), _) => {}
            (None, Some(increments)) => increments.at = self.ports.clock.now(),
            (None, None) => certificate.at = self.ports.clock.now(),
        }
        let told = certificate.in_words() + &named.as_ref().map(Named::in_words).unwrap_or_default();
        watch.event(Event::Read { subject: connection.subject.clone(), certificate: told });
        let fingerprint = self.app(&connection.app)?.fingerprint.clone();
        let others = named.filter(|_| by_content).map(|named| named.enrolments).unwrap_or_default();
        let mut reading = AppReading {
            app: connection.app.clone(),
            fingerprint,
            tenant,
            digest: Digest::new([0; 32]),
            certificate,
            accounts,
            groups,
            departments,
            content,
            enrolments: others.into_iter().chain(enrolments_in(enrolments)).collect(),
            enrolments_of: BTreeSet::new(),
        };
        seal(&mut reading);
        Ok(Reading { reading, raw: raw.bytes, base })
    }

    /// The list of groups, and the members of those that policy manages: one read per group gives every membership (L17).
    async fn read_groups(
        &self,
        connection: &Connection,
        policy: &AppPolicy,
        watch: &dyn Watch,
        raw: &mut RawLines,
    ) -> Result<Vec<Group>, EngineError> {
        let Some(managed) = &policy.groups else { return Ok(Vec::new()) };
        let listed = walk(connection, Kind::Groups, None, watch).await?;
        // As planning compares names: else a group is managed whose members nobody read.
        let wanted: BTreeSet<String> = managed.managed.iter().map(|name| fold(name)).collect();
        let is_managed = |group: &Group| group.writable && wanted.contains(&fold(&group.name));
        let mut groups = bodies(listed.records, |body| match body {
            Body::Group(group) => Some(group),
            _ => None,
        });
        let ids = groups.iter().filter(|group| is_managed(group)).map(|group| group.id.clone()).collect();
        let with_members = looks(connection, Kind::Groups, "id", ids, watch).await?;
        raw.add("group", &with_members);
        let mut by_id: BTreeMap<String, Group> = bodies(with_members, |body| match body {
            Body::Group(group) => Some((group.id.clone(), group)),
            _ => None,
        })
        .into_iter()
        .collect();
        for group in &mut groups {
            if let Some(read) = by_id.remove(&group.id) {
                *group = read;
            }
        }
        Ok(groups)
    }

    /// Adds the enrolments of these accounts to a reading, for apps that tell them per account only.
    pub(crate) async fn read_enrolments(
        &self,
        connection: &Connection,
        reading: &mut Reading,
        accounts: &BTreeSet<AccountId>,
        watch: &dyn Watch,
    ) -> Result<(), EngineError> {
        let ids = accounts.iter().map(|account| account.as_str().to_owned()).collect();
        let found = looks(connection, Kind::Enrolments, "account", ids, watch).await?;
        let mut raw = RawLines { bytes: std::mem::take(&mut reading.raw) };
        raw.add("enrolment", &found);
        reading.raw = raw.bytes;
        reading.reading.enrolments.extend(enrolments_in(found));
        reading.reading.enrolments_of.extend(accounts.iter().cloned());
        seal(&mut reading.reading);
        Ok(())
    }
}

/// Puts everything in byte order and gives the reading its content digest.
pub(crate) fn seal(reading: &mut AppReading) {
    reading.accounts.sort_by(|a: &Account, b| a.id.cmp(&b.id));
    reading.groups.sort_by(|a, b| a.id.cmp(&b.id));
    reading.groups.iter_mut().for_each(|group| group.members.sort());
    reading.departments.sort_by(|a: &Department, b| a.id.cmp(&b.id));
    reading.content.sort_by(|a, b| a.id.cmp(&b.id));
    reading.enrolments.sort_by(|a, b| (&a.account, &a.content).cmp(&(&b.account, &b.content)));
    let complete = matches!(reading.certificate.completeness, Completeness::Complete { .. });
    reading.digest = digest_of(&(
        &reading.fingerprint,
        complete,
        &reading.tenant.profile,
        (reading.tenant.sees_all, &reading.tenant.sees),
        &reading.tenant.declared,
        digest_set(&reading.accounts),
        (&reading.groups, &reading.departments, &reading.content, &reading.enrolments, &reading.enrolments_of),
    ));
}
