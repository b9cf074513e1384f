use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn members(name: &str) -> Option<(Cow<'static, str>, Type)> {
    let known = [("lastName", Type::Text), ("id", Type::Guid), ("gender", Type::Number), ("isLearner", Type::Flag)];
    let more = [("dateAdded", Type::Time), ("customFields/decimal1", Type::Number), ("city", Type::Text)];
    among(&known, name).or_else(|| among(&more, name))
}

fn passes(filter: &str, row: &Value) -> bool {
    let read = Filter::read(filter, &members);
    let filter = read.unwrap_or_else(|refusal| panic!("{filter}: {}", refusal.message));
    filter.passes(&|name, kind| match name.split_once('/') {
        Some((parent, nested)) => Cell::of(row[parent].get(nested), kind),
        None => Cell::of(row.get(name), kind),
    })
}

#[test]
fn what_the_vendor_s_pages_show_is_read() {
    let row = json!({"id": "a14c149a-2ce0-41d4-b532-02189ad3cb22", "lastName": "O'Lebowski", "gender": 1, "isLearner": true,
        "dateAdded": "2026-03-02T08:00:00.250", "customFields": {"decimal1": 1.5}});
    for yes in [
        "lastname eq 'o''lebowski'",
        "id eq guid'A14C149A-2CE0-41D4-B532-02189AD3CB22'",
        "startsWith(lastname,'leb') or dateAdded ge datetime'1998-03-06T20:38:07Z'",
        "substringof('LEB', LastName) and not endswith(lastName, 'x')",
        "substringof('leb', lastName) eq true",
        "true eq (substringof('zzz', lastName) eq false)",
        "tolower(lastName) eq 'o''lebowski'",
        "startswith(toupper(lastName), 'O''L')",
        "customFields/decimal1 eq 1.5",
        "CUSTOMFIELDS/DECIMAL1 gt 1m and customfields/decimal1 le 15e-1f or false",
        "isLearner",
        "not (isLearner eq false)",
        "not not isLearner",
        "not isLearner eq false",
        "GENDER EQ 1 AND gender NE 2",
        "gender gt -1",
        "city eq null and null eq city and lastName ne null",
        "dateAdded gt datetime'2026-03-02T08:00:00.249' and dateAdded lt datetime'2026-03-02T08:00:00.251'",
        "dateAdded ge datetime'2026-03-02' and dateAdded le datetime'2026-03-02T09:00:00.25+01:00'",
        "  ( ( isLearner ) )  ",
        "lastName gt 'n' and lastName le 'O''LEBOWSKI'",
    ] {
        assert!(passes(yes, &row), "{yes}");
    }
    for no in [
        "city eq 'x'",
        "city gt 'a' or city le 'a'",
        "startswith(city, '') or substringof('', city)",
        "tolower(city) eq 'x'",
        "lastName eq null",
        "not isLearner",
        "gender gt 0 eq false",
        "false and true or false",
    ] {
        assert!(!passes(no, &row), "{no}");
    }
}

