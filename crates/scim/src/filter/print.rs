//! Filters as text: operators in lower case, names as the schemas spell them, brackets only where they are needed.

use std::fmt;

use super::{Comparison, ElementFilter, Filter, Node, Operand, Operator};

impl Operator {
    /// As it stands in a filter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    /// The operator of this name, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Eq, Self::Ne, Self::Co, Self::Sw, Self::Ew, Self::Gt, Self::Ge, Self::Lt, Self::Le];
        all.into_iter().find(|operator| operator.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => to.write_str("null"),
            Self::Boolean(value) => write!(to, "{value}"),
            Self::Number(value) => write!(to, "{value}"),
            Self::Instant { text, .. } | Self::Text { text, .. } => {
                write!(to, "{}", serde_json::Value::String(text.clone()))
            }
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Or(any) => joined(to, any, " or ", |node| matches!(node, Self::Or(_))),
            Self::And(all) => joined(to, all, " and ", |node| matches!(node, Self::And(_) | Self::Or(_))),
            Self::Not(one) => write!(to, "not ({one})"),
            Self::Present(path) => write!(to, "{path} pr"),
            Self::Compare(Comparison { path, operator, operand }) => write!(to, "{path} {} {operand}", operator.as_str()),
            Self::Any(path, node) => write!(to, "{path}[{node}]"),
        }
    }
}

fn joined(to: &mut fmt::Formatter<'_>, nodes: &[Node], word: &str, bracketed: impl Fn(&Node) -> bool) -> fmt::Result {
    for (at, node) in nodes.iter().enumerate() {
        if at > 0 {
            to.write_str(word)?;
        }
        if bracketed(node) { write!(to, "({node})")? } else { write!(to, "{node}")? }
    }
    Ok(())
}

impl fmt::Display for Filter {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(to)
    }
}

impl fmt::Display for ElementFilter {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(to)
    }
}
