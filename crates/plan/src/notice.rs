//! A notice in words, and in the shapes that programs take.

use model::{Notice, Occasion};
use serde_json::{Value, json};

use crate::render::clean;

/// One line that says it all: the subject of a message.
pub fn line(notice: &Notice) -> String {
    let Notice { occasion, organization, kind, id, apps, steps, not_done, guard, .. } = notice;
    let id = short(kind, id);
    let within: Vec<&str> = apps.keys().map(model::AppName::as_str).collect();
    let within = within.join(", ");
    let many = |count: u64| if count == 1 { "1 step".to_owned() } else { format!("{count} steps") };
    let what = match (occasion, kind.as_str()) {
        (Occasion::Waits, _) => format!("plan {id} waits for you: {} in {within}", many(*steps)),
        (Occasion::Held, _) => {
            format!("plan {id} is held by {}: {} in {within}", guard.as_deref().unwrap_or("a guard"), many(*steps))
        }
        (Occasion::Done, _) => format!("run {id} is done: {} in {within}", many(*steps)),
        (Occasion::Failed, "app") => format!("app {within} fails too much: it is in quarantine"),
        (Occasion::Failed, _) => format!("run {id} failed: {} of {} not done in {within}", not_done.unwrap_or_default(), many(*steps)),
    };
    clean(&format!("{organization}: {what}")).into_owned()
}

/// The plain text of a message: what, which app, how many, which guard, where to look.
pub fn text(notice: &Notice) -> String {
    let mut lines = vec![line(notice), String::new()];
    for (app, steps) in notice.apps.iter().filter(|(_, steps)| **steps > 0) {
        lines.push(format!("{app}: {steps}"));
    }
    lines.extend(notice.guard.as_ref().map(|guard| format!("guard: {guard}")));
    if notice.four_eyes {
        lines.push("it needs a second person".to_owned());
    }
    if !notice.people.is_empty() {
        lines.push(format!("people: {}", notice.people.join(", ")));
    }
    lines.extend(notice.why.as_ref().map(|why| format!("why: {why}")));
    lines.extend(notice.expires.map(|expires| format!("to be decided until {expires:.0}")));
    lines.push(format!("next: {}", next(notice)));
    lines.extend(notice.link.as_ref().map(|link| format!("look: {link}")));
    lines.iter().map(|line| format!("{}\n", clean(line))).collect()
}

/// What to do about it, on the command line.
fn next(notice: &Notice) -> String {
    let id = short(&notice.kind, &notice.id);
    match (notice.occasion, notice.kind.as_str()) {
        (Occasion::Waits | Occasion::Held, _) => format!("provost show {id}, then provost approve {id} or provost reject {id}"),
        (_, "app") => format!("provost apps {id}"),
        _ => format!("provost report {id}"),
    }
}

/// A plan goes by the first digits of its digest.
fn short(kind: &str, id: &str) -> String {
    let all = if kind == "plan" { id.get(..12).unwrap_or(id) } else { id };
    all.to_owned()
}

/// The body of a webhook: `type`, `timestamp`, `data`, as Standard Webhooks advises.
pub fn webhook(notice: &Notice) -> Value {
    json!({ "type": format!("{}.{}", notice.kind, notice.occasion.word()), "timestamp": notice.at, "data": notice })
}

/// A message as Slack's incoming webhooks take it, and what is compatible with them.
pub fn slack(notice: &Notice) -> Value {
    // Escaped as Slack wants it; what else it would make of a text is turned off with `mrkdwn`.
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let section = |text: &str| json!({ "type": "section", "text": { "type": "plain_text", "text": text, "emoji": false } });
    let mut text = self::text(notice);
    text.truncate(text.floor_char_boundary(2900));
    json!({ "text": escaped(&line(notice)), "mrkdwn": false, "blocks": [section(&text)] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice {
            occasion: Occasion::Held,
            organization: "Acme <!channel>\n&".into(),
            at: "1998-01-01T12:00:00Z".parse().unwrap(),
            kind: "plan".into(),
            id: "ab".repeat(32),
            apps: [("deep".into(), 11), ("flat".into(), 1)].into(),
            steps: 12,
            not_done: None,
            guard: Some("access_lost".into()),
            content: None,
            expires: Some("1998-01-02T12:00:00Z".parse().unwrap()),
            four_eyes: true,
            link: Some("https://provost.acme.example/plans/ab".into()),
            people: Vec::new(),
            why: None,
        }
    }

    #[test]
    fn it_says_what_where_how_many_and_which_guard() {
        let text = text(&notice());
        for part in
            ["held by access_lost", "12 steps", "deep: 11", "flat: 1", "second person", "1998-01-02", "/plans/ab", "approve abab"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(line(&notice()).lines().count(), 1, "a name cannot begin another line");
        let run = Notice { occasion: Occasion::Failed, kind: "run".into(), id: "0197".into(), not_done: Some(2), ..notice() };
        assert!(line(&run).contains("run 0197 failed: 2 of 12 steps not done"));
        let app = Notice { kind: "app".into(), apps: [("deep".into(), 0)].into(), ..run };
        assert!(line(&app).contains("app deep fails too much"));
    }

    #[test]
    fn programs_get_the_shapes_they_take() {
        let body = webhook(&notice());
        assert_eq!((&body["type"], &body["timestamp"]), (&json!("plan.held"), &json!("1998-01-01T12:00:00Z")));
        assert_eq!(body["data"]["apps"]["deep"], 11);
        let slack = slack(&notice());
        assert!(!slack["text"].as_str().unwrap().contains('<'), "nothing that Slack would read as a command");
        assert_eq!(slack["blocks"][0]["text"]["type"], "plain_text");
        let long = Notice { people: vec!["ä".repeat(5000)], ..notice() };
        assert!(super::slack(&long)["blocks"][0]["text"]["text"].as_str().unwrap().len() <= 2900);
    }
}
