//! The grammar of filters (RFC 7644, figure 1): `and` before `or`, `not` before a bracket, words in any case.

use serde_json::Value;

use super::{Comparison, ElementFilter, Node, Operand, Operator, text};
use crate::instant::Instant;
use crate::path::{Named, Path, is_name, quoted};
use crate::schema::{Attribute, Kind};
use crate::{Error, Leniency, ResourceType, ScimType};

/// Brackets within each other, at most.
pub const MAX_DEPTH: usize = 32;

/// Bytes of a filter, at most.
pub const MAX_LENGTH: usize = 16 * 1024;

/// Whose names stand in the text.
#[derive(Clone, Copy)]
enum Names<'a> {
    Resource(&'a ResourceType),
    Element(&'a Attribute),
}

pub(crate) struct Parser<'a> {
    names: Names<'a>,
    text: &'a str,
    at: usize,
    depth: usize,
    leniency: &'a Leniency,
    /// What nothing has, has no value.
    absent: bool,
    /// What kind of error it is.
    error: ScimType,
}

impl<'a> Parser<'a> {
    pub(crate) fn resource(kind: &'a ResourceType, text: &'a str, leniency: &'a Leniency) -> Self {
        Self { names: Names::Resource(kind), text, at: 0, depth: 0, leniency, absent: false, error: ScimType::InvalidFilter }
    }

    /// Of a value path within the path of a PATCH operation.
    pub(crate) fn element(attribute: &'a Attribute, text: &'a str, leniency: &'a Leniency) -> Self {
        Self { names: Names::Element(attribute), text, at: 0, depth: 0, leniency, absent: false, error: ScimType::InvalidPath }
    }

    pub(super) fn absent(self) -> Self {
        Self { absent: true, ..self }
    }

    /// The whole text as a filter.
    pub(super) fn filter(mut self) -> Result<Node, Error> {
        let node = self.whole()?;
        match self.rest() {
            "" => Ok(node),
            rest => Err(self.wrong(format!("expected the end, \"and\" or \"or\", found {}", quoted(rest)))),
        }
    }

    /// A filter over elements up to its closing bracket, and where in the text the bracket is.
    pub(crate) fn bracketed(mut self) -> Result<(ElementFilter, usize), Error> {
        let root = self.whole()?;
        if !self.rest().starts_with(']') {
            return Err(self.wrong("expected \"]\""));
        }
        Ok((ElementFilter { root }, self.at))
    }

    fn whole(&mut self) -> Result<Node, Error> {
        if self.text.len() > MAX_LENGTH {
            return Err(Error::bad(self.error, format!("the filter is longer than {MAX_LENGTH} bytes")));
        }
        self.or()
    }

    fn or(&mut self) -> Result<Node, Error> {
        let mut any = vec![self.and()?];
        while self.keyword("or") {
            any.push(self.and()?);
        }
        Ok(if any.len() > 1 { Node::Or(any) } else { any.remove(0) })
    }

    fn and(&mut self) -> Result<Node, Error> {
        let mut all = vec![self.term()?];
        while self.keyword("and") {
            all.push(self.term()?);
        }
        Ok(if all.len() > 1 { Node::And(all) } else { all.remove(0) })
    }

    fn term(&mut self) -> Result<Node, Error> {
        if self.taken('(') {
            return self.within(')', Self::or);
        }
        let from = self.at;
        let word = self.word();
        if word.is_empty() {
            let found = match self.rest() {
                "" => "the end".to_owned(),
                rest => quoted(rest),
            };
            return Err(self.wrong(format!("expected a name of an attribute, found {found}")));
        }
        if word.eq_ignore_ascii_case("not") && self.taken('(') {
            return self.within(')', Self::or).map(|one| Node::Not(Box::new(one)));
        }
        let path = self.path(word, from)?;
        if self.text[self.at..].starts_with('[') {
            self.at += 1;
            return self.value_path(path, from);
        }
        self.comparison(path)
    }