#[test]
fn precedence_is_that_of_odata() {
    let row = |a: bool, n: i64| json!({"isLearner": a, "gender": n});
    // `and` before `or`, on both sides.
    assert!(passes("true or false and false", &row(true, 0)));
    assert!(passes("false and false or true", &row(true, 0)));
    assert!(!passes("(true or false) and false", &row(true, 0)));
    // Comparing before `and`; greater and less before equal.
    assert!(passes("isLearner eq true and gender eq 1", &row(true, 1)));
    assert!(passes("true eq gender gt 0", &row(true, 1)));
    assert!(passes("isLearner ne gender gt 1", &row(true, 1)));
    // `not` before all of them.
    assert!(!passes("not isLearner and isLearner", &row(true, 0)));
    assert!(passes("not isLearner or isLearner", &row(true, 0)));
    assert!(passes("not isLearner eq isLearner", &row(true, 0)) == (false == true));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let deep = format!("{}isLearner{}", "(".repeat(101), ")".repeat(101));
    let denied = format!("{}isLearner", "not ".repeat(5000));
    let chained = format!("true{}", " eq true".repeat(5000));
    for (filter, status, at) in [
        ("lastName eq", 400, 12),
        ("lastName eq 'x", 400, 13),
        ("(isLearner", 400, 1),
        ("isLearner)", 400, 10),
        ("isLearner isLearner", 400, 11),
        ("gender eq 1.2.3", 400, 11),
        ("gender eq 2024-01-01", 400, 15),
        ("gender eq inf", 422, 11),
        ("id eq guid'x'", 400, 7),
        ("dateAdded ge datetime'soon'", 400, 14),
        ("lastName eq time'1'", 400, 13),
        ("gender eq $1", 400, 11),
        ("tolower(lastName", 400, 8),
        ("tolower(lastName eq 'x'", 422, 9),
        ("substringof('x' lastName)", 400, 17),
        ("and", 422, 1),
        ("()", 400, 2),
        (",", 400, 1),
        (&deep, 400, 101),
        (&denied, 400, 401),
        (&chained, 400, 806),
        ("shoeSize eq 1", 422, 1),
        ("customFields/decimal9 eq 1", 422, 1),
        ("lastName eq 1", 422, 10),
        ("id eq 'a14c149a-2ce0-41d4-b532-02189ad3cb22'", 422, 4),
        ("dateAdded ge '2026-01-01'", 422, 11),
        ("isLearner gt false", 422, 11),
        ("id lt guid'a14c149a-2ce0-41d4-b532-02189ad3cb22'", 422, 4),
        ("lastName", 422, 1),
        ("isLearner and lastName", 422, 15),
        ("not gender", 422, 5),
        ("null", 422, 1),
        ("length(lastName) eq 3", 422, 1),
        ("startswith(lastName)", 422, 1),
        ("tolower(lastName, city) eq 'x'", 422, 1),
        ("substringof(gender, lastName)", 422, 13),
    ] {
        let refusal = Filter::read(filter, &members).expect_err(filter);
        let message = &refusal.validations[0].message;
        assert_eq!(refusal.status.as_u16(), status, "{filter}: {message}");
        assert!(message.starts_with(&format!("at {at}: ")), "{filter}: {message}");
    }
}

/// A filter as a tree of its own, with its own printer and its own meaning.
#[derive(Debug, Clone)]
enum Tree {
    /// A text member, an operator, and a text or nothing.
    Text(bool, usize, Option<String>),
    Number(bool, usize, i8),
    Part(usize, String),
    Flag,
    Truth(bool),
    Same(Box<Tree>, bool),
    Not(Box<Tree>),
    And(Vec<Tree>),
    Or(Vec<Tree>),
}

const OPERATORS: [&str; 6] = ["eq", "ne", "gt", "ge", "lt", "le"];

fn trees() -> impl Strategy<Value = Tree> {
    let word = "[aB' ]{0,3}";
    let leaf = prop_oneof![
        (any::<bool>(), 0..6_usize, proptest::option::of(word)).prop_map(|(lower, how, text)| Tree::Text(lower, how, text)),
        (any::<bool>(), 0..6_usize, -2..3_i8).prop_map(|(flipped, how, number)| Tree::Number(flipped, how, number)),
        (0..3_usize, word).prop_map(|(which, text)| Tree::Part(which, text)),
        Just(Tree::Flag),
        any::<bool>().prop_map(Tree::Truth),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            (inner.clone(), any::<bool>()).prop_map(|(tree, value)| Tree::Same(Box::new(tree), value)),
            inner.clone().prop_map(|tree| Tree::Not(Box::new(tree))),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Tree::And),
            proptest::collection::vec(inner, 2..4).prop_map(Tree::Or),
        ]
    })
}

/// How closely a tree's outermost operator binds.
fn level(tree: &Tree) -> u8 {
    match tree {
        Tree::Or(_) => 0,
        Tree::And(_) => 1,
        Tree::Text(_, 0 | 1, _) | Tree::Number(_, 0 | 1, _) | Tree::Same(..) => 2,
        Tree::Text(..) | Tree::Number(..) => 3,
        Tree::Not(_) => 4,
        Tree::Part(..) | Tree::Flag | Tree::Truth(_) => 5,
    }
}

