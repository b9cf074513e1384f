//! Typed identifiers: text that cannot be mixed up.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Text;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Text);

        impl $name {
            /// Wraps the text as it is.
            pub fn new(text: impl Into<Text>) -> Self {
                Self(text.into())
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(
    /// The name of an app in the configuration (`[app.NAME]`).
    AppName
);
text_id!(
    /// The name of a source in the configuration (`[source.NAME]`).
    SourceName
);
text_id!(
    /// The employment source's own key of a person; never an e-mail or a name (F07).
    PersonKey
);
text_id!(
    /// The vendor's own id of an account, as text whatever its shape there (L09).
    AccountId
);
text_id!(
    /// A run's id: a UUID v7 in its usual text form.
    RunId
);
text_id!(
    /// Tells one tenant from another: a digest over connector, address and account names, never over secrets.
    Fingerprint
);

/// The content hash of a step: the first half of the SHA-256 of its canonical JSON without the id; shown and stored as 32 lower-case
/// hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId([u8; 16]);

impl StepId {
    /// Wraps the 16 bytes.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Writes the empty text for a step which has not got its hash yet.
    ///
    /// # Errors
    /// As the serializer's.
    pub fn or_empty<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::default() { serializer.serialize_str("") } else { serde::Serialize::serialize(self, serializer) }
    }
}

/// A SHA-256 digest; shown and stored as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Wraps the 32 bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The first twelve hexadecimal digits: what people type and read.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The text is not the hexadecimal digits of so many bytes.
#[derive(Debug, thiserror::Error)]
#[error("{what} is {digits} hexadecimal digits")]
pub struct DigestError {
    what: &'static str,
    digits: usize,
}

/// Bytes that are text as lower-case hexadecimal digits.
macro_rules! hexadecimal {
    ($name:ident, $bytes:literal, $what:literal) => {
        impl $name {
            fn with_digits<T>(&self, work: impl FnOnce(&str) -> T) -> T {
                let mut digits = [0; 2 * $bytes];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(&self.0) {
                    pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
                    pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
                }
                work(std::str::from_utf8(&digits).expect("hexadecimal digits are ASCII"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.with_digits(|digits| f.pad(digits))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = DigestError;

            fn from_str(text: &str) -> Result<Self, DigestError> {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let error = || DigestError { what: $what, digits: 2 * $bytes };
                let mut bytes = [0; $bytes];
                if text.len() != 2 * $bytes {
                    return Err(error());
                }
                for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                    *byte = digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| high << 4 | low).ok_or_else(error)?;
                }
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.with_digits(|digits| serializer.serialize_str(digits))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Digits;
                impl serde::de::Visitor<'_> for Digits {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "{} hexadecimal digits", 2 * $bytes)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Digits)
            }
        }
    };
}

hexadecimal!(StepId, 16, "a step's id");
hexadecimal!(Digest, 32, "a digest");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_its_hexadecimal_digits() {
        let text = "00ff10a5".repeat(8);
        let digest: Digest = text.parse().unwrap();
        assert_eq!((digest.to_string(), digest.short()), (text.clone(), text[..12].to_owned()));
        assert_eq!(serde_json::from_value::<Digest>(serde_json::to_value(digest).unwrap()).unwrap(), digest);
        let step: StepId = text[..32].to_uppercase().parse().unwrap();
        assert_eq!((step.to_string(), format!("{step:.8}")), (text[..32].to_owned(), "00ff10a5".to_owned()));
        assert_eq!(step.as_bytes(), &digest.as_bytes()[..16]);
        let (plus, accent, other) = (format!("+{}", &text[1..]), text.replace("f1", "é"), text.replace('f', "g"));
        for wrong in ["", "0", &text[..62], &plus, &accent, &other] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
        for wrong in ["", &text, &text[..30], &plus[..32], &accent[..32], &other[..32]] {
            assert!(wrong.parse::<StepId>().is_err(), "{wrong}");
        }
    }
}
