//! A random policy, as a configuration's text.

use crate::chance::Chance;
use crate::company::DEPARTMENTS;
use crate::rig::known_text;

/// What a story's policy says, beside its text.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) text: String,
    /// Departments in which nobody should have a Lessonly account.
    pub(crate) outside: Vec<&'static str>,
    pub(crate) absent_leaves: bool,
    /// Groups that are there at Lessonly at first.
    pub(crate) groups: Vec<String>,
}

impl Policy {
    pub(crate) fn new(chance: &Chance, profile: &str) -> Self {
        let mut more = String::new();
        for guard in ["access_lost", "record_changed", "role_raised"] {
            if chance.in_thousand(250) {
                let (exempt, max) = (chance.below(4), chance.below(8));
                more.push_str(&format!("[guard.{guard}]\nexempt = {exempt}\nmax = {max}\nwindow = \"24h\"\n"));
            }
        }
        let mut text = known_text(&more);
        let mut change = |from: &str, to: &str| {
            assert!(text.contains(from), "the configuration has no {from:?}");
            text = text.replace(from, to);
        };
        let outside = if chance.in_thousand(300) { vec![*chance.pick(&DEPARTMENTS[3..])] } else { Vec::new() };
        if let Some(department) = outside.first() {
            let who = format!("[app.lessonly.accounts]\nwho = 'person.active && person.department != \"{department}\"'");
            change("[app.lessonly.accounts]\nwho = 'person.active'", &who);
        }
        let absent_leaves = chance.in_thousand(250);
        if absent_leaves {
            change("key = \"employee_id\"", "key = \"employee_id\"\nabsent = \"leave\"\nshrink = { max = 100, percent = 100 }");
        }
        change("adopt = \"approve\"", &format!("adopt = \"{}\"", chance.pick(&["approve", "link", "never"])));
        let mut groups: Vec<String> = ["Sales", "Development", "Customer Service"].map(str::to_owned).into();
        if chance.in_thousand(300) {
            change("member = ['person.department']", "member = ['person.department']\ncreate = true");
            groups.truncate(chance.below(4));
        }
        groups.push("Book Club".to_owned());
        if chance.in_thousand(200) {
            change("department = 'person.department'\nrole = ", "role = ");
        }
        if chance.in_thousand(200) {
            change("supervisor = 'person.manager'\n", "");
        }
        if chance.in_thousand(300) {
            change("when = 'person.tenure_days < 90'", "when = 'person.tenure_days < 400 && person.department != \"Legal\"'");
        }
        for app in ["lessonly", "absorb"] {
            if chance.in_thousand(500) {
                change(&format!("connector = \"{app}\""), &format!("connector = \"{app}\"\nprofile = \"{profile}\""));
            }
        }
        Self { text, outside, absent_leaves, groups }
    }
}
