//! `[source.X]`: where people come from.

use std::collections::{BTreeMap, BTreeSet};

use engine::{DateOrder, FileSource};
use model::{Join, Shrink, SourceName, SourcePolicy, SourceRole};
use serve::scim::Dialect;

use super::connection::SourceConnection;
use super::section::{Section, Text, text_of, texts_of, wrong_type};
use super::{Context, apps, idp, problem};

/// Rows and per cent that may be gone from one reading to the next when the file says nothing.
const SHRINK: Shrink = Shrink { max: 20, percent_milli: 5_000 };

pub(super) type Sources = BTreeMap<SourceName, (SourcePolicy, SourceConnection)>;

/// All sources; exactly one says who works here.
pub(super) fn read(context: &Context<'_>, section: Option<Section<'_>>, top: &Section<'_>) -> Sources {
    let mut sources = Sources::new();
    let mut employment: Option<String> = None;
    let Some(mut all) = section else {
        top.missing("[source.NAME]", "say where people come from: [source.hr] with role = \"employment\", kind = \"file\" and path");
        return sources;
    };
    let mut unclear = false;
    for (name, value) in all.rest() {
        let Some(section) = all.below(&name.text, value) else { continue };
        if !is_name(context, &name) {
            continue;
        }
        let span = section.span.clone();
        let Some((policy, connection)) = source(context, section) else {
            unclear = true;
            continue;
        };
        if policy.role == SourceRole::Employment {
            if let Some(first) = &employment {
                let what = format!("[source.{first}] and [source.{}] both say who works here", name.text);
                context.problems.add(what, &span, "a second one", "give one of them the role \"attributes\" or \"idp\"");
            }
            employment = Some(name.text.clone());
        }
        sources.insert(name.text.into(), (policy, connection));
    }
    if employment.is_none() && !unclear {
        context.problems.add("no source says who works here", &all.span, "here", "give exactly one source role = \"employment\"");
    }
    sources
}

/// Names of sources and apps are typed in commands and written into plans: letters, digits, `-` and `_`.
pub(super) fn is_name(context: &Context<'_>, name: &Text) -> bool {
    let fine = !name.text.is_empty() && name.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !fine {
        context.problems.add(format!("`{}` cannot be a name", name.text), &name.span, "here", "use letters, digits, - and _");
    }
    fine
}

