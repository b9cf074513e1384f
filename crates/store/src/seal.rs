//! Sealing: what must never be stored in clear (P11).

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, Generate, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use model::{Digest, Secret, digest_of};

use crate::StoreError;

/// The length of the nonce that goes before what is sealed.  XChaCha20's are long enough to be drawn at random for ever.
const NONCE: usize = 24;

/// The key that stored secrets are sealed with; it does not print.
#[derive(Clone)]
pub struct SealKey {
    cipher: Arc<XChaCha20Poly1305>,
    /// What marks are made with: known to whoever has the key.
    salt: Digest,
}

impl SealKey {
    /// Takes the 32 bytes of the key.
    pub fn new(bytes: [u8; 32]) -> Self {
        let salt = digest_of(&("provost: marks of what is not kept", Digest::new(bytes)));
        Self { cipher: Arc::new(XChaCha20Poly1305::new(&bytes.into())), salt }
    }

    /// A mark of something that is not kept itself: the same for the same, and telling nothing to who has not the key.
    pub(crate) fn mark(&self, of: &Digest) -> Digest {
        digest_of(&(&self.salt, of))
    }

    /// Seals a secret under the name of its row, so that it opens nowhere else.
    pub(crate) fn seal(&self, name: &str, secret: &Secret) -> Result<Vec<u8>, StoreError> {
        let failed = |why: &dyn fmt::Display| StoreError::Failed { why: format!("sealing: {why}") };
        let nonce = XNonce::try_generate().map_err(|error| failed(&error))?;
        let payload = Payload { msg: secret.expose().as_bytes(), aad: name.as_bytes() };
        let sealed = self.cipher.encrypt(&nonce, payload).map_err(|error| failed(&error))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed under that name with this key.
    pub(crate) fn open(&self, name: &str, sealed: &[u8]) -> Result<Secret, StoreError> {
        let wrong = || StoreError::WrongKey { name: name.to_owned() };
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or_else(wrong)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| wrong())?;
        let opened = self.cipher.decrypt(&nonce, Payload { msg: sealed, aad: name.as_bytes() }).map_err(|_| wrong())?;
        String::from_utf8(opened).map(Secret::new).map_err(|_| wrong())
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_under_its_name_and_key_and_unchanged() {
        let key = SealKey::new([7; 32]);
        let mut sealed = key.seal("session/academy", &Secret::new("token-1")).unwrap();
        assert_eq!(key.open("session/academy", &sealed).unwrap().expose(), "token-1");
        assert_ne!(sealed, key.seal("session/academy", &Secret::new("token-1")).unwrap(), "a fresh nonce each time");
        assert!(!sealed.windows(7).any(|window| window == b"token-1"));
        assert!(matches!(key.open("session/other", &sealed), Err(StoreError::WrongKey { .. })));
        assert!(matches!(SealKey::new([8; 32]).open("session/academy", &sealed), Err(StoreError::WrongKey { .. })));
        *sealed.last_mut().unwrap() ^= 1;
        assert!(matches!(key.open("session/academy", &sealed), Err(StoreError::WrongKey { .. })));
        assert!(matches!(key.open("session/academy", b"short"), Err(StoreError::WrongKey { .. })));
        assert_eq!(format!("{key:?}"), "SealKey(…)");
    }
}
