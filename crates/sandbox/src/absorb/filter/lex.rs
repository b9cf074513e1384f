//! The words of a filter.

use std::borrow::Cow;

use uuid::Uuid;

use super::{Cell, Wrong};
use crate::absorb::wire::parse_date;

/// A word, and the character it begins at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) at: usize,
    pub(super) word: Word,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    Open,
    Close,
    Comma,
    /// A member, a function or an operator.
    Name(String),
    Literal(Cell<'static>),
}

/// Takes the text apart.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Wrong> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = chars.get(at) {
        let begin = at;
        let word = match first {
            space if space.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' | ')' | ',' => {
                at += 1;
                [Word::Open, Word::Close, Word::Comma][usize::from(first == ')') + 2 * usize::from(first == ',')].clone()
            }
            '\'' => Word::Literal(Cell::Text(Cow::Owned(quoted(&chars, &mut at)?))),
            '-' | '+' | '.' | '0'..='9' => number(&chars, &mut at)?,
            letter if letter.is_alphabetic() || letter == '_' => name(&chars, &mut at)?,
            other => return Err(Wrong::unreadable(begin, format!("`{other}` has no meaning here"))),
        };
        tokens.push(Token { at: begin, word });
    }
    Ok(tokens)
}

/// A text in quotes; `''` in it is one quote.
fn quoted(chars: &[char], at: &mut usize) -> Result<String, Wrong> {
    let begin = *at;
    let mut text = String::new();
    *at += 1;
    loop {
        match (chars.get(*at), chars.get(*at + 1)) {
            (None, _) => return Err(Wrong::unreadable(begin, "this quote is not closed")),
            (Some('\''), Some('\'')) => {
                text.push('\'');
                *at += 2;
            }
            (Some('\''), _) => {
                *at += 1;
                return Ok(text);
            }
            (Some(other), _) => {
                text.push(*other);
                *at += 1;
            }
        }
    }
}

/// A number, with the letter that OData may end it with (`1.5m`, `2L`, `3d`, `4f`).
fn number(chars: &[char], at: &mut usize) -> Result<Word, Wrong> {
    let begin = *at;
    let part = |at: usize| {
        let after_e = at > begin && matches!(chars[at - 1], 'e' | 'E');
        chars.get(at).is_some_and(|c| c.is_alphanumeric() || *c == '.' || (matches!(c, '-' | '+') && (at == begin || after_e)))
    };
    while part(*at) {
        *at += 1;
    }
    let text: String = chars[begin..*at].iter().collect();
    let digits = text.strip_suffix(['m', 'M', 'l', 'L', 'd', 'D', 'f', 'F']).unwrap_or(&text);
    // What Rust reads besides, such as `inf`, has other letters.
    let plain = digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
    let value = digits.parse::<f64>().ok().filter(|value| plain && value.is_finite());
    value.map(|value| Word::Literal(Cell::Number(value))).ok_or_else(|| Wrong::unreadable(begin, format!("`{text}` is no number")))
}

/// A name, or a literal that begins with one: `guid'…'`, `datetime'…'`, `true`, `false`, `null`.
fn name(chars: &[char], at: &mut usize) -> Result<Word, Wrong> {
    let begin = *at;
    while chars.get(*at).is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '/')) {
        *at += 1;
    }
    let text: String = chars[begin..*at].iter().collect();
    let literal = |cell| Ok(Word::Literal(cell));
    if chars.get(*at) == Some(&'\'') {
        let value = quoted(chars, at)?;
        return match text.to_ascii_lowercase().as_str() {
            "guid" => match Uuid::try_parse(&value) {
                Ok(id) => literal(Cell::Guid(id)),
                Err(_) => Err(Wrong::unreadable(begin, format!("`{value}` is no guid"))),
            },
            "datetime" => match parse_date(&value) {
                Some(time) => literal(Cell::Time(time)),
                None => Err(Wrong::unreadable(begin, format!("`{value}` is no day or time in ISO 8601"))),
            },
            _ => Err(Wrong::unreadable(begin, format!("`{text}` is no kind of literal: guid or datetime"))),
        };
    }
    match text.to_ascii_lowercase().as_str() {
        "true" => literal(Cell::Flag(true)),
        "false" => literal(Cell::Flag(false)),
        "null" => literal(Cell::Nothing),
        _ => Ok(Word::Name(text)),
    }
}