fn source(context: &Context<'_>, mut section: Section<'_>) -> Option<(SourcePolicy, SourceConnection)> {
    let roles = [("employment", SourceRole::Employment), ("attributes", SourceRole::Attributes), ("idp", SourceRole::Idp)];
    let role = section.word("role", &roles);
    if role.is_none() && !section.had("role") {
        section.missing("role", "one of \"employment\" (who works here), \"attributes\", \"idp\"");
    }
    let kind = section.word("kind", &[("file", "file"), ("csv", "csv"), ("scim", "scim")]);
    if kind.is_none() && !section.had("kind") {
        section
            .missing("kind", "\"file\" for a CSV or XLSX export (\"csv\" is the same), \"scim\" for what an identity provider pushes or, with base_url, answers");
    }
    let joined = section.text("join");
    let had_join = section.had("join");
    if let (Some(joined), Some(SourceRole::Employment)) = (&joined, role) {
        let what = "the source that says who works here is joined to nothing: the others are joined to it";
        context.problems.add(what, &joined.span, "here", "take `join` out");
    }
    let idp = idp::read(context, &mut section, role);
    let join = join(context, joined);
    let path = section.text("path");
    let key = section.text("key");
    let absent_leaves = section.word("absent", &[("hold", false), ("leave", true)]).unwrap_or(false);
    let shrink = section.section("shrink").map_or(SHRINK, shrink);
    let columns: Vec<(String, Text)> = section.section("columns").map(columns).unwrap_or_default();
    let (active_words, left_words) = section.section("status").map(|status| words(context, status)).unwrap_or_default();
    let connection = match kind {
        Some("file" | "csv") => {
            if path.is_none() {
                section.missing("path", "the roster's file: path = \"roster.csv\"");
            }
            if key.is_none() && role != Some(SourceRole::Idp) {
                section.missing("key", "the column with the key that never changes: key = \"employee_id\"");
            }
            file(context, &mut section, path).map(SourceConnection::File)
        }
        Some(_) => {
            if key.is_none() && role == Some(SourceRole::Employment) {
                section.missing("key", "where the key that never changes stands in its records: key = \"externalId\"");
            }
            idp::paths(context, columns.iter().map(|(_, path)| path).chain(&key));
            if ASKED.iter().any(|key| section.has(key)) {
                asked(context, &mut section)
            } else {
                let known = Dialect::ALL.map(|dialect| (dialect.name, dialect.name));
                let dialect = section.word("dialect", &known).and_then(Dialect::named);
                Some(SourceConnection::Push(dialect.unwrap_or_default()))
            }
        }
        None => None,
    };
    let span = section.span.clone();
    section.end();
    if role == Some(SourceRole::Idp) && join.is_none() && !had_join && key.is_none() {
        let what = "nothing says whose its records are";
        context.problems.add(what, &span, "here", "add e.g. join = \"person.email == record.userName\"");
    }
    let policy = SourcePolicy {
        role: role?,
        kind: kind?.to_owned(),
        key: key.map(|key| key.text).unwrap_or_default(),
        join,
        absent_leaves,
        shrink,
        columns: columns.into_iter().map(|(attribute, column)| (attribute, column.text)).collect(),
        active_words,
        left_words,
        idp,
    };
    Some((policy, connection?))
}

/// What says that a source is asked, and does not push.
const ASKED: [&str; 4] = ["base_url", "token", "username", "password"];

/// A SCIM service that is asked what it says.
fn asked(context: &Context<'_>, section: &mut Section<'_>) -> Option<SourceConnection> {
    let connection = apps::connection(context, section, &vendors::scim::ENTRY, false, &BTreeSet::new(), BTreeSet::new());
    for key in ["settle", "full_every", "webhook"] {
        if section.had(key) {
            let what = format!("`{key}` is for apps: a source is only read, and whole each time");
            context.problems.add(what, &section.span, "here", format!("take `{key}` out"));
        }
    }
    connection.map(|connection| SourceConnection::Pull(Box::new(connection)))
}

/// The file, and what cannot be told from looking at it.
fn file(context: &Context<'_>, section: &mut Section<'_>, path: Option<Text>) -> Option<FileSource> {
    let encoding = section.text("encoding").map(|encoding| encoding.text);
    let dates = section.word("dates", &[("day_first", DateOrder::DayFirst), ("month_first", DateOrder::MonthFirst)]);
    let delimiter = section.text("delimiter").and_then(|text| {
        let one = text.text.chars().next().filter(|_| text.text.chars().count() == 1);
        if one.is_none() {
            context.problems.add("`delimiter` is not one character", &text.span, "here", "e.g. delimiter = \";\"");
        }
        one
    });
    let sheet = section.text("sheet").map(|sheet| sheet.text);
    let watch = section.bool("watch").unwrap_or(false);
    let path = path.filter(|path| readable(context, path))?;
    Some(FileSource { path: context.dir.join(path.text), watch, encoding, delimiter, dates, sheet })
}

fn readable(context: &Context<'_>, path: &Text) -> bool {
    let lower = path.text.to_lowercase();
    let other = [".xls", ".xlsb", ".ods", ".numbers"].iter().find(|end| lower.ends_with(**end));
    if let Some(end) = other {
        let what = format!("rosters of the kind `{end}` are not read");
        context.problems.add(what, &path.span, "here", "save it as XLSX or export it as CSV, and name that file");
    }
    other.is_none()
}

