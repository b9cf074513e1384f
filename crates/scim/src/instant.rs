//! Points in time as SCIM writes them (`xsd:dateTime`, RFC 7643, section 2.3.5).

/// A point in time, to the nanosecond; compares as an instant, whatever zone it was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant {
    seconds: i64,
    nanos: u32,
}

impl Instant {
    /// Reads `2011-05-13T04:42:34Z`, with or without a fraction and an offset; without an offset it is UTC.
    /// `None` when it is no such text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |from: usize, to: usize| -> Option<i64> {
            let part = bytes.get(from..to)?;
            part.iter().try_fold(0, |sum: i64, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
        };
        let is = |at: usize, wanted: u8| bytes.get(at).is_some_and(|byte| byte.eq_ignore_ascii_case(&wanted));
        let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
        let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
        if !(is(4, b'-') && is(7, b'-') && is(10, b'T') && is(13, b':') && is(16, b':')) {
            return None;
        }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        if !(1..=last).contains(&day) || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let mut at = 19;
        let mut nanos = 0;
        if is(at, b'.') {
            at += 1;
            let from = at;
            let mut unit = 100_000_000;
            while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
                nanos += u32::from(digit - b'0') * unit;
                unit /= 10;
                at += 1;
            }
            if at == from {
                return None;
            }
        }
        let offset = if at == bytes.len() || is(at, b'Z') && at + 1 == bytes.len() {
            0
        } else {
            let sign = if is(at, b'+') {
                1
            } else if is(at, b'-') {
                -1
            } else {
                return None;
            };
            let (hours, minutes) = (digits(at + 1, at + 3)?, digits(at + 4, at + 6)?);
            if !is(at + 3, b':') || at + 6 != bytes.len() || hours > 14 || minutes > 59 {
                return None;
            }
            sign * (hours * 3600 + minutes * 60)
        };
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset;
        Some(Self { seconds, nanos })
    }

    pub(crate) fn from_parts(seconds: i64, nanos: u32) -> Self {
        Self { seconds, nanos }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// The part of a second beyond [`seconds`](Self::seconds).
    pub fn nanos(self) -> u32 {
        self.nanos
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar (a year that begins in March makes leap days last).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::Instant;

    #[test]
    fn instants_compare_across_zones() {
        let seconds = |text| Instant::parse(text).map(Instant::seconds);
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-03-01T00:00:00"), Some(951_868_800));
        assert_eq!(seconds("2011-05-13T04:42:34Z"), seconds("2011-05-13T06:42:34+02:00"));
        assert_eq!(seconds("1969-12-31T19:00:00-05:00"), Some(0));
        assert!(Instant::parse("2011-05-13T04:42:34.5Z") > Instant::parse("2011-05-13T04:42:34.49Z"));
        assert_eq!(Instant::parse("2011-05-13T04:42:34.1234567891234Z").unwrap().nanos(), 123_456_789);
    }

    #[test]
    fn what_is_no_date_and_time_is_none() {
        for text in [
            "",
            "2011-05-13",
            "2011-02-29T00:00:00Z",
            "2011-13-01T00:00:00Z",
            "2011-05-13T24:00:00Z",
            "2011-05-13T04:42:34.Z",
            "2011-05-13T04:42:34+2:00",
            "2011-05-13T04:42:34+02:00x",
            "2011-05-13 04:42:34Z",
            "２011-05-13T04:42:34Z",
            "2011-05-13T04:42:34Zé",
        ] {
            assert_eq!(Instant::parse(text), None, "{text}");
        }
    }
}
