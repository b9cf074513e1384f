//! What people write by themselves: a script that goes by e-mail, believes what it read, and keeps what it knows for the end.
//! Every trap is shown with it first.

use serde_json::{Value, json};

use crate::world::{HEADER, World, by};

/// A script over the vendors' APIs, with right credentials.
pub(crate) struct Script<'w> {
    world: &'w World,
    http: reqwest::Client,
    token: Option<String>,
    lessonly: String,
    absorb: String,
}

/// One row of a roster, as such a script reads it.
pub(crate) struct Row<'r> {
    pub(crate) key: &'r str,
    pub(crate) first: &'r str,
    pub(crate) last: &'r str,
    pub(crate) email: &'r str,
    pub(crate) active: bool,
}

/// The rows of a roster without quotes in it.
pub(crate) fn rows(roster: &str) -> Vec<Row<'_>> {
    let columns: Vec<&str> = HEADER.trim().split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name).expect("a column of the header");
    roster
        .lines()
        .map(|line| line.split(',').collect())
        .filter(|cells: &Vec<&str>| cells.len() == columns.len())
        .map(|cells| Row {
            key: cells[at("employee_id")],
            first: cells[at("first_name")],
            last: cells[at("last_name")],
            email: cells[at("work_email")],
            active: cells[at("status")] == "active",
        })
        .collect()
}

impl<'w> Script<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        // Whoever was first has set the same provider.
        rustls::crypto::ring::default_provider().install_default().ok();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut script = Self { world, http, token: None, lessonly: world.url("lessonly"), absorb: world.url("absorb") };
        script.log_in();
        script
    }

    /// The same script, with Absorb at another address.
    pub(crate) fn absorb_at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.absorb);
        self
    }

    fn send(&self, request: reqwest::RequestBuilder, body: &Value) -> Option<(u16, Value)> {
        let request = match body {
            Value::Null => request,
            body => request.header("content-type", "application/json").body(body.to_string()),
        };
        self.world.wait(async {
            let answer = request.send().await.ok()?;
            let status = answer.status().as_u16();
            let text = answer.text().await.ok()?;
            Some((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
        })
    }

    /// A call to Lessonly; none when no answer came.
    pub(crate) fn lessonly(&self, method: &str, path: &str, body: Value) -> Option<(u16, Value)> {
        let method = method.parse().expect("a method");
        let request = self.http.request(method, format!("{}{path}", self.lessonly)).basic_auth("acme", Some("lessonly-sandbox-key"));
        self.send(request, &body)
    }

    /// A call to Absorb; none when no answer came.
    pub(crate) fn absorb(&self, method: &str, path: &str, body: Value) -> Option<(u16, Value)> {
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.absorb)).header("x-api-key", "absorb-sandbox-key");
        if let Some(token) = &self.token {
            request = request.header("authorization", token);
        }
        self.send(request, &body)
    }

    fn log_in(&mut self) {
        let words =
            json!({ "username": "api@acme.example", "password": "absorb-sandbox-password", "privateKey": "absorb-sandbox-key" });
        let (status, answer) = self.absorb("POST", by("/authentication", "/authenticate"), words).expect("an answer");
        assert_eq!(status, 200, "{answer}");
        let token = by(&answer["token"], &answer);
        self.token = Some(token.as_str().expect("a token").to_owned());
    }

    /// Everybody whom Lessonly lists and who is not archived.
    pub(crate) fn lessonly_users(&self) -> Vec<Value> {
        let mut users = Vec::new();
        for page in 1.. {
            let (_, answer) = self.lessonly("GET", &format!("/users?page={page}"), Value::Null).expect("an answer");
            let list = answer["users"].as_array().cloned().unwrap_or_default();
            if list.is_empty() {
                break;
            }
            users.extend(list);
        }
        users.retain(|user| user["archived_at"].is_null());
        users
    }

    /// The nightly sync that everybody writes first: whoever is in the file and not in Lessonly is made, whoever is in Lessonly and not
    /// in the file is archived, whoever is in both gets the file's name.  The e-mail says who is who.  Gives how many calls changed
    /// something; `most` of them, then it stops with an alarm.
    pub(crate) fn sync_lessonly(&self, roster: &str, most: usize) -> usize {
        let wanted: Vec<Row<'_>> = rows(roster).into_iter().filter(|row| row.active).collect();
        let users = self.lessonly_users();
        let mut done = 0;
        let mut change = |method: &str, path: &str, body: Value| {
            if done < most {
                self.lessonly(method, path, body).expect("an answer");
                done += 1;
            }
        };
        for user in &users {
            if !wanted.iter().any(|row| user["email"] == row.email) {
                change("PUT", &format!("/users/{}/archive", user["id"]), Value::Null);
            }
        }
        for row in &wanted {
            let name = format!("{} {}", row.first, row.last);
            match users.iter().find(|user| user["email"] == row.email) {
                None => change("POST", "/users", json!({ "name": name, "email": row.email, "ext_uid": row.key })),
                Some(user) if user["name"] != name => change("PUT", &format!("/users/{}", user["id"]), json!({ "name": name })),
                Some(_) => {}
            }
        }
        done
    }

    /// Makes somebody in Absorb, and where the user name is taken takes the next that is free: what forums advise.  Gives the name.
    pub(crate) fn make_in_absorb(&self, row: &Row<'_>) -> String {
        let (_, answer) = self.absorb("GET", "/departments?_limit=1000", Value::Null).expect("an answer");
        // In the first department where this admin may.
        let departments: Vec<Value> = answer["departments"].as_array().expect("a list").iter().map(|one| one["id"].clone()).collect();
        for number in 1..5 {
            let username = if number == 1 { row.email.to_owned() } else { format!("{number}.{}", row.email) };
            for department in &departments {
                let body = json!({ "firstName": row.first, "lastName": row.last, "username": username, "externalId": row.key,
                    "emailAddress": row.email, "departmentId": department, "password": "Welcome-1998!" });
                // No answer: tried once more, as every HTTP library can.
                let answer = self.absorb("POST", "/users", body.clone()).or_else(|| self.absorb("POST", "/users", body));
                match answer.expect("an answer").0 {
                    // The vendor's reading writes over whoever has the user name, and says 200.
                    200 | 201 => return username,
                    403 => {}
                    _ => break,
                }
            }
        }
        panic!("no user name is free");
    }
}
