//! `[approval.approvers]` and `allowed_signers`: whose signatures count.

use std::fs;

use engine::Approvers;
use toml::Spanned;
use toml::de::DeValue;

use super::Context;
use super::section::{Section, Text, texts_of};

const NEXT: &str = "write bob = \"ssh-ed25519 AAAA…\", what the file with the ending .pub holds; or bob = { file = \"bob.pub\" }";

/// Reads both; whoever is in both may sign with all these keys.
pub(super) fn read(context: &Context<'_>, approval: Option<&mut Section<'_>>) -> Approvers {
    let mut approvers = Approvers::default();
    let Some(approval) = approval else { return approvers };
    if let Some(mut people) = approval.section("approvers") {
        for (name, value) in people.rest() {
            if name.text.trim() != name.text || name.text.is_empty() || name.text.contains(char::is_control) {
                context.problems.add("an approver's name is blank, or has blanks around it", &name.span, "here", NEXT);
                continue;
            }
            for key in keys(context, &people, &name, value) {
                if let Err(why) = approvers.add(&name.text, &key.text) {
                    let what = format!("what stands for {} {why}", name.text);
                    context.problems.add(what, &key.span, "not taken", NEXT);
                }
            }
        }
        people.end();
    }
    if let Some(file) = approval.text("allowed_signers") {
        match fs::read_to_string(context.dir.join(&file.text)) {
            Err(error) => {
                let what = format!("cannot read {}: {error}", file.text);
                context.problems.add(what, &file.span, "here", "name a file of allowed signers, as ssh-keygen takes it with -f");
            }
            Ok(text) => {
                for (number, line) in text.lines().enumerate() {
                    if let Err(why) = signers(&mut approvers, line) {
                        let what = format!("{}:{} {why}", file.text, number + 1);
                        let next = "a line is NAME [namespaces=\"provost\"] ssh-ed25519 AAAA…; other options are not understood here";
                        context.problems.add(what, &file.span, "this file", next);
                    }
                }
            }
        }
    }
    approvers
}

/// The keys of one name: a text, a list, or files.
fn keys<'a>(context: &Context<'_>, people: &Section<'a>, name: &Text, value: &'a Spanned<DeValue<'a>>) -> Vec<Text> {
    if !matches!(value.get_ref(), DeValue::Table(_)) {
        return texts_of(people.source(), &format!("`{}`", name.text), value).unwrap_or_default();
    }
    let Some(mut section) = people.below(&name.text, value) else { return Vec::new() };
    let file = section.required("file", NEXT);
    section.end();
    let Some(file) = file else { return Vec::new() };
    match fs::read_to_string(context.dir.join(&file.text)) {
        Ok(text) => {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            let keys: Vec<Text> = lines.map(|line| Text { text: line.to_owned(), span: file.span.clone() }).collect();
            if keys.is_empty() {
                context.problems.add(format!("{} holds no key", file.text), &file.span, "here", NEXT);
            }
            keys
        }
        Err(error) => {
            context.problems.add(format!("cannot read {}: {error}", file.text), &file.span, "here", NEXT);
            Vec::new()
        }
    }
}

/// One line of a file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS), as far as it can mean one thing only.
fn signers(approvers: &mut Approvers, line: &str) -> Result<(), String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let (names, rest) = line.split_once(char::is_whitespace).ok_or("names nobody's key")?;
    let mut rest = rest.trim_start();
    if let Some(listed) = rest.strip_prefix("namespaces=\"") {
        let (listed, key) = listed.split_once('"').ok_or("has a quote that does not end")?;
        if !listed.split(',').any(|listed| listed == model::Statement::NAMESPACE) {
            return Ok(());
        }
        rest = key.trim_start();
    }
    for name in names.split(',') {
        if name.contains(['*', '?', '!', '"']) || name.is_empty() {
            return Err(format!("names {name:?}, and a person is to be named as they are"));
        }
        approvers.add(name, rest).map_err(|why| format!("holds what {why}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti bob@acme";

    #[test]
    fn a_file_of_allowed_signers_means_what_ssh_keygen_takes_it_for() {
        let mut approvers = Approvers::default();
        for line in ["", "# nobody", &format!("carol namespaces=\"git,file\" {BOB}"), &format!("bob namespaces=\"git,provost\" {BOB}")]
        {
            signers(&mut approvers, line).unwrap();
        }
        assert_eq!(approvers.names().collect::<Vec<_>>(), ["bob"]);
        for (line, why) in [
            (format!("* {BOB}"), "as they are"),
            (format!("carol {BOB}"), "also the key of bob"),
            (format!("dora cert-authority {BOB}"), "no public key"),
            ("eve".to_owned(), "nobody's key"),
            ("eve namespaces=\"provost".to_owned(), "does not end"),
        ] {
            let told = signers(&mut approvers, &line).unwrap_err();
            assert!(told.contains(why), "{line}: {told}");
        }
    }
}
