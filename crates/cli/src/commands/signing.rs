//! `--key`, `--signature`, `--print-statement`: saying something about a plan or a standing approval in a way that shows who said it.

use std::path::{Path, PathBuf};

use clap::Args;
use engine::{Approvers, Engine, KeyError, SigningKey};
use jiff::Timestamp;
use model::{Digest, Spoken, Statement};

use crate::failure::Failure;

/// How somebody shows that it is they.
#[derive(Debug, Default, Args)]
pub(crate) struct SigningArgs {
    /// Sign with this private key (OpenSSH, ed25519); its public half is in [approval.approvers]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["signature", "print_statement"])]
    key: Option<PathBuf>,
    /// A signature that `ssh-keygen -Y sign` made under the printed statement
    #[arg(long, value_name = "FILE", conflicts_with = "print_statement")]
    signature: Option<PathBuf>,
    /// The statement that was signed [default: the signature's file without its ending .sig]
    #[arg(long, value_name = "FILE", requires = "signature")]
    statement: Option<PathBuf>,
    /// Only print what has to be signed, to the byte; nothing is decided
    #[arg(long, requires = "by")]
    print_statement: bool,
    /// Who is going to sign, as [approval.approvers] names them
    #[arg(long = "as", value_name = "NAME", requires = "print_statement")]
    by: Option<String>,
}

/// What became of signing.
pub(crate) enum Signed {
    /// Nobody wanted to sign.
    Not,
    /// It was said, by this name, and counts until then.
    Said(String, Timestamp),
    /// The statement, to be printed.
    Print(Vec<u8>),
}

impl SigningArgs {
    /// Whether nothing shows who it is.
    pub(crate) fn none(&self) -> bool {
        self.key.is_none() && self.signature.is_none() && !self.print_statement
    }

    /// Whether a statement is only to be printed, or was signed elsewhere: then it is about one plan.
    pub(crate) fn elsewhere(&self) -> bool {
        self.print_statement || self.signature.is_some()
    }

    /// Says this about a plan, signed.
    ///
    /// # Errors
    /// A [`Failure`]; nothing was said then.
    pub(crate) async fn say(&self, engine: &Engine, approvers: &Approvers, plan: &Digest, spoken: Spoken) -> Result<Signed, Failure> {
        if let Some(by) = &self.by {
            known(approvers, by)?;
            return Ok(Signed::Print(engine.statement(plan, by, spoken).await?.to_bytes()));
        }
        if let Some(file) = &self.key {
            let signer = Signer::load(file, approvers)?;
            let until = signer.say(engine, plan, spoken).await?;
            return Ok(Signed::Said(signer.name, until));
        }
        let Some(file) = &self.signature else { return Ok(Signed::Not) };
        let under = match &self.statement {
            Some(statement) => statement.clone(),
            None if file.extension().is_some_and(|ending| ending == "sig") => file.with_extension(""),
            None => {
                return Err(Failure::new(
                    format!("{} does not end in .sig", file.display()),
                    "name what was signed with --statement FILE",
                ));
            }
        };
        let statement = Statement::from_bytes(&read(&under)?).map_err(|why| {
            Failure::new(format!("{} {why}", under.display()), "`--print-statement --as NAME` prints one; sign it as it is")
        })?;
        if statement.plan != *plan {
            let kind = if matches!(statement.verdict, Spoken::Standing { .. }) { "standing approval" } else { "plan" };
            let what = format!("{} is about {kind} {}, and this is {}", under.display(), statement.plan.short(), plan.short());
            return Err(Failure::new(what, "name what it is about"));
        }
        if std::mem::discriminant(&statement.verdict) != std::mem::discriminant(&spoken) {
            let what = format!("{} says {:?}, which is something else", under.display(), statement.verdict);
            return Err(Failure::new(
                what,
                "an asking goes to `provost ask`, a yes to `approve`, a no to `reject`, one ahead to `standing approve`",
            ));
        }
        let sshsig = String::from_utf8(read(file)?)
            .map_err(|_| Failure::new(format!("{} is no signature", file.display()), "`ssh-keygen -Y sign` writes one"))?;
        let until = engine.say(&statement, &sshsig).await?;
        Ok(Signed::Said(statement.by, until))
    }
}