/// Brackets only where they are needed.
fn print(tree: &Tree) -> String {
    let inside = |inner: &Tree, least: u8| if level(inner) < least { format!("({})", print(inner)) } else { print(inner) };
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let joined = |parts: &[Tree], word: &str, least| parts.iter().map(|part| inside(part, least)).collect::<Vec<_>>().join(word);
    match tree {
        Tree::Text(lower, how, text) => {
            let member = if *lower { "ToLower(LASTNAME)" } else { "lastName" };
            format!("{member} {} {}", OPERATORS[*how], text.as_deref().map_or("null".to_owned(), quoted))
        }
        Tree::Number(true, how, number) => format!("{number} {} gender", OPERATORS[*how].to_uppercase()),
        Tree::Number(false, how, number) => format!("gender {} {number}.0", OPERATORS[*how]),
        Tree::Part(0, text) => format!("substringof({}, lastName)", quoted(text)),
        Tree::Part(1, text) => format!("startswith(lastName,{})", quoted(text)),
        Tree::Part(_, text) => format!("endsWith(lastName , {})", quoted(text)),
        Tree::Flag => "isLearner".to_owned(),
        Tree::Truth(value) => value.to_string(),
        Tree::Same(inner, value) => format!("{} eq {value}", inside(inner, 2)),
        Tree::Not(inner) => format!("not {}", inside(inner, 4)),
        Tree::And(parts) => joined(parts, " and ", 2),
        Tree::Or(parts) => joined(parts, "  OR ", 1),
    }
}

struct Plain {
    name: Option<String>,
    gender: Option<i8>,
    learner: Option<bool>,
}

fn holds<T: PartialOrd>(how: usize, a: Option<T>, b: Option<T>) -> bool {
    match (how, a, b) {
        (0, a, b) => a == b,
        (1, a, b) => a != b,
        (how, Some(a), Some(b)) => [a > b, a >= b, a < b, a <= b][how - 2],
        _ => false,
    }
}

fn means(tree: &Tree, row: &Plain) -> bool {
    let name = row.name.as_ref().map(|name| name.to_lowercase());
    match tree {
        Tree::Text(_, how, text) => holds(*how, name, text.as_ref().map(|text| text.to_lowercase())),
        Tree::Number(true, how, number) => holds(*how, Some(*number), row.gender),
        Tree::Number(false, how, number) => holds(*how, row.gender, Some(*number)),
        Tree::Part(which, text) => name.is_some_and(|name| {
            let text = text.to_lowercase();
            [name.contains(&text), name.starts_with(&text), name.ends_with(&text)][*which]
        }),
        Tree::Flag => row.learner == Some(true),
        Tree::Truth(value) => *value,
        // A flag that is not set equals neither.
        Tree::Same(inner, value) if matches!(**inner, Tree::Flag) => row.learner == Some(*value),
        Tree::Same(inner, value) => means(inner, row) == *value,
        Tree::Not(inner) => !means(inner, row),
        Tree::And(parts) => parts.iter().all(|part| means(part, row)),
        Tree::Or(parts) => parts.iter().any(|part| means(part, row)),
    }
}

proptest! {
    #[test]
    fn any_filter_means_what_was_written(
        tree in trees(),
        name in proptest::option::of("[aB' ]{0,4}"),
        gender in proptest::option::of(-2..3_i8),
        learner in proptest::option::of(any::<bool>()),
    ) {
        let text = print(&tree);
        let row = json!({"lastName": name, "gender": gender, "isLearner": learner});
        prop_assert_eq!(passes(&text, &row), means(&tree, &Plain { name, gender, learner }), "{}", text);
    }

    #[test]
    fn no_text_brings_it_down(text in "[a-z0-9'(),. /=-]{0,40}|(isLearner|not|eq|and|\\(|\\)|'x'| |gender|1|startswith|,){0,20}") {
        if let Err(refusal) = Filter::read(&text, &members) {
            prop_assert!(refusal.validations[0].message.starts_with("at "));
        }
    }
}
