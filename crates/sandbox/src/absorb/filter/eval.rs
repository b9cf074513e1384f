//! Whether a row passes a filter.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Cell, Compare, Expr, Function, Type};
use crate::absorb::wire::fold;

type Row<'a, 'r> = &'a dyn Fn(&str, Type) -> Cell<'r>;

/// The expression as true or false; nothing is false.
pub(super) fn truth<'r>(expr: &'r Expr, row: Row<'_, 'r>) -> bool {
    matches!(value(expr, row), Cell::Flag(true))
}

fn value<'r>(expr: &'r Expr, row: Row<'_, 'r>) -> Cell<'r> {
    match expr {
        Expr::Literal(cell) => match cell {
            Cell::Text(text) => Cell::Text(Cow::Borrowed(text)),
            other => other.clone(),
        },
        Expr::Member(name, kind) => row(name, *kind),
        Expr::Not(inner) => Cell::Flag(!truth(inner, row)),
        Expr::And(parts) => Cell::Flag(parts.iter().all(|part| truth(part, row))),
        Expr::Or(parts) => Cell::Flag(parts.iter().any(|part| truth(part, row))),
        Expr::Compare(how, left, right) => Cell::Flag(compare(*how, &value(left, row), &value(right, row))),
        Expr::Call(function, given) => call(*function, given, row),
    }
}

fn compare(how: Compare, left: &Cell<'_>, right: &Cell<'_>) -> bool {
    let order = match (left, right) {
        (Cell::Nothing, Cell::Nothing) => return matches!(how, Compare::Eq),
        (Cell::Nothing, _) | (_, Cell::Nothing) => return matches!(how, Compare::Ne),
        (Cell::Text(a), Cell::Text(b)) => fold(a).cmp(&fold(b)),
        (Cell::Number(a), Cell::Number(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (Cell::Flag(a), Cell::Flag(b)) => a.cmp(b),
        (Cell::Guid(a), Cell::Guid(b)) => a.cmp(b),
        (Cell::Time(a), Cell::Time(b)) => a.cmp(b),
        // The parser lets only like compare with like.
        _ => return false,
    };
    match how {
        Compare::Eq => order.is_eq(),
        Compare::Ne => order.is_ne(),
        Compare::Gt => order.is_gt(),
        Compare::Ge => order.is_ge(),
        Compare::Lt => order.is_lt(),
        Compare::Le => order.is_le(),
    }
}

fn call<'r>(function: Function, given: &'r [Expr], row: Row<'_, 'r>) -> Cell<'r> {
    let text = |at: usize| match given.get(at).map(|expr| value(expr, row)) {
        Some(Cell::Text(text)) => Some(text),
        _ => None,
    };
    let both = || Some((fold(&text(0)?), fold(&text(1)?)));
    match function {
        Function::ToLower => text(0).map_or(Cell::Nothing, |text| Cell::Text(text.to_lowercase().into())),
        Function::ToUpper => text(0).map_or(Cell::Nothing, |text| Cell::Text(text.to_uppercase().into())),
        Function::SubstringOf => Cell::Flag(both().is_some_and(|(part, whole)| whole.contains(&part))),
        Function::StartsWith => Cell::Flag(both().is_some_and(|(whole, part)| whole.starts_with(&part))),
        Function::EndsWith => Cell::Flag(both().is_some_and(|(whole, part)| whole.ends_with(&part))),
    }
}
