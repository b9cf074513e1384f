//! How texts are compared, and which name was probably meant.

use std::borrow::Cow;

use model::{Compare, Value};
use unicode_normalization::UnicodeNormalization;

/// Without regard to letter case, surrounding space and Unicode composition.
pub fn fold(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.nfc().flat_map(char::to_lowercase).collect() }
}

/// A value as it takes part in a comparison; `None` when it is blank, which never equals anything.
pub(crate) fn comparable(value: &Value, compare: Compare) -> Option<String> {
    let text: Cow<'_, str> = match value {
        Value::Null => return None,
        Value::Text(text) => text.into(),
        other => other.to_string().into(),
    };
    let text = match compare {
        Compare::Exact => text.into_owned(),
        Compare::Folded => fold(&text),
    };
    (!text.trim().is_empty()).then_some(text)
}

/// Whether two values are the same as the app sees it; an empty text is nothing.
pub(crate) fn same(a: &Value, b: &Value, compare: Compare) -> bool {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) if a == b => true,
        _ => comparable(a, compare) == comparable(b, compare),
    }
}

/// Up to three names that look like this one, best first, for "did you mean".
pub(crate) fn nearest_all<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let wanted = fold(wanted);
    let mut scored: Vec<(u64, &str)> = names
        .into_iter()
        .map(|name| ((strsim::jaro_winkler(&wanted, &fold(name)) * 1000.0) as u64, name))
        .filter(|(score, _)| *score >= 700)
        .collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup();
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// The name that was probably meant, if any looks like this one.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    nearest_all(wanted, names).first().copied()
}

/// "; nearest: \"Sales\", \"Sale\"", or nothing.
pub(crate) fn nearest_words<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let near = nearest_all(wanted, names);
    if near.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = near.iter().map(|name| format!("{name:?}")).collect();
    format!("; nearest: {}", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparison_goes_by_the_manifest() {
        let (a, b) = (Value::from("Ada@X.example "), Value::from("ada@x.example"));
        assert!(same(&a, &b, Compare::Folded));
        assert!(!same(&a, &b, Compare::Exact));
        assert!(same(&Value::Null, &Value::from(""), Compare::Exact));
        assert!(same(&Value::Int(7), &Value::from("7"), Compare::Exact));
        assert!(same(&Value::from("e\u{301}"), &Value::from("É"), Compare::Folded), "composed and decomposed are one letter");
    }

    #[test]
    fn the_nearest_names_come_first() {
        assert_eq!(nearest_all("Slaes", ["Development", "Sales", "Finance"]), ["Sales"]);
        assert!(nearest_all("zzz", ["Sales"]).is_empty());
    }
}
