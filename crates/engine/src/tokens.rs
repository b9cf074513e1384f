//! Tokens: made once and shown once, kept as hashes, held against what a request shows in constant time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use model::{Actor, Digest, Role, Secret, SourceName, Token, digest_of};

use crate::{Engine, EngineError};

/// What a token for a pushing source opens.
const SCIM: &str = "scim";
/// How every token begins, so that it is known for what it is wherever it turns up.
const MARK: &str = "pvt_";
/// Bytes of the public part.
const ID: usize = 6;
/// Bytes of the secret part.
const SECRET: usize = 32;
/// The last use is written down at most this often for each token (seconds).
const NOTED_EVERY: i64 = 60;

/// When tokens were used, until that is written down.
#[derive(Debug, Default)]
pub(crate) struct Uses(Mutex<BTreeMap<String, Use>>);

#[derive(Clone, Copy, Debug)]
struct Use {
    last: Timestamp,
    noted: Timestamp,
}

impl Engine {
    /// Makes a token with which a source may push.  The secret is here and nowhere else: it is shown once.
    ///
    /// # Errors
    /// [`EngineError::NotPushed`]; the store fails.
    pub async fn make_token(
        &self,
        source: &SourceName,
        lasts: Option<SignedDuration>,
        by: Actor,
    ) -> Result<(Token, Secret), EngineError> {
        if !self.pushed_sources().any(|name| name == source) {
            return Err(EngineError::NotPushed { source_name: source.clone(), known: self.pushed_sources().cloned().collect() });
        }
        self.new_token(SCIM, source.as_str(), None, lasts, by).await
    }

    /// Makes a token of any purpose.
    pub(crate) async fn new_token(
        &self,
        purpose: &str,
        subject: &str,
        role: Option<Role>,
        lasts: Option<SignedDuration>,
        by: Actor,
    ) -> Result<(Token, Secret), EngineError> {
        let made = self.ports.clock.now();
        let (id, secret) = (self.letters(ID), self.letters(SECRET));
        let text = format!("{MARK}{id}_{secret}");
        let expires = lasts.map(|lasts| made.checked_add(lasts).unwrap_or(Timestamp::MAX));
        let (purpose, subject, hash) = (purpose.to_owned(), subject.to_owned(), digest_of(&text).to_string());
        let token = Token { id, hash, purpose, subject, role, made, made_by: by, expires, used: None };
        self.store.put_token(&token).await?;
        Ok((token, Secret::new(text)))
    }

    /// The token that is shown, where it counts now; noted as used.
    pub(crate) async fn shown_token(&self, shown: &str) -> Result<Option<Token>, EngineError> {
        let Some(id) = public_part(shown) else { return Ok(None) };
        let Some(token) = self.store.token(id).await? else { return Ok(None) };
        let now = self.ports.clock.now();
        if !same(&token.hash, &digest_of(&shown)) || token.expires.is_some_and(|expires| expires <= now) {
            return Ok(None);
        }
        if self.uses.used(&token.id, token.used, now) {
            self.store.tokens_used(&[(token.id.clone(), now)]).await?;
        }
        Ok(Some(token))
    }

    /// Makes a token in the place of another, which goes on to count for as long as `overlap` says, so that nobody is locked out while the
    /// new one is put in place.
    ///
    /// # Errors
    /// As [`Engine::make_token`] and [`Engine::revoke_token`].
    pub async fn rotate_token(
        &self,
        id: &str,
        lasts: Option<SignedDuration>,
        overlap: SignedDuration,
        by: Actor,
    ) -> Result<(Token, Secret), EngineError> {
        let old = self.store.token(id).await?.ok_or_else(|| EngineError::NoSuchToken { id: id.to_owned() })?;
        let now = self.ports.clock.now();
        if old.expires.is_some_and(|expires| expires <= now) {
            return Err(EngineError::TokenEnded { id: id.to_owned(), subject: old.subject });
        }
        let made = match old.purpose.as_str() {
            SCIM => self.make_token(&SourceName::new(old.subject), lasts, by.clone()).await?,
            _ => self.new_token(&old.purpose, &old.subject, old.role, lasts, by.clone()).await?,
        };
        self.store.end_token(id, &by, now, now.checked_add(overlap).unwrap_or(Timestamp::MAX)).await?;
        Ok(made)
    }