/// `join = "person.ATTRIBUTE == record.FIELD"`.
fn join(context: &Context<'_>, join: Option<Text>) -> Option<Join> {
    let join = join?;
    let parsed = join.text.split_once("==").and_then(|(person, record)| {
        let one = |side: &str, of: &str| {
            side.trim().strip_prefix(of).filter(|name| !name.is_empty() && !name.contains(' ')).map(str::to_owned)
        };
        Some(Join { person: one(person, "person.")?, record: one(record, "record.")? })
    });
    if parsed.is_none() {
        let next = "write \"person.ATTRIBUTE == record.FIELD\", e.g. \"person.email == record.userName\"";
        context.problems.add("`join` does not say what is the same on both sides", &join.span, "not understood", next);
    }
    parsed
}

/// `[precedence]`: which sources may give an attribute, the first that has a value.
pub(super) fn precedence(context: &Context<'_>, section: Option<Section<'_>>, sources: &Sources) -> BTreeMap<String, Vec<SourceName>> {
    let mut precedence = BTreeMap::new();
    let Some(mut section) = section else { return precedence };
    let source = section.source();
    for (attribute, value) in section.rest() {
        let Some(names) = texts_of(source, &format!("`{}`", attribute.text), value) else { continue };
        for name in &names {
            let gives = |source: &SourcePolicy| matches!(source.role, SourceRole::Employment | SourceRole::Attributes);
            let given = sources.iter().filter(|(_, (policy, _))| gives(policy)).map(|(name, _)| name.as_str());
            if !given.clone().any(|known| known == name.text) {
                unknown_source(context.problems, name, given);
            }
        }
        precedence.insert(attribute.text, names.into_iter().map(|name| name.text.into()).collect());
    }
    precedence
}

fn shrink(mut section: Section<'_>) -> Shrink {
    let max = section.count("max").unwrap_or(SHRINK.max);
    let percent_milli = section.percent("percent").unwrap_or(SHRINK.percent_milli);
    section.end();
    Shrink { max, percent_milli }
}

fn columns(mut section: Section<'_>) -> Vec<(String, Text)> {
    let source = section.source();
    let mut columns = Vec::new();
    for (attribute, value) in section.rest() {
        match text_of(source, value) {
            Some(column) if column.text.trim().is_empty() => {
                let next = "name the column as the file's first line has it, or leave the line out";
                source.problems.add(format!("no column is named for `{}`", attribute.text), &column.span, "empty", next);
            }
            Some(column) => {
                columns.push((attribute.text, column));
            }
            None => wrong_type(source.problems, &format!("the column for `{}`", attribute.text), value, "text in quotes"),
        }
    }
    columns
}

type Words = (BTreeSet<String>, BTreeSet<String>);

/// `[source.X.status]`; a list that is not there is empty, and the reader has its own words then.
fn words(context: &Context<'_>, mut section: Section<'_>) -> Words {
    let mut set = |key| section.texts(key).unwrap_or_default().into_iter().map(|text| text.text).collect::<BTreeSet<_>>();
    let (active, left) = (set("active"), set("left"));
    let fold = |words: &BTreeSet<String>| words.iter().map(|word| word.trim().to_lowercase()).collect::<BTreeSet<_>>();
    if let Some(both) = fold(&active).intersection(&fold(&left)).next() {
        let what = format!("the status \"{both}\" means both employed and left");
        context.problems.add(what, &section.span, "here", "leave it in one of `active` and `left`; `left` ends access");
    }
    section.end();
    (active, left)
}

/// Says that a name is no source, with the nearest one.
pub(super) fn unknown_source<'a>(context: &problem::Problems, name: &Text, known: impl IntoIterator<Item = &'a str> + Clone) {
    let next = match problem::nearest(&name.text, known.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("sources here: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    context.add(format!("there is no source \"{}\"", name.text), &name.span, "not a source", next);
}
