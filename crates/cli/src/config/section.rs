//! One table of the file, read key by key; what nobody asked for is unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::civil::Date;
use model::Expr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problems, nearest};

/// A text with its place, inside the quotes where that can be told.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) span: Range<usize>,
}

impl Text {
    /// As an expression.
    pub(crate) fn expr(self) -> Expr {
        Expr { text: self.text, span: self.span }
    }
}

/// What a value was read from: the file's text and where problems go.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    pub(crate) problems: &'a Problems,
}

/// A table that is being read.
pub(crate) struct Section<'a> {
    /// As people write it: `[app.lessonly]`, or "the top of the file".
    pub(crate) name: String,
    pub(crate) span: Range<usize>,
    source: Source<'a>,
    left: BTreeMap<&'a str, (Range<usize>, &'a Spanned<DeValue<'a>>)>,
    asked: BTreeSet<&'static str>,
    there: BTreeSet<&'static str>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(source: Source<'a>, name: impl Into<String>, span: Range<usize>, table: &'a DeTable<'a>) -> Self {
        let left = table.iter().map(|(key, value)| (key.get_ref().as_ref(), (key.span(), value))).collect();
        Self { name: name.into(), span, source, left, asked: BTreeSet::new(), there: BTreeSet::new() }
    }

    pub(crate) fn source(&self) -> Source<'a> {
        self.source
    }

    pub(crate) fn problems(&self) -> &'a Problems {
        self.source.problems
    }

    /// Takes the value of a key, if it is there.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.insert(key);
        let (_, value) = self.left.remove(key)?;
        self.there.insert(key);
        Some(value)
    }

    /// Whether a key that was asked for was in the file, usable or not.
    pub(crate) fn had(&self, key: &str) -> bool {
        self.there.contains(key)
    }

    /// Whether a key is there and was not taken yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.left.contains_key(key)
    }

    /// Takes every entry that is left, whatever its name, with the place of the name.
    pub(crate) fn rest(&mut self) -> Vec<(Text, &'a Spanned<DeValue<'a>>)> {
        let left = std::mem::take(&mut self.left);
        left.into_iter().map(|(key, (span, value))| (Text { text: key.to_owned(), span }, value)).collect()
    }

    /// Says that a key is missing.
    pub(crate) fn missing(&self, key: &str, next: &str) {
        self.problems().add(format!("{} has no `{key}`", self.name), &self.span, "here", next);
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        wrong_type(self.problems(), &format!("`{key}`"), value, wanted);
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Option<Text> {
        let value = self.take(key)?;
        let text = text_of(self.source, value);
        if text.is_none() {
            self.wrong(key, value, "text in quotes");
        }
        text
    }

    /// A text that must be there and not be blank.
    pub(crate) fn required(&mut self, key: &'static str, next: &str) -> Option<Text> {
        if !self.left.contains_key(key) {
            self.asked.insert(key);
            self.missing(key, next);
            return None;
        }
        let text = self.text(key)?;
        if text.text.trim().is_empty() {
            self.problems().add(format!("`{key}` is empty"), &text.span, "nothing here", next);
            return None;
        }
        Some(text)
    }

    pub(crate) fn bool(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        let read = value.get_ref().as_bool();
        if read.is_none() {
            self.wrong(key, value, "true or false");
        }
        read
    }

    pub(crate) fn count(&mut self, key: &'static str) -> Option<u64> {
        let value = self.take(key)?;
        let read = value.get_ref().as_integer().and_then(|n| u64::from_str_radix(&n.as_str().replace('_', ""), n.radix()).ok());
        if read.is_none() {
            self.wrong(key, value, "a whole number, 0 or more");
        }
        read
    }

    /// A percentage from 0 to 100, in thousandths of a per cent.
    pub(crate) fn percent(&mut self, key: &'static str) -> Option<u64> {
        let value = self.take(key)?;
        let number = match value.get_ref() {
            DeValue::Integer(n) => n.as_str().replace('_', "").parse::<f64>().ok(),
            DeValue::Float(n) => n.as_str().replace('_', "").parse::<f64>().ok(),
            _ => None,
        };
        match number {
            Some(number) if (0.0..=100.0).contains(&number) => Some((number * 1000.0).round() as u64),
            Some(_) => {
                let next = "a percentage goes from 0 to 100; leave the key out to have no such limit";
                self.problems().add(format!("`{key}` is not a percentage"), &value.span(), "not from 0 to 100", next);
                None
            }
            None => {
                self.wrong(key, value, "a number from 0 to 100");
                None
            }
        }
    }

    /// A length of time, in seconds.
    pub(crate) fn duration(&mut self, key: &'static str) -> Option<i64> {
        let text = self.text(key)?;
        let seconds = seconds(&text.text);
        if seconds.is_none() {
            let next = "write a whole number and a unit: 90s, 30m, 24h, 3d or 2w";
            self.problems().add(format!("`{key}` is not a length of time"), &text.span, "not understood", next);
        }
        seconds
    }

    /// A day, as text or as TOML's own date.
    pub(crate) fn day(&mut self, key: &'static str) -> Option<Date> {
        let value = self.take(key)?;
        let day = match value.get_ref() {
            DeValue::String(text) => text.parse().ok(),
            DeValue::Datetime(day) => day.to_string().parse().ok(),
            _ => None,
        };
        if day.is_none() {
            let next = "write it as \"2027-06-30\"";
            self.problems().add(format!("`{key}` is not a day"), &value.span(), "not a day of the calendar", next);
        }
        day
    }

    /// One of these words.
    pub(crate) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text.text);
        if found.is_none() {
            let all = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
            self.problems().add(
                format!("`{key}` cannot be \"{}\"", text.text),
                &text.span,
                "not one of the words",
                format!("use one of {all}"),
            );
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// A list of texts; one text alone is a list of one.
    pub(crate) fn texts(&mut self, key: &'static str) -> Option<Vec<Text>> {
        texts_of(self.source, &format!("`{key}`"), self.take(key)?)
    }

    /// A table below this one.
    pub(crate) fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let value = self.take(key)?;
        self.below(key, value)
    }

    /// A value as a table below this one; a problem when it is none.
    pub(crate) fn below(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<Section<'a>> {
        let name = match self.name.strip_suffix(']') {
            Some(name) => format!("{name}.{key}]"),
            None => format!("[{key}]"),
        };
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(self.source, name, value.span(), table)),
            _ => {
                self.wrong(key, value, &format!("a table: {name}"));
                None
            }
        }
    }

    /// An array of tables below this one.
    pub(crate) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let name = format!("[{}.{key}]]", self.name.trim_end_matches(']'));
        let mut read = Vec::new();
        match value.get_ref() {
            DeValue::Array(list) => {
                for item in list.iter() {
                    match item.get_ref() {
                        DeValue::Table(table) => read.push(Section::new(self.source, name.clone(), item.span(), table)),
                        _ => self.wrong(key, item, &format!("a table: {name}")),
                    }
                }
            }
            _ => self.wrong(key, value, &format!("a list of tables, each headed {name}")),
        }
        read
    }

    /// Says which keys nobody knows.
    pub(crate) fn end(self) {
        for (key, (span, _)) in &self.left {
            let next = match nearest(key, self.asked.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", self.asked.iter().copied().collect::<Vec<_>>().join(", ")),
            };
            self.problems().add(format!("{} has no key `{key}`", self.name), span, "not known", next);
        }
    }
}

