//! Where a store is: a SQLite file, or a schema of a PostgreSQL database.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a store is.  Prints as it was written; there is never a password in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A SQLite file.
    File(PathBuf),
    /// A schema of a PostgreSQL database.
    Postgres(Server),
}

/// A PostgreSQL database and the schema in it that one organization has to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The address as it was written.
    text: String,
    /// The address without what only Provost knows.
    pub(crate) url: String,
    pub(crate) schema: String,
    pub(crate) password_file: Option<PathBuf>,
    /// Whether the address says how far TLS is wanted.
    pub(crate) says_tls: bool,
}

/// Why a text is no place of a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct LocationError {
    /// What is wrong with it; a password in it is not repeated.
    pub what: String,
    /// What to write instead.
    pub next: String,
    /// Whether the text holds a password, and so must not be shown.
    pub secret: bool,
}

impl LocationError {
    fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into(), secret: false }
    }
}

/// The schema where the address names none.  Not taken from the organization's name: renaming it must not lose the store.
const SCHEMA: &str = "provost";
/// What may stand behind the `?` beside `schema` and `password_file`; the database's driver knows it.
const KNOWN: [&str; 6] = ["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"];

const PASSWORD: &str = "secrets are never in the configuration: leave the password out and set PGPASSWORD, keep it in ~/.pgpass, or name a file with `?password_file=PATH`";

impl Location {
    /// Understands a path or a `postgres://` address; paths are relative to `dir`.
    ///
    /// # Errors
    /// [`LocationError`]: another scheme, a password written out, a parameter or a schema that cannot be.
    pub fn parse(text: &str, dir: &Path) -> Result<Self, LocationError> {
        match text.split_once("://") {
            None if text.trim().is_empty() => Err(LocationError::new("the store has no name", "name a file: \"provost.db\"")),
            None => Ok(Self::File(dir.join(text))),
            Some(("postgres" | "postgresql", rest)) => Server::parse(text, rest, dir).map(Self::Postgres),
            Some((scheme, _)) => Err(LocationError::new(
                format!("a store cannot be at {scheme}://"),
                "name a file, \"provost.db\", or a PostgreSQL database, \"postgres://user@host/database\"",
            )),
        }
    }
}

impl Server {
    fn parse(text: &str, rest: &str, dir: &Path) -> Result<Self, LocationError> {
        let secret =
            || LocationError { secret: true, ..LocationError::new("a password is written out in the store's address", PASSWORD) };
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        // Whatever is before the last @ is the user: a password with a / or a ? in it must not slip through as something else.
        if text.rsplit_once('@').is_some_and(|(user, _)| user.matches(':').count() > 1) {
            return Err(secret());
        }
        let (place, database) = address.split_once('/').unwrap_or((address, ""));
        if database.is_empty() || database.contains('/') {
            let next = "name it: postgres://user@host/database";
            return Err(LocationError::new("the store's address names no database", next));
        }
        let (mut schema, mut password_file, mut says_tls) = (SCHEMA.to_owned(), None, false);
        let mut kept = form_urlencoded::Serializer::new(String::new());
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match key.as_ref() {
                "schema" => schema = value.into_owned(),
                "password_file" => password_file = Some(dir.join(value.as_ref())),
                "password" | "sslpassword" => return Err(secret()),
                known if KNOWN.contains(&known) => {
                    says_tls |= known == "sslmode";
                    kept.append_pair(&key, &value);
                }
                other => {
                    let next = format!("known are schema, password_file, {}", KNOWN.join(", "));
                    return Err(LocationError::new(format!("a store's address knows no `{other}`"), next));
                }
            }
        }
        good_schema(&schema)?;
        let kept = kept.finish();
        let url = format!("postgres://{place}/{database}{}{kept}", if kept.is_empty() { "" } else { "?" });
        Ok(Self { text: text.to_owned(), url, schema, password_file, says_tls })
    }

    /// The schema that the store has to itself.
    pub fn schema(&self) -> &str {
        &self.schema
    }
}

