//! Policy with its expressions compiled, checked against what the apps can do.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::tz::TimeZone;
use model::{
    AppName, AppPolicy, Attribute, By, Compare, Digest, Effect, Expr, Lower, Manifest, On, Policy, Shape, Support, Verb, digest_of,
};

use crate::expr::{Kind, Names, Program};
use crate::idp::Idps;
use crate::text::{fold, nearest};

/// A mistake in the policy, with its place in the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where, in bytes of the configuration file; empty when no single place is at fault.
    pub span: Range<usize>,
    /// What to write instead, where that can be told.
    pub help: Option<String>,
}

/// An attribute that policy owns: the manifest's, or a declared custom field (text, compared byte for byte).
#[derive(Debug)]
pub(crate) struct Owned {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) compare: Compare,
    pub(crate) required: bool,
    pub(crate) unique: bool,
    pub(crate) refused: &'static str,
    /// A custom field: it counts only where the app's administrator declared it (L13).
    pub(crate) custom: bool,
}

impl Owned {
    fn of(attribute: &Attribute) -> Self {
        let Attribute { name, shape, compare, required, unique, refused } = *attribute;
        Self { name: name.to_owned(), shape, compare, required, unique, refused, custom: false }
    }
}

#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) attribute: Owned,
    pub(crate) value: Program,
    pub(crate) on: On,
    pub(crate) lower: Lower,
}

#[derive(Debug)]
pub(crate) struct Matching {
    pub(crate) attribute: String,
    pub(crate) compare: Compare,
    /// The rule as written: `attribute == expression`.
    pub(crate) rule: String,
    pub(crate) value: Program,
    /// Whether it goes by the attribute that carries the person's key.
    pub(crate) by_key: bool,
}

/// One app's policy, compiled.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) manifest: &'static Manifest,
    pub(crate) names: Names,
    pub(crate) who: Program,
    pub(crate) matching: Vec<Matching>,
    pub(crate) set: Vec<Setting>,
    /// Attributes that the manifest requires of a new account and policy does not set.
    pub(crate) unset: Vec<&'static str>,
    pub(crate) members: Vec<Program>,
    pub(crate) enrol: Vec<Program>,
    pub(crate) protect: BTreeSet<String>,
    /// What identity providers have to say here.
    pub(crate) idps: Idps,
}

impl Rules {
    /// The columns of the roster that any expression reads.
    pub(crate) fn reads(&self) -> BTreeSet<String> {
        let values = self.set.iter().map(|setting| &setting.value).chain(self.matching.iter().map(|rule| &rule.value));
        let programs = values.chain(&self.members).chain(&self.enrol).chain([&self.who]);
        programs.flat_map(|program| program.reads.iter().cloned()).collect()
    }
}

/// The whole policy, compiled: made once when the configuration is read, used for every plan.
#[derive(Debug)]
pub struct Compiled {
    policy: Policy,
    pub(crate) digest: Digest,
    pub(crate) zone: TimeZone,
    pub(crate) apps: BTreeMap<AppName, Rules>,
}

impl Compiled {
    /// Compiles every expression and checks it against the manifest of its app's connector (as the profile in force has it).
    ///
    /// # Errors
    /// Every mistake at once: expressions that are no CEL, or give another type than wanted; attributes that the app does not have and
    /// that are not declared (L13); verbs that policy needs and the connector does not have; a time zone that does not exist.
    pub fn new(policy: Policy, manifests: &BTreeMap<AppName, &'static Manifest>) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let zone = TimeZone::get(&policy.organization.time_zone).unwrap_or_else(|_| {
            let message = format!("time zone {:?} does not exist", policy.organization.time_zone);
            errors.push(PolicyError { message, span: 0..0, help: Some("write it as in \"America/Chicago\" or \"UTC\"".into()) });
            TimeZone::UTC
        });
        let mut apps = BTreeMap::new();
        for (name, app) in &policy.apps {
            match manifests.get(name) {
                Some(manifest) => {
                    let mut reader =
                        Reader { app: name, whole: &policy, policy: app, manifest, names: Names::default(), errors: &mut errors };
                    if let Some(rules) = reader.rules() {
                        apps.insert(name.clone(), rules);
                    }
                }
                None => errors.push(PolicyError {
                    message: format!("app {name}: there is no connector {:?}", app.connector),
                    span: app.who.span.clone(),
                    help: None,
                }),
            }
        }
        for (name, guard) in &policy.guards {
            if guard.by == By::Group && !matches!(guard.effect, Effect::GroupLost | Effect::GroupGained) {
                errors.push(PolicyError {
                    message: format!("guard {name}: {} cannot be counted by group", guard.effect.word()),
                    span: 0..0,
                    help: Some("by = \"group\" goes with group_lost and group_gained".into()),
                });
            }
        }
        if errors.is_empty() { Ok(Self { digest: digest_of(&policy), zone, apps, policy }) } else { Err(errors) }
    }

    /// The columns of the roster that any expression reads, so that one which no column gives can be told from an empty value.
    pub fn reads(&self) -> BTreeSet<String> {
        self.apps.values().flat_map(Rules::reads).collect()
    }

    /// The policy as it was read.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

struct Reader<'a> {
    app: &'a AppName,
    whole: &'a Policy,
    policy: &'a AppPolicy,
    manifest: &'static Manifest,
    names: Names,
    errors: &'a mut Vec<PolicyError>,
}

