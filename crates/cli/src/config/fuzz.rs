//! Configurations that nobody meant: each is read, or refused with its places.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::Config;
use super::section::seconds;

/// What `init` writes, and the demonstration's: every block there is.
const WRITTEN: &[&str] = &[
    include_str!("../commands/init/sandbox.toml"),
    include_str!("../commands/init/live.toml"),
    include_str!("../../demo/provost.toml"),
];

/// Values that stand where others should.
const STRANGE: &[&str] = &[
    "",
    "\"\"",
    "0",
    "-1",
    "1e400",
    "99999999999999999999",
    "[]",
    "{}",
    "[[[]]]",
    "true",
    "nan",
    "1979-05-27T07:32:00-99:99",
    "\"\\u0000\"",
    "\"é🦀\u{202e}\"",
    "'''\n'''",
    "\"99999999999w\"",
    "\"/\\\\\"",
    "{ env = 7 }",
    "{ value = 'person.', lower = [] }",
    "\"a == b == c\"",
    "\"==\"",
    "\"100%\"",
    "\"1e9%\"",
    "\"-5%\"",
    "'person.active ? person.x : [1].map(y, y)'",
    "\"America/Nowhere\"",
    "\"sandbox:\"",
    "\"http://[::\"",
];

fn load(text: &str) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("provost.toml");
    std::fs::write(&path, text).expect("a file");
    if let Err(failure) = Config::load(Some(&path)) {
        let told = format!("{failure:?}");
        assert!(!told.is_empty());
        // As it is shown, with the lines that it points at.
        let face = crate::faces::Face::new(crate::faces::Format::Json, true);
        assert!(face.failure_text(&failure).contains("what"), "{told}");
        let face = crate::faces::Face::new(crate::faces::Format::Text, true);
        assert!(face.failure_text(&failure).contains('\n'), "{told}");
    }
}

/// More cases in a soak (`cargo xtask soak fuzz`).
fn cases(few: u32) -> ProptestConfig {
    let times = std::env::var("PROVOST_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    ProptestConfig { cases: few.saturating_mul(times), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn a_value_of_another_kind_is_refused_with_its_place(text in select(WRITTEN), line in any::<Index>(), strange in select(STRANGE)) {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let with_values: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].contains(" = ")).collect();
        let at = with_values[line.index(with_values.len())];
        let name = lines[at].split(" = ").next().unwrap_or_default().trim_start_matches("# ").to_owned();
        lines[at] = format!("{name} = {strange}");
        load(&lines.join("\n"));
    }

    #[test]
    fn a_damaged_configuration_is_read_or_refused(text in select(WRITTEN), at in any::<Index>(), with in any::<char>(), cut in any::<bool>()) {
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.index(chars.len());
        if cut { chars.truncate(at) } else { chars[at] = with }
        load(&chars.into_iter().collect::<String>());
    }

    #[test]
    fn a_line_left_out_or_said_twice_is_read_or_refused(text in select(WRITTEN), at in any::<Index>(), twice in any::<bool>()) {
        let mut lines: Vec<&str> = text.lines().collect();
        let at = at.index(lines.len());
        if twice { lines.insert(at, lines[at]) } else { lines.remove(at); }
        load(&lines.join("\n"));
    }

    #[test]
    fn a_length_of_time_is_read_or_not(text in prop_oneof![".{0,12}", "[0-9]{0,24}[smhdwé]{0,2}"]) {
        prop_assert!(seconds(&text).is_none_or(|seconds| seconds >= 0));
    }
}

/// Depth is refused, not followed until the stack ends.
#[test]
fn deep_configurations_are_refused() {
    for n in [50, 5_000, 100_000] {
        load(&format!("a = {}{}", "[".repeat(n), "]".repeat(n)));
        load(&format!("a = {}1{}", "{ a = ".repeat(n), " }".repeat(n)));
        load(&format!("{}a = 1", "a.".repeat(n)));
        load(&format!("[{}a]\n", "a.".repeat(n)));
        load(&WRITTEN[2].replace("'person.active'", &format!("'{}person.active{}'", "(".repeat(n), ")".repeat(n))));
    }
}