/// A name that needs no quotes anywhere, and is not one of PostgreSQL's own.
fn good_schema(name: &str) -> Result<(), LocationError> {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 63;
    if !plain {
        let next = "use small letters, digits and _, beginning with a letter: `?schema=acme`";
        return Err(LocationError::new(format!("{name:?} cannot be the schema of a store"), next));
    }
    if name == "public" || name == "information_schema" || name.starts_with("pg_") {
        let next = "a store has a schema to itself: `?schema=acme`; it is made when there is none";
        return Err(LocationError::new(format!("the schema {name} belongs to everybody"), next));
    }
    Ok(())
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Postgres(server) => server.fmt(f),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Location> for Location {
    fn from(location: &Location) -> Self {
        location.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Location, LocationError> {
        Location::parse(text, Path::new("/etc/acme"))
    }

    fn server(text: &str) -> Server {
        match parse(text) {
            Ok(Location::Postgres(server)) => server,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn files_are_beside_the_configuration() {
        assert_eq!(parse("provost.db").unwrap(), Location::File("/etc/acme/provost.db".into()));
        assert_eq!(parse("/var/p.db").unwrap(), Location::File("/var/p.db".into()));
        assert_eq!(parse("a:b.db").unwrap(), Location::File("/etc/acme/a:b.db".into()));
        assert!(parse(" ").is_err());
    }

    #[test]
    fn addresses_keep_what_the_driver_knows() {
        let plain = server("postgres://bo@db.example:5433/hr");
        assert_eq!((plain.url.as_str(), plain.schema()), ("postgres://bo@db.example:5433/hr", "provost"));
        assert!(!plain.says_tls && plain.password_file.is_none());
        let full = server("postgresql://bo@h/hr?schema=acme_2&sslmode=require&password_file=pw&host=%2Frun%2Fpg");
        assert_eq!(full.url, "postgres://bo@h/hr?sslmode=require&host=%2Frun%2Fpg");
        assert_eq!((full.schema(), full.says_tls), ("acme_2", true));
        assert_eq!(full.password_file, Some("/etc/acme/pw".into()));
        assert!(Location::Postgres(full).to_string().starts_with("postgresql://bo@h/hr?schema="), "as it was written");
    }

    /// P11: a password is refused wherever it stands, and not repeated.
    #[test]
    fn p11_a_password_in_the_address_is_refused() {
        for text in [
            "postgres://bo:s3cr3t@h/hr",
            "postgres://bo:s3c/r3t@h/hr",
            "postgres://bo:s3c?r3t@h/hr",
            "postgres://:s3cr3t@h/hr",
            "postgres://bo@h/hr?password=s3cr3t",
            "postgres://bo@h/hr?schema=a&password=s3cr3t",
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.secret && refused.next.contains("PGPASSWORD"), "{text}: {refused:?}");
            assert!(!format!("{refused:?}").contains("r3t"), "{refused:?}");
        }
        assert!(!server("postgres://bo@[::1]:5433/hr").says_tls, "colons of an address are no password");
    }

    #[test]
    fn what_cannot_be_is_said_with_what_can() {
        for (text, told) in [
            ("mysql://h/db", "mysql"),
            ("postgres://h", "no database"),
            ("postgres://bo@h/", "no database"),
            ("postgres://bo@h/hr?schem=a", "`schem`"),
            ("postgres://bo@h/hr?options=-c%20x", "`options`"),
            ("postgres://bo@h/hr?schema=Acme%20Inc", "Acme Inc"),
            ("postgres://bo@h/hr?schema=public", "belongs to everybody"),
            ("postgres://bo@h/hr?schema=pg_temp", "belongs to everybody"),
            ("postgres://bo@h/hr?schema=", "\"\""),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.what.contains(told) && !refused.next.is_empty(), "{text}: {refused:?}");
        }
    }
}
