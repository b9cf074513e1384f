//! From words to an expression that fits the list: precedence, and which values go together.

use super::lex::{Token, Word};
use super::{Compare, Expr, Function, Members, Type, Wrong};

/// How deep brackets, `not`s and chains of comparisons may go.
const DEPTH: usize = 100;

/// Reads the words; `end` is the place behind the last of them.
pub(super) fn expression(tokens: &[Token], end: usize, members: Members<'_>) -> Result<Expr, Wrong> {
    let mut parser = Parser { tokens, next: 0, end, depth: 0, members };
    let (expr, at) = (parser.or()?, tokens.first().map_or(end, |token| token.at));
    match parser.tokens.get(parser.next) {
        Some(token) => Err(Wrong::unreadable(token.at, "the filter should have ended or gone on with an operator")),
        None => truth(expr, at),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    end: usize,
    depth: usize,
    members: Members<'a>,
}

/// The type of an expression; none for `null`.
fn kind(expr: &Expr) -> Option<Type> {
    match expr {
        Expr::Literal(cell) => cell.kind(),
        Expr::Member(_, kind) => Some(*kind),
        Expr::Call(Function::ToLower | Function::ToUpper, _) => Some(Type::Text),
        Expr::Not(_) | Expr::Compare(..) | Expr::And(_) | Expr::Or(_) | Expr::Call(..) => Some(Type::Flag),
    }
}

/// The expression, which must be true or false.
fn truth(expr: Expr, at: usize) -> Result<Expr, Wrong> {
    match kind(&expr) {
        Some(Type::Flag) => Ok(expr),
        other => Err(Wrong::unfit(at, format!("{} is not true or false", other.map_or("null", Type::word)))),
    }
}

impl Parser<'_> {
    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |token| token.at)
    }

    /// The operator that comes next, taken if it is among these.
    fn operator(&mut self, names: &[&str]) -> Option<usize> {
        let Some(Word::Name(name)) = self.tokens.get(self.next).map(|token| &token.word) else { return None };
        let found = names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        self.next += 1;
        Some(found)
    }

    fn or(&mut self) -> Result<Expr, Wrong> {
        self.list("or", Self::and, Expr::Or)
    }

    fn and(&mut self) -> Result<Expr, Wrong> {
        self.list("and", Self::equality, Expr::And)
    }

    /// Parts with an operator between them; one alone is itself.
    fn list(&mut self, operator: &str, part: fn(&mut Self) -> Result<Expr, Wrong>, join: fn(Vec<Expr>) -> Expr) -> Result<Expr, Wrong> {
        let begin = self.at();
        let first = part(self)?;
        if self.operator(&[operator]).is_none() {
            return Ok(first);
        }
        let mut parts = vec![truth(first, begin)?];
        loop {
            let at = self.at();
            parts.push(part(self).and_then(|expr| truth(expr, at))?);
            if self.operator(&[operator]).is_none() {
                return Ok(join(parts));
            }
        }
    }

    fn equality(&mut self) -> Result<Expr, Wrong> {
        self.compared(&[("eq", Compare::Eq), ("ne", Compare::Ne)], Self::relation)
    }

    fn relation(&mut self) -> Result<Expr, Wrong> {
        self.compared(&[("gt", Compare::Gt), ("ge", Compare::Ge), ("lt", Compare::Lt), ("le", Compare::Le)], Self::unary)
    }

    fn compared(&mut self, operators: &[(&str, Compare)], part: fn(&mut Self) -> Result<Expr, Wrong>) -> Result<Expr, Wrong> {
        let names: Vec<&str> = operators.iter().map(|(name, _)| *name).collect();
        let mut left = part(self)?;
        let mut steps = 0;
        loop {
            let at = self.at();
            let Some(which) = self.operator(&names) else { break };
            steps += 1;
            self.deeper(at)?;
            let right = part(self)?;
            let ordered = !matches!(operators[which].1, Compare::Eq | Compare::Ne);
            match (kind(&left), kind(&right)) {
                (Some(Type::Flag | Type::Guid), _) | (_, Some(Type::Flag | Type::Guid)) if ordered => {
                    return Err(Wrong::unfit(at, "only texts, numbers and datetimes are greater or less"));
                }
                (Some(a), Some(b)) if a != b => {
                    return Err(Wrong::unfit(at, format!("{} does not compare with {}", a.word(), b.word())));
                }
                _ => {}
            }
            left = Expr::Compare(operators[which].1, Box::new(left), Box::new(right));
        }
        self.depth -= steps;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Wrong> {
        let at = self.at();
        // A member may be called so only where nothing it could deny follows.
        if self.operator(&["not"]).is_none() {
            return self.primary();
        }
        self.deeper(at)?;
        let begin = self.at();
        let denied = self.unary().and_then(|expr| truth(expr, begin))?;
        self.depth -= 1;
        Ok(Expr::Not(Box::new(denied)))
    }

    fn primary(&mut self) -> Result<Expr, Wrong> {
        let at = self.at();
        let Some(token) = self.tokens.get(self.next) else {
            return Err(Wrong::unreadable(at, "the filter ends where a value should be"));
        };
        self.next += 1;
        match &token.word {
            Word::Literal(cell) => Ok(Expr::Literal(cell.clone())),
            Word::Open => {
                self.deeper(at)?;
                let inner = self.or()?;
                self.close(at)?;
                self.depth -= 1;
                Ok(inner)
            }
            Word::Name(name) if self.tokens.get(self.next).is_some_and(|token| token.word == Word::Open) => self.call(name, at),
            Word::Name(name) => match (self.members)(name) {
                Some((name, kind)) => Ok(Expr::Member(name, kind)),
                None => Err(Wrong::unfit(at, format!("`{name}` is nothing to filter this list by"))),
            },
            Word::Close | Word::Comma => Err(Wrong::unreadable(at, "a value should be here")),
        }
    }

    fn call(&mut self, name: &str, at: usize) -> Result<Expr, Wrong> {
        let (function, count) = match name.to_ascii_lowercase().as_str() {
            "substringof" => (Function::SubstringOf, 2),
            "startswith" => (Function::StartsWith, 2),
            "endswith" => (Function::EndsWith, 2),
            "tolower" => (Function::ToLower, 1),
            "toupper" => (Function::ToUpper, 1),
            _ => {
                return Err(Wrong::unfit(
                    at,
                    format!("`{name}` is no function: substringof, startswith, endswith, tolower or toupper"),
                ));
            }
        };
        let open = self.at();
        self.next += 1;
        self.deeper(at)?;
        let mut given = Vec::with_capacity(count);
        loop {
            let begin = self.at();
            let one = self.or()?;
            if let Some(kind) = kind(&one).filter(|kind| *kind != Type::Text) {
                return Err(Wrong::unfit(begin, format!("`{name}` takes text, not {}", kind.word())));
            }
            given.push(one);
            match self.tokens.get(self.next).map(|token| &token.word) {
                Some(Word::Comma) => self.next += 1,
                _ => break,
            }
        }
        self.close(open)?;
        self.depth -= 1;
        if given.len() != count {
            return Err(Wrong::unfit(at, format!("`{name}` takes {count}, not {}", given.len())));
        }
        Ok(Expr::Call(function, given))
    }

    fn close(&mut self, open: usize) -> Result<(), Wrong> {
        match self.tokens.get(self.next).map(|token| &token.word) {
            Some(Word::Close) => {
                self.next += 1;
                Ok(())
            }
            Some(_) => Err(Wrong::unreadable(self.at(), "a closing bracket or an operator should be here")),
            None => Err(Wrong::unreadable(open, "this bracket is not closed")),
        }
    }

    /// Deep filters are refused rather than followed until the stack ends.
    fn deeper(&mut self, at: usize) -> Result<(), Wrong> {
        self.depth += 1;
        if self.depth > DEPTH { Err(Wrong::unreadable(at, format!("the filter goes deeper than {DEPTH}"))) } else { Ok(()) }
    }
}
