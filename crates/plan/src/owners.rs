//! Whose an account may be, by the match rules alone: whom an event is about that tells of an account nobody is linked to.

use std::collections::{BTreeSet, HashSet};

use model::{Account, AppName, Person, PersonKey, Standing};

use crate::Compiled;
use crate::expr::{Facts, Machine, Scope};
use crate::text::comparable;

impl Compiled {
    /// The people whose match rules in an app find one of these accounts, leavers too: whether they are right is for planning to say.
    pub fn owners<'p>(&self, app: &AppName, people: impl Iterator<Item = &'p Person>, accounts: &[&Account]) -> BTreeSet<PersonKey> {
        let Some(rules) = self.apps.get(app).filter(|_| !accounts.is_empty()) else { return BTreeSet::new() };
        let carried: Vec<HashSet<String>> = rules
            .matching
            .iter()
            .map(|rule| {
                let values = accounts.iter().filter_map(|account| account.attributes.get(rule.attribute.as_str()));
                values.filter_map(|value| comparable(value, rule.compare)).collect()
            })
            .collect();
        let machine = Machine::new();
        let found = people.filter(|person| {
            let facts = Facts { person, active: person.standing != Standing::Left, tenure_days: 0 };
            let scope = Scope::new(&machine, &rules.names, facts);
            rules.matching.iter().zip(&carried).any(|(rule, carried)| {
                let wanted = rule.value.text_of(&scope).ok().map(model::Value::text);
                wanted.and_then(|wanted| comparable(&wanted, rule.compare)).is_some_and(|wanted| carried.contains(&wanted))
            })
        });
        found.map(|person| person.key.clone()).collect()
    }
}
