//! What a step does to a human, in two bytes: there are millions of steps.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Effect;

/// A set of effects, in their order; JSON is a list of their words.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effects(u16);

impl Effects {
    /// None.
    pub fn new() -> Self {
        Self(0)
    }

    /// Adds one; whether it was not there yet.
    pub fn insert(&mut self, effect: Effect) -> bool {
        let new = !self.contains(&effect);
        self.0 |= bit(effect);
        new
    }

    /// Whether it is there.
    pub fn contains(&self, effect: &Effect) -> bool {
        self.0 & bit(*effect) != 0
    }

    /// They, in order.
    pub fn iter(self) -> impl Iterator<Item = &'static Effect> {
        Effect::ALL.iter().filter(move |effect| self.contains(effect))
    }

    /// How many.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

fn bit(effect: Effect) -> u16 {
    1 << effect as u16
}

impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Extend<Effect> for Effects {
    fn extend<I: IntoIterator<Item = Effect>>(&mut self, effects: I) {
        effects.into_iter().for_each(|effect| self.0 |= bit(effect));
    }
}

impl FromIterator<Effect> for Effects {
    fn from_iter<I: IntoIterator<Item = Effect>>(effects: I) -> Self {
        let mut all = Self::new();
        all.extend(effects);
        all
    }
}

impl<const N: usize> From<[Effect; N]> for Effects {
    fn from(effects: [Effect; N]) -> Self {
        effects.into_iter().collect()
    }
}

impl std::ops::BitOrAssign for Effects {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl Serialize for Effects {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Effects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Effect>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_set_in_order_that_survives_json() {
        assert!(Effect::ALL.is_sorted() && Effect::ALL.iter().enumerate().all(|(at, effect)| *effect as usize == at));
        let mut effects: Effects = [Effect::StructureCreated, Effect::AccessGiven].into();
        assert!(effects.insert(Effect::Notified) && !effects.insert(Effect::AccessGiven));
        assert!(effects.contains(&Effect::Notified) && !effects.contains(&Effect::AccessLost));
        let json = serde_json::to_string(&effects).unwrap();
        assert_eq!(json, r#"["access_given","notified","structure_created"]"#);
        assert_eq!(serde_json::from_str::<Effects>(&json).unwrap(), effects);
        assert_eq!((effects.len(), effects.is_empty(), Effects::new().iter().count()), (3, false, 0));
    }
}
