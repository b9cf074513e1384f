//! Reading a specification.

use std::str::FromStr;
use std::time::Duration;

use axum::http::StatusCode;
use jiff::SignedDuration;

use super::{Answer, Delivery, Faults, Kind, Often, Rule, Spoil, When, Where};

const KINDS: &str = "429, throttle, 5NN-before, 5NN-after, 5NN-late, reset-before, reset-after, reset-late, html-before, html-after, \
                     redirect, slow, truncated, garbled, moved, rival, hook-twice, hook-late, hook-shuffled";
/// How late a late effect is when nothing else is said.
const LATE: SignedDuration = SignedDuration::from_secs(2);
/// How slow an answer is when nothing else is said.
const SLOW: SignedDuration = SignedDuration::from_secs(1);

impl FromStr for Faults {
    type Err = String;

    /// Reads what the module's documentation describes.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut faults = Self::default();
        let (mut seed, mut clock) = (None, None);
        for part in text.split(',').map(str::trim) {
            let wrong = |why: String| format!("`{part}`: {why}");
            let once = |there: bool, name: &str| if there { Err(wrong(format!("{name} is given twice"))) } else { Ok(()) };
            if part.is_empty() {
                return Err("a rule is empty: write rules with one comma between them, e.g. `429=5%, reset-after=1%`".to_owned());
            } else if let Some(number) = setting(part, "seed") {
                once(seed.is_some(), "the seed")?;
                seed = Some(number.parse().map_err(|_| wrong(format!("`{number}` is no seed: give a whole number from 0")))?);
            } else if let Some(offset) = setting(part, "clock") {
                once(clock.is_some(), "the clock")?;
                clock = Some(offset_of(offset).map_err(wrong)?);
            } else {
                faults.rules.push(rule(part).map_err(wrong)?);
            }
        }
        faults.seed = seed.unwrap_or_default();
        faults.clock = clock.unwrap_or_default();
        Ok(faults)
    }
}

fn setting<'a>(part: &'a str, name: &str) -> Option<&'a str> {
    Some(part.strip_prefix(name)?.trim_start().strip_prefix('=')?.trim())
}

fn offset_of(text: &str) -> Result<SignedDuration, String> {
    let (back, length) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(length), _) => (false, length),
        (_, Some(length)) => (true, length),
        _ => return Err("say whether the clock is ahead or behind: `clock=+90s` or `clock=-90s`".to_owned()),
    };
    let length = duration(length)?;
    Ok(if back { -length } else { length })
}

fn rule(part: &str) -> Result<Rule, String> {
    let (head, often) = match part.find(['=', '#']) {
        Some(at) => (part[..at].trim(), often(&part[at..])?),
        None => (part, Often::Always),
    };
    let (name, at) = match head.split_once('@') {
        Some((name, at)) => (name.trim(), place(at.trim())?),
        None => (head, Where::default()),
    };
    let (word, argument) = match name.split_once(':') {
        Some((word, argument)) => (word.trim(), Some(argument.trim())),
        None => (name, None),
    };
    let kind = kind(word, argument)?;
    if kind == Kind::Moved && !(at.methods.is_empty() || at.methods.iter().any(|method| method == "GET")) {
        return Err("records move for who reads: a `moved` rule is about GET".to_owned());
    }
    if matches!(kind, Kind::Delivered(_)) && at != Where::default() {
        return Err("a webhook goes where it is told: its rule names no method and no path".to_owned());
    }
    Ok(Rule { name: name.to_owned(), kind, at, often })
}

fn often(text: &str) -> Result<Often, String> {
    let (sign, text) = (text.as_bytes()[0], text[1..].trim());
    if sign == b'#' {
        let number = |text: &str| text.trim().parse::<u64>().ok().filter(|n| *n > 0);
        let calls = match text.split_once('-') {
            None => number(text).map(|n| (n, n)),
            Some((from, to)) if to.trim().is_empty() => number(from).map(|from| (from, u64::MAX)),
            Some((from, to)) => number(from).zip(number(to)).filter(|(from, to)| from <= to),
        };
        let (from, to) = calls.ok_or_else(|| format!("`#{text}` names no requests: write `#3`, `#3-5` or `#3-`"))?;
        return Ok(Often::Calls(from, to));
    }
    if let Some(percent) = text.strip_suffix('%') {
        let percent = percent.trim().parse::<f64>().ok().filter(|percent| *percent > 0.0 && *percent <= 100.0);
        let percent = percent.ok_or_else(|| format!("`{text}` is no share: write a number above 0 and up to 100 before the `%`"))?;
        // A million is 100 per cent; whoever asks for less than one in a million gets one in a million.
        return Ok(Often::Chance(((percent * 10_000.0).round() as u32).max(1)));
    }
    match duration(text) {
        Ok(time) if time.is_zero() => Err("`=0s` is no time: leave it out for every request".to_owned()),
        Ok(time) => Ok(Often::Every(time)),
        Err(_) => Err(format!("`={text}` does not say how often: write `=5%`, `=90s` for one every 90 seconds, or `#3` for the third")),
    }
}