/// Says that a value is of the wrong type.
pub(crate) fn wrong_type(problems: &Problems, what: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
    let is = value.get_ref().type_str();
    problems.add(format!("{what} has to be {wanted}"), &value.span(), format!("this is of type {is}"), "");
}

/// A text with the place inside its quotes; the whole place where escapes make the two differ.
pub(crate) fn text_of(source: Source<'_>, value: &Spanned<DeValue<'_>>) -> Option<Text> {
    let text = value.get_ref().as_str()?;
    let span = value.span();
    let raw = source.text.get(span.clone()).unwrap_or_default();
    let inner = ["'''", "\"\"\"", "'", "\""].iter().find_map(|quote| {
        let inside = raw.strip_prefix(quote)?.strip_suffix(quote)?;
        (inside == text).then(|| span.start + quote.len()..span.end - quote.len())
    });
    Some(Text { text: text.to_owned(), span: inner.unwrap_or(span) })
}

/// A list of texts, or one alone; `what` names it where it is neither.
pub(crate) fn texts_of(source: Source<'_>, what: &str, value: &Spanned<DeValue<'_>>) -> Option<Vec<Text>> {
    let read = match value.get_ref() {
        DeValue::Array(list) => list.iter().map(|item| text_of(source, item)).collect(),
        _ => text_of(source, value).map(|one| vec![one]),
    };
    if read.is_none() {
        wrong_type(source.problems, what, value, "a list of texts: [\"…\", \"…\"]");
    }
    read
}

/// "90s", "30m", "24h", "3d", "2w" in seconds.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    // A thousand years: nothing that is meant is longer, and dates stay within the calendar.
    i64::from(number).checked_mul(unit).filter(|seconds| *seconds <= 31_557_600_000)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn lengths_of_time_have_a_unit_and_an_end() {
        assert_eq!(seconds("3d"), Some(259_200));
        assert_eq!(seconds("24h"), Some(86_400));
        assert_eq!(seconds("0s"), Some(0));
        assert_eq!(seconds("2w"), Some(1_209_600));
        for wrong in ["", "d", "3", "3 d ", "-1d", "1.5h", "4000000000w", "3é", "9y"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