    /// One level deeper, up to a closing bracket.
    fn within(&mut self, close: char, read: impl FnOnce(&mut Self) -> Result<Node, Error>) -> Result<Node, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong(format!("more than {MAX_DEPTH} brackets within each other")));
        }
        let node = read(self)?;
        if !self.taken(close) {
            return Err(self.wrong(format!("expected \"{close}\"")));
        }
        self.depth -= 1;
        Ok(node)
    }

    fn path(&self, word: &str, at: usize) -> Result<Path, Error> {
        let found = match self.names {
            Names::Element(attribute) => Path::within(attribute, word),
            Names::Resource(kind) => match Path::resolve(kind, word, self.leniency.loose_paths) {
                Ok(Named::Attribute(path)) => Ok(path),
                Ok(Named::Extension(schema)) => Err(format!("{} is a whole extension; name an attribute after it", schema.id)),
                Err(why) => Err(why),
            },
        };
        match found {
            Err(_) if self.absent && is_name(word) => Ok(Path::absent(word)),
            other => other.map_err(|why| self.wrong_at(at, why)),
        }
    }

    fn value_path(&mut self, path: Path, at: usize) -> Result<Node, Error> {
        if matches!(self.names, Names::Element(_)) {
            return Err(self.wrong_at(at, "value paths do not stand within each other"));
        }
        if path.sub.is_some() || (path.attribute.kind != Kind::Complex && !path.attribute.multi) {
            return Err(self.wrong_at(at, format!("{path} has no parts that a filter in brackets could look at")));
        }
        let attribute = path.attribute.clone();
        // Names within the brackets are parts of the attribute; the borrow ends with the brackets.
        let mut inner = Parser { names: Names::Element(&attribute), depth: self.depth, ..*self };
        let node = inner.within(']', Parser::or);
        self.at = inner.at;
        let node = node?;
        if self.leniency.loose_paths && self.text[self.at..].starts_with('.') {
            self.at += 1;
            let from = self.at;
            let word = self.word();
            let sub = Path::within(&attribute, word).map_err(|why| self.wrong_at(from, why))?;
            let compared = self.comparison(sub)?;
            return Ok(Node::Any(path, Box::new(Node::And(vec![node, compared]))));
        }
        Ok(Node::Any(path, Box::new(node)))
    }

    fn comparison(&mut self, path: Path) -> Result<Node, Error> {
        self.space();
        let from = self.at;
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            return Ok(Node::Present(path));
        }
        let Some(operator) = Operator::parse(word) else {
            return Err(self.wrong_at(from, format!("expected eq, ne, co, sw, ew, pr, gt, ge, lt or le, found {}", quoted(word))));
        };
        self.space();
        let from = self.at;
        let value = self.value()?;
        let path = self.compared(path, from)?;
        let operand = self.operand(&path, operator, value).map_err(|why| self.wrong_at(from, why))?;
        Ok(Node::Compare(Comparison { path, operator, operand }))
    }

    /// A complex attribute is compared by its `value` (RFC 7643, section 2.4).
    fn compared(&self, path: Path, at: usize) -> Result<Path, Error> {
        if path.leaf().kind != Kind::Complex {
            return Ok(path);
        }
        match (&path.sub, path.attribute.sub("value")) {
            (None, Some(value)) if matches!(self.names, Names::Resource(_)) => Ok(Path { sub: Some(value.clone()), ..path }),
            _ => Err(self.wrong_at(at, format!("{path} cannot be compared; name a part of it"))),
        }
    }

    /// A value as JSON has it.
    fn value(&mut self) -> Result<Value, Error> {
        let from = self.at;
        let rest = &self.text[from..];
        if rest.starts_with('"') {
            let mut escaped = false;
            let end = rest.bytes().skip(1).position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            let Some(end) = end else { return Err(self.wrong_at(from, "a text has no closing quote")) };
            let literal = &rest[..end + 2];
            self.at += literal.len();
            return serde_json::from_str(literal)
                .map_err(|why| self.wrong_at(from, format!("{} is no JSON text: {why}", quoted(literal))));
        }
        let word = self.word();
        let known = serde_json::from_str(word).ok().filter(|value: &Value| !value.is_array() && !value.is_object());
        let spelled = || match word.to_ascii_lowercase().as_str() {
            "true" if self.leniency.spelled => Some(true.into()),
            "false" if self.leniency.spelled => Some(false.into()),
            bare if self.leniency.spelled && !bare.is_empty() => Some(word.into()),
            _ => None,
        };
        known.or_else(spelled).ok_or_else(|| match word {
            "" => self.wrong_at(from, "expected a value"),
            word => self.wrong_at(from, format!("{} is no value; text stands in double quotes", quoted(word))),
        })
    }

    /// The value, typed as the attribute is.
    fn operand(&self, path: &Path, operator: Operator, value: Value) -> Result<Operand, String> {
        use Operator::{Co, Eq, Ew, Ge, Gt, Le, Lt, Ne, Sw};
        let leaf = path.leaf();
        let kind = leaf.kind;
        let fits = match kind {
            Kind::Boolean => matches!(operator, Eq | Ne),
            Kind::Integer | Kind::Decimal => !matches!(operator, Co | Sw | Ew),
            Kind::Binary => !matches!(operator, Gt | Ge | Lt | Le),
            _ => true,
        };
        if !fits {
            return Err(format!("{path} is a {} and cannot be compared by {}", kind.as_str(), operator.as_str()));
        }
        let spelled = self.leniency.spelled;
        let unfit = |value: &Value| format!("{path} is a {} and cannot be compared with {}", kind.as_str(), quoted(&value.to_string()));
        match (kind, value) {
            (_, Value::Null) if matches!(operator, Eq | Ne) => Ok(Operand::Null),
            (Kind::Boolean, Value::Bool(value)) => Ok(Operand::Boolean(value)),
            (Kind::Boolean, Value::String(text)) if spelled => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Operand::Boolean(true)),
                "false" => Ok(Operand::Boolean(false)),
                _ => Err(unfit(&Value::String(text))),
            },
            (Kind::Integer | Kind::Decimal, Value::Number(number)) => Ok(Operand::Number(number)),
            (Kind::Integer | Kind::Decimal, Value::String(text)) if spelled => match serde_json::from_str(&text) {
                Ok(number) => Ok(Operand::Number(number)),
                Err(_) => Err(unfit(&Value::String(text))),
            },
            (Kind::DateTime, Value::String(text)) if !matches!(operator, Co | Sw | Ew) => match Instant::parse(&text) {
                Some(instant) => Ok(Operand::Instant { text, instant }),
                None => Err(format!("{path} is a time; {} is none (2026-01-31T09:00:00Z is one)", quoted(&text))),
            },
            (Kind::DateTime, Value::String(text)) => Ok(Operand::Text { text, folded: None }),
            (Kind::String | Kind::Reference | Kind::Binary, Value::String(text)) => Ok(words(leaf, text)),
            (Kind::String, value @ (Value::Number(_) | Value::Bool(_))) if spelled => Ok(words(leaf, value.to_string())),
            (_, value) => Err(unfit(&value)),
        }
    }

    /// Takes a word if it is the next one.
    fn keyword(&mut self, keyword: &str) -> bool {
        let from = self.at;
        self.space();
        if self.word().eq_ignore_ascii_case(keyword) {
            return true;
        }
        self.at = from;
        false
    }

    fn taken(&mut self, sign: char) -> bool {
        let taken = self.rest().starts_with(sign);
        if taken {
            self.at += sign.len_utf8();
        }
        taken
    }

    /// What comes after spaces.
    fn rest(&mut self) -> &'a str {
        self.space();
        &self.text[self.at..]
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    /// Up to a space, a bracket or a quote.
    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let end = rest.find([' ', '\t', '(', ')', '[', ']', '"']).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn wrong(&self, what: impl AsRef<str>) -> Error {
        self.wrong_at(self.at, what)
    }

    fn wrong_at(&self, at: usize, what: impl AsRef<str>) -> Error {
        let character = self.text[..at].chars().count() + 1;
        Error::bad(self.error, format!("{} (at character {character} of {})", what.as_ref(), quoted(self.text)))
    }
}

/// Text, folded where case does not count.
fn words(attribute: &Attribute, text: String) -> Operand {
    let exact = attribute.case_exact || attribute.kind == Kind::Binary;
    let folded = (!exact).then(|| text::fold(&text));
    Operand::Text { text, folded }
}