fn place(text: &str) -> Result<Where, String> {
    let (methods, path) = match text.split_once(char::is_whitespace) {
        Some((methods, path)) => (methods, Some(path.trim())),
        None if text.starts_with('/') => ("", Some(text)),
        None => (text, None),
    };
    let methods: Vec<String> = methods.split('|').filter(|method| !method.is_empty()).map(str::to_ascii_uppercase).collect();
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    if let Some(unknown) = methods.iter().find(|method| !known.contains(&method.as_str())) {
        return Err(format!("`{unknown}` is no method; write `@POST`, `@POST|PUT /users` or `@/users/*`"));
    }
    let path = match path {
        Some(path) if !path.starts_with('/') => return Err(format!("`{path}` is no path: it begins with `/`")),
        Some(path) => Some(path.split('/').filter(|segment| !segment.is_empty()).map(str::to_lowercase).collect::<Vec<_>>())
            .filter(|p| !p.is_empty()),
        None => None,
    };
    if methods.is_empty() && path.is_none() {
        return Err("nothing follows the `@`: write `@POST`, `@POST /users` or `@/users/*`".to_owned());
    }
    Ok(Where { methods, path })
}

fn kind(word: &str, argument: Option<&str>) -> Result<Kind, String> {
    let none = |kind| match argument {
        None => Ok(kind),
        Some(argument) => Err(format!("`{word}` takes no argument, and `:{argument}` is one")),
    };
    let or = |default: SignedDuration| argument.map_or(Ok(default), duration);
    let retry_after = || match argument.map(duration).transpose()? {
        Some(time) if time.subsec_nanos() != 0 => Err("Retry-After is in whole seconds, e.g. `:5s`".to_owned()),
        time => Ok(time.map(|time| time.as_secs().unsigned_abs())),
    };
    let status = |text: &str| text.parse().ok().and_then(|number| StatusCode::from_u16(number).ok());
    Ok(match word {
        "429" => Kind::Instead(Answer::Status(StatusCode::TOO_MANY_REQUESTS, retry_after()?), When::Before),
        "throttle" => Kind::Instead(Answer::Throttled(retry_after()?), When::Before),
        "redirect" => match argument {
            None | Some("other") => Kind::Instead(Answer::Redirect { same: false }, When::Before),
            Some("same") => Kind::Instead(Answer::Redirect { same: true }, When::Before),
            Some(other) => return Err(format!("a redirect goes to the `same` host or to an `other` one, not to `{other}`")),
        },
        "slow" => Kind::Slow(Duration::from_millis(u64::try_from(or(SLOW)?.as_millis()).unwrap_or(u64::MAX))),
        "truncated" => none(Kind::Spoiled(Spoil::Truncated))?,
        "garbled" => none(Kind::Spoiled(Spoil::Garbled))?,
        "moved" => none(Kind::Moved)?,
        "rival" => none(Kind::Rival)?,
        "hook-twice" => none(Kind::Delivered(Delivery::Twice))?,
        "hook-late" => {
            let late = u64::try_from(or(SLOW)?.as_millis()).unwrap_or(u64::MAX);
            Kind::Delivered(Delivery::Late(Duration::from_millis(late)))
        }
        "hook-shuffled" => none(Kind::Delivered(Delivery::Shuffled))?,
        _ => {
            let unknown = || format!("there is no fault `{word}`; there are {KINDS}");
            let (answer, when) = word.rsplit_once('-').ok_or_else(unknown)?;
            match (answer, when) {
                ("html", "before" | "after") => {
                    let shown = argument.map_or(Some(StatusCode::OK), status).filter(|status| !status.is_informational());
                    let shown = shown.ok_or_else(|| format!("`{}` is no status", argument.unwrap_or_default()))?;
                    Kind::Instead(Answer::Html(shown), if when == "before" { When::Before } else { When::After })
                }
                ("reset", "before") => none(Kind::Instead(Answer::Reset, When::Before))?,
                ("reset", "after") => none(Kind::Instead(Answer::Reset, When::After))?,
                ("reset", "late") => Kind::Instead(Answer::Reset, When::Late(or(LATE)?)),
                (number, _) => {
                    let status = status(number).filter(StatusCode::is_server_error).ok_or_else(unknown)?;
                    match when {
                        "before" => Kind::Instead(Answer::Status(status, retry_after()?), When::Before),
                        "after" => none(Kind::Instead(Answer::Status(status, None), When::After))?,
                        "late" => Kind::Instead(Answer::Status(status, None), When::Late(or(LATE)?)),
                        _ => return Err(unknown()),
                    }
                }
            }
        }
    })
}