    /// Ends a token now.
    ///
    /// # Errors
    /// [`EngineError::NoSuchToken`]; the store fails.
    pub async fn revoke_token(&self, id: &str, by: &Actor) -> Result<Token, EngineError> {
        if self.store.token(id).await?.is_none() {
            return Err(EngineError::NoSuchToken { id: id.to_owned() });
        }
        let now = self.ports.clock.now();
        Ok(self.store.end_token(id, by, now, now).await?)
    }

    /// All tokens, the oldest first.
    ///
    /// # Errors
    /// The store fails.
    pub async fn tokens(&self) -> Result<Vec<Token>, EngineError> {
        Ok(self.store.tokens().await?)
    }

    /// Which source a request pushes for, by the token that it shows; none where that opens nothing (any more), or the source is none that
    /// is pushed.
    ///
    /// # Errors
    /// The store fails.
    pub async fn let_in(&self, shown: &str) -> Result<Option<SourceName>, EngineError> {
        let token = self.shown_token(shown).await?.filter(|token| token.purpose == SCIM);
        let source = token.map(|token| SourceName::new(token.subject));
        Ok(source.filter(|source| self.pushed_sources().any(|name| name == source)))
    }

    /// Writes down when tokens were last used, where that is not done yet: before a server ends.
    ///
    /// # Errors
    /// The store fails.
    pub async fn note_tokens(&self) -> Result<(), EngineError> {
        Ok(self.store.tokens_used(&self.uses.take()).await?)
    }

    /// Something that nobody guesses, good for one use: 64 hexadecimal digits.
    pub fn new_secret(&self) -> Secret {
        Secret::new(self.letters(SECRET))
    }

    fn letters(&self, bytes: usize) -> String {
        let mut drawn = vec![0; bytes];
        self.ports.random.fill(&mut drawn);
        drawn.iter().fold(String::with_capacity(2 * bytes), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a text can be written to");
            text
        })
    }
}

impl Uses {
    /// Notes a use; whether it is time to write it down.
    fn used(&self, id: &str, kept: Option<Timestamp>, now: Timestamp) -> bool {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = Use { last: now, noted: kept.unwrap_or(Timestamp::MIN) };
        let one = uses.entry(id.to_owned()).or_insert(begin);
        one.last = one.last.max(now);
        let due = now.as_second().saturating_sub(one.noted.as_second()) >= NOTED_EVERY;
        if due {
            one.noted = now;
        }
        due
    }

    /// What is not written down.
    fn take(&self) -> Vec<(String, Timestamp)> {
        let uses = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        uses.into_iter().filter(|(_, one)| one.last > one.noted).map(|(id, one)| (id, one.last)).collect()
    }
}

/// The public part of what is shown as a token.
pub(crate) fn public_part(shown: &str) -> Option<&str> {
    shown.strip_prefix(MARK)?.split_once('_').map(|(id, _)| id)
}

/// Whether a kept hash is this one; takes as long wherever they differ.
fn same(kept: &str, shown: &Digest) -> bool {
    let shown = shown.to_string();
    kept.len() == shown.len() && kept.bytes().zip(shown.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_same_or_not() {
        let hash = digest_of(&"pvt_a_b");
        assert!(same(&hash.to_string(), &hash));
        let mut other = hash.to_string();
        other.replace_range(63.., if other.ends_with('0') { "1" } else { "0" });
        assert!(!same(&other, &hash) && !same("", &hash) && !same(&hash.to_string()[..63], &hash));
    }

    #[test]
    fn a_use_is_written_down_once_a_minute_and_at_the_end() {
        let (uses, at) = (Uses::default(), |second: i64| Timestamp::from_second(1_700_000_000 + second).unwrap());
        assert!(uses.used("a", None, at(0)), "the first at once");
        assert!(!uses.used("a", None, at(59)));
        assert!(uses.used("a", None, at(60)));
        assert!(!uses.used("a", None, at(70)));
        assert!(!uses.used("b", Some(at(70)), at(71)), "another process wrote it down just now");
        assert_eq!(uses.take(), [("a".to_owned(), at(70)), ("b".to_owned(), at(71))]);
        assert_eq!(uses.take(), []);
    }
}
