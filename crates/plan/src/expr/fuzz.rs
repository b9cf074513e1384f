//! Expressions that nobody meant: whatever stands in a policy and in a roster, it is compiled and run, or refused in words.

use model::Person;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Facts, Machine, Names, Program, Scope};

/// Values that a roster may hold.
const CELLS: &[&str] = &["", "Ada", "Zoë 李 🦀", "a\u{301}", "-1", "9223372036854775807", "1998-02-30", "\u{0}", "%s%d%", "[[["];

/// Whole expressions as people write them.
const WRITTEN: &[&str] = &[
    "person.active && person.title.contains(\"Manager\")",
    "person.given_name + \" \" + person.family_name",
    "person.title.startsWith('Sales') ? ['Sales', person.department] : []",
    "has(person.manager) && person.tenure_days < 90",
    "person.email.split('@')[0].lowerAscii().replace('.', '-')",
    "['a', 'b'].exists(x, x == person.title) || person['title'].size() > 3",
    "person.family_name.substring(0, 3) + person.key.charAt(0)",
    "{'a': 1, \"b\": person.key}['a'] == 1 ? 'x' : r'\\d' + '''y'''",
];

/// Parts of expressions, from the smallest up.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(&["person.title", "person.key", "person.active", "person.tenure_days", "person['x']", "person", "x", "null", "true"])
            .prop_map(str::to_owned),
        select(&[
            "0",
            "-1",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615u",
            "1e308",
            "0x7f",
            "0.1",
            "b'\\xff'"
        ])
        .prop_map(str::to_owned),
        select(CELLS).prop_map(|cell| format!("{cell:?}")),
        any::<i64>().prop_map(|number| number.to_string()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let (a, b, c) = (inner.clone(), inner.clone(), inner.clone());
        let two = ["+", "-", "*", "/", "%", "==", "<", ">=", "&&", "||", "in"];
        let methods = [
            "size",
            "contains",
            "startsWith",
            "endsWith",
            "matches",
            "charAt",
            "indexOf",
            "lastIndexOf",
            "lowerAscii",
            "upperAscii",
            "replace",
            "split",
            "join",
            "substring",
            "trim",
            "reverse",
            "format",
            "getFullYear",
            "getDate",
        ];
        let functions =
            ["size", "int", "uint", "double", "string", "bytes", "bool", "timestamp", "duration", "type", "dyn", "max", "min"];
        prop_oneof![
            (a.clone(), select(two.to_vec()), b.clone()).prop_map(|(a, by, b)| format!("({a} {by} {b})")),
            (a.clone(), b.clone(), c).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (a.clone(), select(methods.to_vec()), proptest::collection::vec(b.clone(), 0..4))
                .prop_map(|(a, name, given)| format!("{a}.{name}({})", given.join(", "))),
            (select(functions.to_vec()), a.clone()).prop_map(|(name, a)| format!("{name}({a})")),
            (a.clone(), select(vec!["all", "exists", "exists_one", "map", "filter"]), b.clone())
                .prop_map(|(a, name, b)| format!("{a}.{name}(x, {b})")),
            proptest::collection::vec(a.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            (a.clone(), b.clone()).prop_map(|(a, b)| format!("{{{a}: {b}}}")),
            (a.clone(), b).prop_map(|(a, b)| format!("{a}[{b}]")),
            a.prop_map(|a| format!("!{a}")),
        ]
    })
}

/// An expression as people write it, with a character put in, taken out or changed.
fn damaged() -> impl Strategy<Value = String> {
    (select(WRITTEN), any::<prop::sample::Index>(), 0..3, any::<char>()).prop_map(|(text, at, how, with)| {
        let mut text: Vec<char> = text.chars().collect();
        let at = at.index(text.len());
        match how {
            0 => text.insert(at, with),
            1 => drop(text.remove(at)),
            _ => text[at] = with,
        }
        text.into_iter().collect()
    })
}

/// Compiles it and runs it for somebody; what comes out is not looked at.
fn try_out(text: &str, cell: &str) {
    let mut names = Names::default();
    let Ok(program) = Program::compile(text, &mut names) else { return };
    let attributes = [("title", cell), ("x", "Ada"), ("department", cell)];
    let person = Person {
        key: cell.into(),
        standing: model::Standing::Active,
        starts: None,
        ends: None,
        zone: None,
        idp: Default::default(),
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let machine = Machine::new();
    for tenure_days in [0, i64::MIN, i64::MAX] {
        let scope = Scope::new(&machine, &names, Facts { person: &person, active: true, tenure_days });
        if let Err(why) = program.run(&scope) {
            assert!(why.contains(text), "it says which: {why}");
        }
    }
}

/// More cases in a soak (`cargo xtask soak fuzz`).
fn cases(few: u32) -> ProptestConfig {
    let times = std::env::var("PROVOST_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    ProptestConfig { cases: few.saturating_mul(times), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn an_expression_is_compiled_and_run_or_refused(text in expression(), cell in select(CELLS)) {
        try_out(&text, cell);
    }

    #[test]
    fn a_damaged_expression_is_compiled_and_run_or_refused(text in damaged(), cell in select(CELLS)) {
        try_out(&text, cell);
    }

    #[test]
    fn any_text_is_compiled_or_refused(text in ".{0,40}") {
        try_out(&text, "Ada");
    }
}

/// Deep and long ones are refused, not followed until the stack ends.
#[test]
fn deep_expressions_are_refused() {
    for n in [8, 20, 38, 39, 40, 400, 1_300, 100_000] {
        for (open, middle, close) in [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("{1: ", "1", "}"),
            ("-", "1", ""),
            ("!", "true", ""),
            ("size(", "'a'", ")"),
            ("true ? 1 : ", "2", ""),
            ("true ? (", "1", ") : 2"),
            ("[1].map(x, ", "1", ")"),
            ("'a' + ", "'b'", ""),
            ("true && ", "true", ""),
            ("1 == ", "1", ""),
            ("", "person", ".title"),
            ("", "person", "['x']"),
            ("", "'x'", ".trim()"),
        ] {
            let text = format!("{}{middle}{}", open.repeat(n), close.repeat(n));
            try_out(&text, "Ada");
            if n == 100_000 {
                let refused = Program::compile(&text, &mut Names::default()).unwrap_err();
                assert!(refused.contains("longer than") || refused.contains("deeper than"), "{refused}");
            }
        }
    }
}