/// A private key whose owner is known.
pub(crate) struct Signer {
    key: SigningKey,
    pub(crate) name: String,
}

impl Signer {
    /// Reads a private key and tells whose it is.
    ///
    /// # Errors
    /// A [`Failure`]: it cannot be read, others could read it too, it is no usable key, or nobody's.
    pub(crate) fn load(file: &Path, approvers: &Approvers) -> Result<Self, Failure> {
        let name = file.display();
        if file.exists() && !file.is_file() {
            return Err(Failure::new(
                format!("{name} is no file, and no key"),
                "name a private key of OpenSSH; `ssh-keygen -t ed25519` makes one",
            ));
        }
        #[cfg(unix)]
        {
            let mode = std::fs::metadata(file).map(|about| std::os::unix::fs::PermissionsExt::mode(&about.permissions()));
            if let Ok(mode) = mode
                && mode & 0o077 != 0
                && file.extension().is_none_or(|ending| ending != "pub")
            {
                let what = format!("the key {name} can be read by others than its owner (mode {:03o}): it proves nobody", mode & 0o777);
                return Err(Failure::new(what, format!("chmod 600 {name}, and ask yourself who has a copy")));
            }
        }
        let text = String::from_utf8(read(file)?)
            .map_err(|_| Failure::new(format!("{name} is no private key of OpenSSH"), "`ssh-keygen -t ed25519` makes one"))?;
        let key = SigningKey::from_openssh(&text).map_err(|error| {
            let next = match &error {
                KeyError::Passphrase | KeyError::Public => format!(
                    "let ssh-keygen sign, which asks for it, or asks the agent: the same command with `--print-statement --as NAME > statement` \
                     in the place of --key, then `ssh-keygen -Y sign -f {name} -n provost statement`, then with `--signature statement.sig`"
                ),
                KeyError::Unusable(_) => "name a private key of OpenSSH; `ssh-keygen -t ed25519` makes one".to_owned(),
            };
            Failure::new(format!("the key {name} {error}"), next)
        })?;
        match approvers.signer(&key) {
            Some(owner) => Ok(Self { name: owner.to_owned(), key }),
            None => {
                let what = format!("the key {name} ({}) is nobody's in [approval.approvers]", key.fingerprint());
                Err(Failure::new(what, listed(approvers)))
            }
        }
    }

    /// Says this about a plan, signed.
    ///
    /// # Errors
    /// A [`Failure`]; nothing was said then.
    pub(crate) async fn say(&self, engine: &Engine, plan: &Digest, spoken: Spoken) -> Result<Timestamp, Failure> {
        let statement = engine.statement(plan, &self.name, spoken).await?;
        let sshsig = self.key.sign(&statement).map_err(|error| Failure::new(format!("the key of {} {error}", self.name), ""))?;
        Ok(engine.say(&statement, &sshsig).await?)
    }
}

fn known(approvers: &Approvers, name: &str) -> Result<(), Failure> {
    if approvers.names().any(|known| known == name) {
        return Ok(());
    }
    Err(Failure::new(format!("[approval.approvers] does not name {name}"), listed(approvers)))
}

fn listed(approvers: &Approvers) -> String {
    if approvers.is_empty() {
        return "it lists nobody yet: [approval.approvers] with bob = \"ssh-ed25519 AAAA…\" (docs/approvals.md)".to_owned();
    }
    format!("it names {}; whoever keeps the configuration adds others", approvers.names().collect::<Vec<_>>().join(", "))
}

/// Keys, statements and signatures are small.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    const MOST: u64 = 64 * 1024;
    let name = file.display();
    let about = std::fs::metadata(file)
        .map_err(|error| Failure::new(format!("cannot read {name}: {error}"), "check the name, and that you may read it"))?;
    if !about.is_file() || about.len() > MOST {
        return Err(Failure::new(format!("{name} is no key, statement or signature"), "name a file of a few lines"));
    }
    std::fs::read(file).map_err(|error| Failure::new(format!("cannot read {name}: {error}"), "check that you may read it"))
}