/// A whole number with its unit.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("`{text}` is no duration: write a whole number with ms, s, m or h, e.g. `300ms`");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let number: i64 = text[..digits].parse().map_err(|_| wrong())?;
    // A year is more than any of this is good for.
    let millis = number.checked_mul(unit).filter(|millis| *millis <= 366 * 24 * 3_600_000);
    millis.map(SignedDuration::from_millis).ok_or_else(|| format!("`{text}` is too long: give at most a year"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_is_read() {
        let text =
            "429:5s=5%, 500-after@POST /users#3, reset-late:2s@put|post=0.5%, html-after:502@/users/*, rival=90s, seed=7, clock=-90s";
        let faults: Faults = text.parse().unwrap();
        assert_eq!((faults.seed, faults.clock), (7, SignedDuration::from_secs(-90)));
        let [throttled, third, late, html, rival] = faults.rules.as_slice() else { panic!("{faults:?}") };
        assert_eq!(
            (throttled.kind, throttled.often, throttled.name.as_str()),
            (Kind::Instead(Answer::Status(StatusCode::TOO_MANY_REQUESTS, Some(5)), When::Before), Often::Chance(50_000), "429:5s")
        );
        assert_eq!((third.at.methods.as_slice(), third.often), (&["POST".to_owned()][..], Often::Calls(3, 3)));
        assert_eq!(third.at.path, Some(vec!["users".to_owned()]));
        assert_eq!(late.kind, Kind::Instead(Answer::Reset, When::Late(SignedDuration::from_secs(2))));
        assert_eq!((late.at.methods.len(), late.often), (2, Often::Chance(5000)));
        assert_eq!((html.kind, html.often), (Kind::Instead(Answer::Html(StatusCode::BAD_GATEWAY), When::After), Often::Always));
        assert_eq!((rival.kind, rival.often), (Kind::Rival, Often::Every(SignedDuration::from_secs(90))));
    }

    #[test]
    fn what_is_not_understood_is_said_with_its_place_and_a_way_on() {
        for (text, said) in [
            ("", "a rule is empty"),
            ("429=5%,,slow", "a rule is empty"),
            ("500-afer=2%", "`500-afer=2%`: there is no fault `500-afer`; there are 429,"),
            ("418-before", "there is no fault"),
            ("429=0%", "`0%` is no share"),
            ("429=101%", "`101%` is no share"),
            ("429=often", "write `=5%`"),
            ("429=0s", "is no time"),
            ("429#0", "write `#3`"),
            ("429#5-3", "write `#3`"),
            ("429@FETCH", "`FETCH` is no method"),
            ("429@POST users", "it begins with `/`"),
            ("429@", "nothing follows the `@`"),
            ("429:300ms", "whole seconds"),
            ("slow:fast", "`fast` is no duration"),
            ("slow:99999999999999999999s", "`99999999999999999999s` is no duration"),
            ("slow:99999h", "at most a year"),
            ("truncated:3", "takes no argument"),
            ("html-after:99", "`99` is no status"),
            ("redirect:there", "the `same` host"),
            ("moved@POST", "about GET"),
            ("hook-twice@POST=1%", "no method and no path"),
            ("hook-late:soon", "no duration"),
            ("hook-lost", "there is no fault"),
            ("clock=90s", "ahead or behind"),
            ("seed=x", "`x` is no seed"),
            ("seed=1,seed=2", "the seed is given twice"),
        ] {
            let error = text.parse::<Faults>().expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
