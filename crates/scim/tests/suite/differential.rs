//! Our reading of the grammar against somebody else's: the crate `scim_v2`, which reads filters and PATCH paths without schemas.
//!
//! It has no evaluation; what is compared is what is read at all, and that both mean the same tree. Where the two differ on purpose
//! is listed below, with what decides it.

use std::str::FromStr;

use proptest::prelude::*;
use proptest::sample::select;
use scim::{Filter, Target};
use scim_v2::filter as theirs;

use crate::common::{strict, user_type};

/// Words of the grammar, joined in any order: few of the sentences are right, and both have to agree on which. All attributes are
/// texts, so that no rule about types comes between.
fn words() -> impl Strategy<Value = String> {
    let word = select(&[
        "userName",
        "title",
        "name.familyName",
        "emails.value",
        "emails[",
        "]",
        "type",
        "value",
        "eq",
        "NE",
        "co",
        "sw",
        "ew",
        "gt",
        "le",
        "pr",
        "pr",
        "and",
        "or",
        "not",
        "not (",
        "(",
        ")",
        "\"a\"",
        "\"b\\\"c\"",
        "\"\"",
        "null",
    ]);
    proptest::collection::vec(word, 1..9).prop_map(|words| words.join(" ").replace("[ ", "[").replace(" ]", "]"))
}

/// Right sentences, so that long ones come up too.
fn sentence() -> impl Strategy<Value = String> {
    let one = (
        select(&["userName", "title", "name.familyName", "emails.value"]),
        select(&["eq \"a\"", "ne \"b\"", "pr", "co \"\"", "gt \"x\"", "eq null"]),
    )
        .prop_map(|(name, rest)| format!("{name} {rest}"));
    let element = (select(&["type eq \"a\"", "value pr", "type eq \"a\" and not (value pr)", "type pr or value pr and type pr"]))
        .prop_map(|inner| format!("emails[{inner}]"));
    prop_oneof![3 => one, 1 => element].prop_recursive(4, 24, 2, |inner| {
        (inner.clone(), select(&["and", "or", "And", "OR", "(", "not"]), inner).prop_map(|(a, how, b)| match how {
            "(" => format!("({a})"),
            "not" => format!("not ({a})"),
            word => format!("{a} {word} {b}"),
        })
    })
}

/// What the other crate reads and we refuse, since a schema decides it: names that a user does not have (RFC 7644, section 3.10),
/// elements of what is no list, an order against `null` (section 3.4.2.2: only equality is defined for it), a complex attribute
/// without a `value` compared as a whole.
fn of_schema(why: &str) -> bool {
    ["has no attribute", "has no part", "no list of which", "cannot be compared with \"null\"", "name a part"]
        .iter()
        .any(|words| why.contains(words))
}

fn compare(text: &str) -> Result<(), TestCaseError> {
    let ours = Filter::parse(&user_type(), text, &strict());
    match (&ours, theirs::Filter::from_str(text)) {
        (Ok(ours), Ok(read)) => {
            // Both mean the same if the other reads the same tree out of what we print.
            let printed = theirs::Filter::from_str(&ours.to_string()).map_err(|why| TestCaseError::fail(format!("{ours}: {why}")))?;
            prop_assert_eq!(&printed, &read, "{} was printed as {}", text, ours);
            // And we the same out of what it prints, but for brackets that say nothing.
            let back = Filter::parse(&user_type(), &read.to_string(), &strict())
                .map_err(|why| TestCaseError::fail(format!("{read}: {why}")))?;
            let again = theirs::Filter::from_str(&back.to_string()).map_err(|why| TestCaseError::fail(format!("{back}: {why}")))?;
            prop_assert_eq!(again, read);
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(why)) => return Err(TestCaseError::fail(format!("only we read {text}: {why}"))),
        (Err(why), Ok(_)) => prop_assert!(of_schema(&why.detail), "only they read {text}: {why}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_sentences_are_filters(text in words()) {
        compare(&text)?;
    }

    #[test]
    fn a_filter_means_the_same_tree(text in sentence()) {
        compare(&text)?;
    }

    #[test]
    fn the_same_texts_are_paths(
        name in select(&["title", "name.givenName", "emails", "members", "emails.value", ""]),
        filter in prop_oneof![Just(String::new()), words().prop_map(|words| format!("[{words}]")), Just("[type eq \"a\"]".to_owned())],
        part in select(&["", ".value", "value", ".", " "]),
    ) {
        let text = format!("{name}{filter}{part}");
        let ours = Target::parse(&user_type(), &text, &strict());
        match (&ours, theirs::PatchPath::from_str(&text)) {
            (Ok(ours), Ok(read)) => {
                let printed = theirs::PatchPath::from_str(&ours.to_string()).map_err(|why| TestCaseError::fail(format!("{ours}: {why}")))?;
                prop_assert_eq!(printed.to_string(), read.to_string());
            }
            (Ok(_), Err(why)) => prop_assert!(text.trim() != text, "only we read {text}: {why}"),
            // What no schema has is no path for us: users have no members, titles have no parts.
            (Err(why), Ok(_)) => prop_assert!(of_schema(&why.detail), "only they read {text}: {why}"),
            (Err(_), Err(_)) => {}
        }
    }
}