impl Reader<'_> {
    fn rules(&mut self) -> Option<Rules> {
        let policy = self.policy;
        let before = self.errors.len();
        let who = self.program(&policy.who, &[Kind::Bool], "accounts.who");
        let mut matching = Vec::new();
        for rule in &policy.matching {
            let attribute = self.attribute(&rule.attribute, &rule.expr.span);
            let value = self.program(&rule.expr, &[Kind::Text, Kind::Int], "a rule of accounts.match");
            if let (Some(attribute), Some(value)) = (attribute, value) {
                matching.push(Matching {
                    rule: format!("{} == {}", rule.attribute, rule.expr.text),
                    by_key: self.manifest.key_attribute == Some(rule.attribute.as_str()),
                    compare: attribute.compare,
                    attribute: attribute.name,
                    value,
                });
            }
        }
        let mut set = Vec::new();
        for (name, rule) in &policy.set {
            let attribute = self.attribute(name, &rule.value.span);
            let value = self.program(&rule.value, &[Kind::Text, Kind::Int], &format!("set.{name}"));
            if rule.lower == Lower::Approve && attribute.as_ref().is_some_and(|attribute| !matches!(attribute.shape, Shape::Role(_))) {
                self.error(format!("`lower` is for roles, and {name} is none"), &rule.value.span, None);
            }
            if let (Some(attribute), Some(value)) = (attribute, value) {
                set.push(Setting { attribute, value, on: rule.on, lower: rule.lower });
            }
        }
        let mut members = Vec::new();
        for expr in policy.groups.iter().flat_map(|groups| &groups.member) {
            members.extend(self.program(expr, &[Kind::Text, Kind::List], "groups.member"));
            self.verb(Verb::Update, "groups", &expr.span);
        }
        let mut enrol = Vec::new();
        for rule in &policy.enrol {
            enrol.extend(self.program(&rule.when, &[Kind::Bool], "enrol.when"));
            self.verb(Verb::Enrol, "[[enrol]]", &rule.span);
        }
        if policy.leave {
            self.verb(Verb::Leave, "accounts.leave", &policy.who.span);
        }
        if policy.create_departments {
            self.verb(Verb::CreateDepartment, "departments.create", &policy.who.span);
        }
        if policy.groups.as_ref().is_some_and(|groups| groups.create) {
            self.verb(Verb::CreateGroup, "groups.create", &policy.who.span);
        }
        let idps = Idps::new(self.whole, self.app, &set).map_err(|what| self.error(what, &policy.who.span, None)).ok();
        if self.errors.len() > before {
            return None;
        }
        let unset =
            self.manifest.attributes.iter().filter(|a| a.required && !policy.set.contains_key(a.name)).map(|a| a.name).collect();
        let protect = policy.protect.iter().map(|value| fold(value)).collect();
        let names = std::mem::take(&mut self.names);
        Some(Rules { manifest: self.manifest, names, who: who?, matching, set, unset, members, enrol, protect, idps: idps? })
    }

    fn error(&mut self, message: String, span: &Range<usize>, help: Option<String>) {
        self.errors.push(PolicyError { message: format!("app {}: {message}", self.app), span: span.clone(), help });
    }

    fn program(&mut self, expr: &Expr, wanted: &[Kind], place: &str) -> Option<Program> {
        match Program::compile(&expr.text, &mut self.names) {
            Err(message) => {
                self.error(format!("{place}: {message}"), &expr.span, None);
                None
            }
            Ok(program) => {
                if let Some(kind) = program.kind
                    && !wanted.contains(&kind)
                {
                    self.error(format!("{place} must give {}, and this gives {}", wanted[0].word(), kind.word()), &expr.span, None);
                    return None;
                }
                Some(program)
            }
        }
    }

    fn verb(&mut self, verb: Verb, place: &str, span: &Range<usize>) {
        if let Support::Cannot(why) | Support::Unbuilt(why) = self.manifest.support(verb) {
            self.error(format!("{place}: {} cannot do that: {why}", self.manifest.connector), span, None);
        }
    }

    /// The manifest's attribute, or a custom field: one that configuration declares, or one that has a custom field's prefix and may yet
    /// be declared at the app (then every plan looks whether it is).
    fn attribute(&mut self, name: &str, span: &Range<usize>) -> Option<Owned> {
        if let Some(attribute) = self.manifest.attribute(name) {
            return Some(Owned::of(attribute));
        }
        if self.policy.declared.contains(name) || custom_field(name).is_some() {
            let (shape, compare) = (Shape::Text, Compare::Exact);
            return Some(Owned {
                name: name.to_owned(),
                shape,
                compare,
                required: false,
                unique: false,
                refused: "",
                custom: custom_field(name).is_some(),
            });
        }
        let known = self.manifest.attributes.iter().map(|attribute| attribute.name);
        let near = nearest(name, known.chain(self.policy.declared.iter().map(String::as_str))).map(str::to_owned);
        let help = near.map_or_else(
            || "attributes are named as the app's API names them; declare custom fields in the app's block".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        self.error(format!("{} has no attribute `{name}`", self.manifest.connector), span, Some(help));
        None
    }
}

/// The field's own name, of an attribute that is written as a custom field.
pub(crate) fn custom_field(name: &str) -> Option<&str> {
    name.strip_prefix("custom.").or_else(|| name.strip_prefix("customFields."))
}
