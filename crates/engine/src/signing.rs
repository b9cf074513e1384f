//! Keys and signatures: OpenSSH's, so that `ssh-keygen -Y` signs for us and verifies us.
//!
//! A signature is an SSHSIG (namespace `provost`) under the exact bytes of a [`Statement`].  Ed25519 keys only, those of security keys
//! (`sk-ssh-ed25519@openssh.com`) included.

use std::collections::BTreeMap;

use model::{Signature, Signatures, Statement};
use ssh_key::public::KeyData;
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};

/// Who may sign, each with their public keys.
#[derive(Clone, Debug, Default)]
pub struct Approvers {
    keys: BTreeMap<String, Vec<PublicKey>>,
}

impl Approvers {
    /// Lets `name` sign with a public key, as OpenSSH writes one (`ssh-ed25519 AAAA… comment`).
    ///
    /// # Errors
    /// Why not, to go on from the key: it is none, of another kind, or another name's.
    pub fn add(&mut self, name: &str, key: &str) -> Result<(), String> {
        if key.contains("PRIVATE KEY") {
            return Err(
                "is a private key: it stays with its owner; here goes the public one, from the file with the ending .pub".into()
            );
        }
        let key = PublicKey::from_openssh(key.trim()).map_err(|error| format!("is no public key of OpenSSH: {error}"))?;
        if !matches!(key.key_data(), KeyData::Ed25519(_) | KeyData::SkEd25519(_)) {
            return Err(format!("is a key of the kind {}; make one with `ssh-keygen -t ed25519`", key.algorithm()));
        }
        match self.name_of(key.key_data()) {
            Some(other) if other != name => return Err(format!("is also the key of {other}: two people with one key are one")),
            Some(_) => return Ok(()),
            None => {}
        }
        self.keys.entry(name.to_owned()).or_default().push(key);
        Ok(())
    }

    /// Whether nobody may sign.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// Whose key this is.
    pub fn signer(&self, key: &SigningKey) -> Option<&str> {
        self.name_of(key.0.public_key().key_data())
    }

    fn name_of(&self, key: &KeyData) -> Option<&str> {
        self.keys.iter().find(|(_, keys)| keys.iter().any(|known| known.key_data() == key)).map(|(name, _)| name.as_str())
    }
}

impl Signatures for Approvers {
    fn check(&self, statement: &Statement, signature: &Signature) -> Result<(), String> {
        let sshsig = SshSig::from_pem(&signature.sshsig).map_err(|error| format!("it is no SSH signature: {error}"))?;
        let by = &statement.by;
        let Some(keys) = self.keys.get(by) else {
            return Err(format!("[approval.approvers] does not name {by}, or not any more"));
        };
        let Some(key) = keys.iter().find(|key| key.key_data() == sshsig.public_key()) else {
            let print = PublicKey::from(sshsig.public_key().clone()).fingerprint(HashAlg::Sha256);
            return Err(match self.name_of(sshsig.public_key()) {
                Some(other) => format!("it was made with a key of {other} ({print})"),
                None => format!("it was made with the key {print}, which [approval.approvers] does not list for {by}, or not any more"),
            });
        };
        if sshsig.namespace() != Statement::NAMESPACE {
            return Err(format!(
                "it was made for the purpose {:?}, not {:?} (ssh-keygen -Y sign -n {})",
                sshsig.namespace(),
                Statement::NAMESPACE,
                Statement::NAMESPACE
            ));
        }
        key.verify(Statement::NAMESPACE, &statement.to_bytes(), &sshsig)
            .map_err(|_| "it is under something else than this statement".to_owned())?;
        // What a security key signs says whether a person touched it: the flag after the 64 bytes.
        let touched = |bytes: &[u8]| bytes.get(64).is_some_and(|flags| flags & 1 == 1);
        if matches!(key.key_data(), KeyData::SkEd25519(_)) && !touched(sshsig.signature_bytes()) {
            return Err("nobody touched the security key that made it".into());
        }
        Ok(())
    }
}

/// A private key that signs.
pub struct SigningKey(PrivateKey);

/// Why a private key cannot be used, to go on from the file's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A passphrase is needed.
    #[error("is protected by a passphrase")]
    Passphrase,
    /// It is the public half.
    #[error("is a public key")]
    Public,
    /// Anything else.
    #[error("{0}")]
    Unusable(String),
}

impl SigningKey {
    /// A private key as OpenSSH keeps it.
    ///
    /// # Errors
    /// A [`KeyError`].
    pub fn from_openssh(text: &str) -> Result<Self, KeyError> {
        if PublicKey::from_openssh(text.trim()).is_ok() {
            return Err(KeyError::Public);
        }
        let unusable = |error| KeyError::Unusable(format!("is no private key of OpenSSH: {error}"));
        let key = PrivateKey::from_openssh(text).map_err(unusable)?;
        if key.is_encrypted() {
            return Err(KeyError::Passphrase);
        }
        if !matches!(key.public_key().key_data(), KeyData::Ed25519(_)) {
            let kind = key.algorithm();
            return Err(KeyError::Unusable(format!("is a key of the kind {kind}, and only ed25519 is signed with here")));
        }
        Ok(Self(key))
    }

    /// Which key it is: `SHA256:…`, as `ssh-keygen -l` says it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Signs a statement, as `ssh-keygen -Y sign -n provost` does.
    ///
    /// # Errors
    /// Why the key cannot.
    pub fn sign(&self, statement: &Statement) -> Result<String, KeyError> {
        let unusable = |error| KeyError::Unusable(format!("cannot sign: {error}"));
        let signature = self.0.sign(Statement::NAMESPACE, HashAlg::Sha512, &statement.to_bytes()).map_err(unusable)?;
        signature.to_pem(LineEnding::LF).map_err(unusable)
    }
}
