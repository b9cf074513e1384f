//! What stands in a cell.

use jiff::civil::Date;
use model::{SourcePolicy, SourceRole, Standing};

/// How dates with the year at their end are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// Day, month, year.
    DayFirst,
    /// Month, day, year.
    MonthFirst,
}

/// A cell's error: what is wrong, and what to do.
type CellError = (String, &'static str);

const ACTIVE_WORDS: &[&str] = &["active", "leave", "on leave", "paid leave", "unpaid leave", "leave of absence", "employed", "current"];
const LEFT_WORDS: &[&str] = &["terminated", "inactive", "left", "former", "retired", "deceased", "resigned"];

/// Of identity providers: whoever can log in, or could after a new password.  Whoever never could yet is not active.
const IDP_ACTIVE: &[&str] =
    &["active", "enabled", "true", "yes", "1", "password expired", "password_expired", "locked out", "locked_out", "recovery"];
const IDP_LEFT: &[&str] =
    &["inactive", "disabled", "false", "no", "0", "suspended", "deprovisioned", "deactivated", "deleted", "staged", "provisioned"];

/// The cell without space around it (no-break space too); inner runs of white space become one space.
pub(super) fn clean(cell: &str) -> String {
    cell.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The standing that a status word means.
pub(super) fn standing(word: &str, policy: &SourcePolicy) -> Result<Standing, CellError> {
    let lower = word.to_lowercase();
    let configured = !policy.active_words.is_empty() || !policy.left_words.is_empty();
    let among = |words: &std::collections::BTreeSet<String>, defaults: &[&str]| {
        if configured { words.iter().any(|known| known.to_lowercase() == lower) } else { defaults.contains(&lower.as_str()) }
    };
    let (active, left) = if policy.role == SourceRole::Idp { (IDP_ACTIVE, IDP_LEFT) } else { (ACTIVE_WORDS, LEFT_WORDS) };
    match (among(&policy.active_words, active), among(&policy.left_words, left)) {
        (true, false) => Ok(Standing::Active),
        (false, true) => Ok(Standing::Left),
        _ if word.is_empty() => Err(("the status is blank".into(), "fill it in at the source")),
        _ => Err((format!("the status \"{word}\" is not known"), "add the word to `active` or `left` under `[source.*.status]`")),
    }
}

/// A day, or none for a blank cell.  Year first is always understood; year last only when configured, because 03/04 is two days.
pub(super) fn date(cell: &str, order: Option<DateOrder>) -> Result<Option<Date>, CellError> {
    if cell.is_empty() {
        return Ok(None);
    }
    let day = cell.split([' ', 'T']).next().unwrap_or(cell);
    let bad = || (format!("\"{cell}\" is no day that can be read"), "write dates as YYYY-MM-DD");
    let parts: Vec<&str> = if day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) {
        vec![&day[..4], &day[4..6], &day[6..]]
    } else {
        day.split(['-', '/', '.']).collect()
    };
    let numbers: Vec<i16> = parts.iter().map(|part| part.parse().map_err(|_| bad())).collect::<Result<_, _>>()?;
    let [first, second, third] = numbers[..] else { return Err(bad()) };
    let (year, month, day) = match (parts[0].len(), parts[2].len(), order) {
        (4, _, _) => (first, second, third),
        (_, 4, Some(DateOrder::DayFirst)) => (third, second, first),
        (_, 4, Some(DateOrder::MonthFirst)) => (third, first, second),
        (_, 4, None) => {
            return Err((
                format!("\"{cell}\" can be read two ways"),
                "set `dates = \"mdy\"` or `dates = \"dmy\"` in the source's block",
            ));
        }
        _ => return Err(bad()),
    };
    let small = |number: i16| i8::try_from(number).map_err(|_| bad());
    Date::new(year, small(month)?, small(day)?).map(Some).map_err(|_| bad())
}
