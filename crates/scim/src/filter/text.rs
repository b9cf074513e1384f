//! Comparing text where case does not count.

use std::cmp::Ordering;

/// Text as it is compared where case does not count: every character in lower case. What two spellings of one user name share.
pub fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { folded(text).collect() }
}

fn folded(text: &str) -> impl Iterator<Item = char> {
    // Σ is ς at the end of a word and σ elsewhere; capitals of both are the same letter.
    text.chars().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter })
}

/// Whether text, folded, is this folded text.
pub(crate) fn equal(text: &str, wanted: &str) -> bool {
    if text.is_ascii() { text.eq_ignore_ascii_case(wanted) } else { folded(text).eq(wanted.chars()) }
}

/// Whether text, folded, begins with this folded text.
pub(crate) fn begins(text: &str, wanted: &str) -> bool {
    if text.is_ascii() {
        return text.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted));
    }
    let mut text = folded(text);
    wanted.chars().all(|letter| text.next() == Some(letter))
}

/// Whether text, folded, ends with this folded text.
pub(crate) fn ends(text: &str, wanted: &str) -> bool {
    if !text.is_ascii() {
        return fold(text).ends_with(wanted);
    }
    text.len().checked_sub(wanted.len()).is_some_and(|from| text.as_bytes()[from..].eq_ignore_ascii_case(wanted.as_bytes()))
}

/// Whether text, folded, contains this folded text.
pub(crate) fn contains(text: &str, wanted: &str) -> bool {
    if !text.is_ascii() {
        return fold(text).contains(wanted);
    }
    if wanted.is_empty() {
        return true;
    }
    text.as_bytes().windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// Text, folded, against this folded text.
pub(crate) fn order(text: &str, wanted: &str) -> Ordering {
    folded(text).cmp(wanted.chars())
}
