//! Small hand-made ledgers, plans and rosters; every test starts from a clean one and breaks one thing.

use std::path::PathBuf;

use provost_checker::args::{AppFiles, Args};
use provost_checker::inputs::sha256;
use provost_checker::report::Report;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const AS_OF: &str = "1998-07-01T12:00:00Z";

/// Everything the checker is given about one app.
pub(crate) struct Scene {
    pub(crate) app: &'static str,
    pub(crate) config: String,
    pub(crate) roster: String,
    pub(crate) base: Vec<Value>,
    pub(crate) ledger: Vec<Value>,
    pub(crate) access: Vec<Value>,
    /// Steps of the one plan; ids are names here and become hashes when it is written.
    pub(crate) steps: Vec<Value>,
    pub(crate) held: Vec<Value>,
    pub(crate) decisions: Vec<Value>,
    pub(crate) outcomes: Value,
    pub(crate) except: Vec<String>,
    pub(crate) expect_complete: bool,
    pub(crate) max_ratio: Option<f64>,
    /// Written after the plan's last byte.
    pub(crate) after_plan: &'static str,
    /// Written in the place of the first step's id.
    pub(crate) first_id: Option<&'static str>,
}

impl Scene {
    pub(crate) fn judge(&self) -> Result<Report, String> {
        let (_dir, args) = self.write();
        provost_checker::judge(&args)
    }

    /// Writes the files, and says how the checker is asked about them.
    pub(crate) fn write(&self) -> (TempDir, Args) {
        let dir = TempDir::new().unwrap();
        let put = |name: &str, text: String| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let lines = |values: &[Value]| values.iter().map(|value| format!("{value}\n")).collect::<String>();
        let plan_of = |steps: &[Value], named: bool| {
            let mut text = Value::from(steps.to_vec()).to_string();
            let mut steps: Vec<Value> = Vec::new();
            // A step's content names other steps, so that its hash needs theirs first.
            let count = serde_json::from_str::<Vec<Value>>(&text).unwrap().len();
            for at in 0..count {
                let mut step = serde_json::from_str::<Vec<Value>>(&text).unwrap().swap_remove(at);
                let name = step["id"].as_str().unwrap().to_owned();
                step["id"] = json!("");
                let id = sha256(&serde_json_canonicalizer::to_vec(&step).unwrap())[..32].to_owned();
                text = text.replace(&format!("\"{name}\""), &format!("\"{id}\""));
                step["id"] = json!(id);
                steps.push(step);
            }
            if let Some(id) = self.first_id.filter(|_| named) {
                steps[0]["id"] = json!(id);
            }
            let plan = json!({
                "version": 1, "organization": "Acme", "class": "open", "inputs": {"as_of": AS_OF}, "guards": [], "four_eyes": false,
                "names": {self.app: {"lesson/7": "Hello", "c1": "Welcome"}}, "steps": steps,
            });
            String::from_utf8(serde_json_canonicalizer::to_vec(&plan).unwrap()).unwrap()
        };
        let plan = plan_of(&self.steps, true);
        let digest = sha256(plan.as_bytes());
        let decisions = lines(&self.decisions).replace("DIGEST", &digest);
        let ids: Vec<(String, String)> = {
            let written: Value = serde_json::from_str(&plan).unwrap();
            let names = self.steps.iter().map(|step| step["id"].as_str().unwrap().to_owned());
            names.zip(written["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap().to_owned())).collect()
        };
        let outcomes =
            ids.iter().fold(self.outcomes.to_string(), |text, (name, id)| text.replace(&format!("\"{name}\""), &format!("\"{id}\"")));
        let args = Args {
            config: put("provost.toml", self.config.clone()),
            roster: put("roster.csv", self.roster.clone()),
            as_of: AS_OF.to_owned(),
            apps: vec![AppFiles {
                name: self.app.to_owned(),
                ledger: put("ledger.jsonl", lines(&self.ledger)),
                access: Some(put("access.jsonl", lines(&self.access))),
            }],
            plans: vec![put("plan.json", plan + self.after_plan)],
            held: if self.held.is_empty() { Vec::<PathBuf>::new() } else { vec![put("held.json", plan_of(&self.held, false))] },
            expect_complete: self.expect_complete,
            max_ratio: self.max_ratio,
            decisions: Some(put("decisions.jsonl", decisions)),
            outcomes: vec![put("outcomes.json", outcomes)],
            bases: [(self.app.to_owned(), put("base.jsonl", lines(&self.base)))].into(),
            except: self.except.clone(),
            ..Args::default()
        };
        (dir, args)
    }

    /// The names of the violations, each once.
    pub(crate) fn violations(&self) -> Vec<String> {
        let report = self.judge().unwrap();
        let mut names: Vec<String> =
            report.violations.iter().map(|violation| format!("{} {}", violation.rule, violation.name)).collect();
        names.sort();
        names.dedup();
        names
    }

    pub(crate) fn step(&mut self, id: &str) -> &mut Value {
        self.steps.iter_mut().find(|step| step["id"] == format!("#{id}")).unwrap()
    }

    /// A request and, when something changed, its line.
    pub(crate) fn call(&mut self, method: &str, path: &str, status: u16, change: Option<(&str, Value, Value)>) {
        let call = self.access.len() as u64 + 1;
        self.access.push(json!({"seq": call, "time": AS_OF, "method": method, "path": path, "status": status, "bytes": 2}));
        if let Some((object, before, after)) = change {
            self.line(call, method, path, object, before, after);
        }
    }

    pub(crate) fn line(&mut self, call: u64, method: &str, path: &str, object: &str, before: Value, after: Value) {
        let seq = self.ledger.len() as u64 + 1;
        self.ledger.push(json!({
            "seq": seq, "call": call, "time": AS_OF, "method": method, "path": path, "body_digest": "", "object": object,
            "before": before, "after": after,
        }));
    }

    fn new(app: &'static str, config: &str, base: Vec<Value>, steps: Vec<Value>) -> Self {
        let source = "
            [organization]
            time_zone = 'America/Chicago'
            [source.hr]
            role = 'employment'
            key = 'id'
            [source.hr.columns]
            starts = 'from'
            ends = 'to'
        ";
        let roster = "id,given,email,title,dept,manager,status,from,to\n\
                      1,Ann,ann@x,Manager,Sales,,active,1990-01-01,\n\
                      2,Bob,bob@x,Clerk,Sales,1,terminated,1990-01-01,1998-06-30\n\
                      3,Cid,cid@x,Clerk,Sales,1,active,1998-06-01,\n\
                      4,Dee,dee@x,Clerk,Dev,1,active,1991-01-01,\n\
                      5,Eve,eve@x,Clerk,Dev,,active,1999-01-01,\n";
        Self {
            app,
            config: format!("{source}{config}"),
            roster: roster.to_owned(),
            base,
            ledger: Vec::new(),
            access: Vec::new(),
            steps,
            held: Vec::new(),
            decisions: vec![json!({"digest": "DIGEST", "verdict": "yes", "run": "r1"})],
            outcomes: json!({}),
            except: Vec::new(),
            expect_complete: false,
            max_ratio: None,
            after_plan: "",
            first_id: None,
        }
    }
}

/// A user's record with some members replaced.
pub(crate) fn with(record: &Value, members: Value) -> Value {
    let mut record = record.clone();
    record.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    record
}

pub(crate) fn object(object: &str, state: Value) -> Value {
    json!({"object": object, "state": state})
}

pub(crate) fn lessonly_user(id: u64, key: &str, name: &str, title: &str, groups: &[u64]) -> Value {
    json!({
        "id": id, "ext_uid": key, "email": format!("{}@x", name.to_lowercase()), "name": name, "role": "learner", "job_title": title,
        "archived_at": null, "location": null, "custom_user_field_data": [], "group_ids": groups, "managing_ids": [],
        "created_at": AS_OF, "updated_at": AS_OF,
    })
}

/// Lessonly: Ann's title and group change, Bob leaves, Cid comes and is enrolled, Dee comes back.
pub(crate) fn lessonly() -> Scene {
    let config = "
        [app.lessonly]
        connector = 'lessonly'
        [app.lessonly.accounts]
        who = 'person.active'
        match = ['ext_uid == person.key', 'email == person.email']
        leave = 'archive'
        protect = ['boss@x']
        [app.lessonly.set]
        name = 'person.given'
        email = 'person.email'
        ext_uid = 'person.key'
        job_title = 'person.title'
        [app.lessonly.groups]
        managed = ['Sales', 'Dev']
        member = ['person.dept']
        [[app.lessonly.enrol]]
        lesson = 'Hello'
        when = 'person.tenure_days < 90'
    ";
    let ann = lessonly_user(101, "1", "Ann", "Clerk", &[3, 9]);
    let bob = lessonly_user(102, "2", "Bob", "Clerk", &[2]);
    let dee = with(&lessonly_user(104, "4", "Dee", "Clerk", &[3]), json!({"archived_at": AS_OF}));
    let boss = lessonly_user(109, "", "Boss", "", &[]);
    let cid = lessonly_user(110, "3", "Cid", "Clerk", &[2]);
    let base = vec![
        object("group/2", json!({"id": 2, "name": "Sales"})),
        object("group/3", json!({"id": 3, "name": "Dev"})),
        object("group/9", json!({"id": 9, "name": "Chess"})),
        object("lesson/7", json!({"id": 7, "name": "Hello"})),
        object("user/101", ann.clone()),
        object("user/102", bob.clone()),
        object("user/104", dee.clone()),
        object("user/109", boss),
    ];
    let fresh = |after: &str| json!({"before": null, "after": after});
    let steps = vec![
        json!({"id": "#restore", "app": "lessonly", "verb": "restore", "person": "4", "label": "Dee", "account": "104", "effects": [], "reason": ""}),
        json!({"id": "#create", "app": "lessonly", "verb": "create", "person": "3", "label": "Cid", "add_groups": ["2"], "effects": [],
            "reason": "", "set": {"name": fresh("Cid"), "email": fresh("cid@x"), "ext_uid": fresh("3"), "job_title": fresh("Clerk")}}),
        json!({"id": "#update", "app": "lessonly", "verb": "update", "person": "1", "label": "Ann", "account": "101", "add_groups": ["2"],
            "remove_groups": ["3"], "effects": [], "reason": "", "set": {"job_title": {"before": "Clerk", "after": "Manager"}}}),
        json!({"id": "#enrol", "app": "lessonly", "verb": "enrol", "person": "3", "label": "Cid", "account": {"created_by": "#create"},
            "content": "lesson/7", "effects": [], "reason": ""}),
        json!({"id": "#leave", "app": "lessonly", "verb": "leave", "person": "2", "label": "Bob", "account": "102", "effects": [], "reason": ""}),
    ];
    let mut scene = Scene::new("lessonly", config, base, steps);
    for path in ["users?page=1", "groups", "groups/2", "groups/3", "lessons", "lessons/7/assignments?page=1"] {
        scene.call("GET", &format!("/api/v1/{path}"), 200, None);
    }
    scene.call("GET", "/api/v1/users/104", 200, None);
    let back = with(&dee, json!({"archived_at": null}));
    scene.call("PUT", "/api/v1/users/104/restore", 200, Some(("user/104", dee, back)));
    scene.call("POST", "/api/v1/users", 201, Some(("user/110", Value::Null, cid)));
    scene.call("GET", "/api/v1/users/101", 200, None);
    let moved = with(&ann, json!({"job_title": "Manager", "group_ids": [2, 9]}));
    scene.call("PUT", "/api/v1/users/101", 200, Some(("user/101", ann, moved)));
    scene.call("GET", "/api/v1/users/110/assignments", 200, None);
    let hello = json!({"id": 1, "assignee_id": 110, "assignable_type": "Lesson", "assignable_id": 7, "ended_at": null});
    scene.call("POST", "/api/v1/users/110/assignments", 201, Some(("assignment/1", Value::Null, hello)));
    scene.call("GET", "/api/v1/users/102", 200, None);
    let gone = with(&bob, json!({"archived_at": AS_OF}));
    scene.call("PUT", "/api/v1/users/102/archive", 200, Some(("user/102", bob, gone)));
    scene
}

pub(crate) fn absorb_user(id: &str, key: &str, name: &str, department: &str, supervisor: Option<&str>) -> Value {
    let mut user = json!({
        "id": id, "externalId": key, "emailAddress": format!("{}@x", name.to_lowercase()), "username": format!("{}@x", name.to_lowercase()),
        "firstName": name, "departmentId": department, "activeStatus": "Active", "isLearner": true, "isAdmin": false, "isInstructor": false,
        "dateAdded": AS_OF, "dateEdited": AS_OF, "passwordsSet": 1,
    });
    if let Some(supervisor) = supervisor {
        user["supervisorId"] = json!(supervisor);
    }
    user
}

/// Absorb: a department is made, Dee comes back into it, Cid comes with a supervisor and a course, Bob leaves.
pub(crate) fn absorb() -> Scene {
    let config = "
        [app.absorb]
        connector = 'absorb'
        [app.absorb.accounts]
        match = ['externalId == person.key']
        leave = 'deactivate'
        [app.absorb.set]
        username = { value = 'person.email', on = 'create' }
        firstName = 'person.given'
        emailAddress = 'person.email'
        externalId = 'person.key'
        department = 'person.dept'
        supervisor = 'person.manager'
        [[app.absorb.enrol]]
        course = 'Welcome'
        when = 'person.tenure_days < 90'
    ";
    let ann = absorb_user("u1", "1", "Ann", "d1", None);
    let bob = absorb_user("u2", "2", "Bob", "d1", Some("u1"));
    let dee = with(&absorb_user("u4", "4", "Dee", "d1", Some("u1")), json!({"activeStatus": "Inactive"}));
    let admin = with(&absorb_user("u9", "", "Admin", "d1", None), json!({"isAdmin": true}));
    let base = vec![
        object("department/d1", json!({"id": "d1", "name": "Sales"})),
        object("course/c1", json!({"id": "c1", "name": "Welcome"})),
        object("user/u1", ann),
        object("user/u2", bob.clone()),
        object("user/u4", dee.clone()),
        object("user/u9", admin),
    ];
    let fresh = |after: Value| json!({"before": null, "after": after});
    let made = json!({"created_by": "#department"});
    let steps = vec![
        json!({"id": "#department", "app": "absorb", "verb": "create_department", "label": "Dev", "effects": [], "reason": "",
            "set": {"name": fresh(json!("Dev"))}}),
        json!({"id": "#restore", "app": "absorb", "verb": "restore", "person": "4", "label": "Dee", "account": "u4", "effects": [],
            "reason": "", "set": {"department": {"before": "d1", "after": made}}}),
        json!({"id": "#create", "app": "absorb", "verb": "create", "person": "3", "label": "Cid", "effects": [], "reason": "",
            "set": {"firstName": fresh(json!("Cid")), "emailAddress": fresh(json!("cid@x")), "username": fresh(json!("cid@x")),
                "externalId": fresh(json!("3")), "department": fresh(json!("d1"))}}),
        json!({"id": "#relate", "app": "absorb", "verb": "relate", "person": "3", "label": "Cid", "account": {"created_by": "#create"},
            "effects": [], "reason": "", "set": {"supervisor": fresh(json!("u1"))}}),
        json!({"id": "#enrol", "app": "absorb", "verb": "enrol", "person": "3", "label": "Cid", "account": {"created_by": "#create"},
            "content": "c1", "effects": [], "reason": ""}),
        json!({"id": "#leave", "app": "absorb", "verb": "leave", "person": "2", "label": "Bob", "account": "u2", "effects": [], "reason": ""}),
    ];
    let mut scene = Scene::new("absorb", config, base, steps);
    scene.call("POST", "/authentication", 200, None);
    for path in ["users?_limit=1000&_offset=0", "departments", "courses"] {
        scene.call("GET", &format!("/{path}"), 200, None);
    }
    scene.call("POST", "/departments", 201, Some(("department/d2", Value::Null, json!({"id": "d2", "name": "Dev"}))));
    scene.call("GET", "/departments", 200, None);
    scene.call("GET", "/users?modifiedSince=1998-07-01", 200, None);
    let back = with(&dee, json!({"activeStatus": "Active", "departmentId": "d2"}));
    scene.call("POST", "/users/batch", 200, Some(("user/u4", dee, back)));
    // The vendor's rule for the department enrols by itself.
    let rule = json!({"id": "e1", "userId": "u4", "courseId": "c9", "status": 0, "isActive": true});
    let call = scene.access.len() as u64;
    scene.line(call, "POST", "/users/batch", "enrollment/e1", Value::Null, rule);
    scene.call("GET", "/users?modifiedSince=1998-07-01", 200, None);
    let cid = absorb_user("u5", "3", "Cid", "d1", None);
    scene.call("POST", "/users/batch", 200, Some(("user/u5", Value::Null, cid.clone())));
    scene.call("GET", "/users?modifiedSince=1998-07-01", 200, None);
    let led = with(&cid, json!({"supervisorId": "u1"}));
    scene.call("POST", "/users/batch", 200, Some(("user/u5", cid, led)));
    scene.call("GET", "/users?modifiedSince=1998-07-01", 200, None);
    scene.call("GET", "/users/u5/enrollments", 200, None);
    let welcome = json!({"id": "e2", "userId": "u5", "courseId": "c1", "status": 0, "isActive": true});
    scene.call("POST", "/enrollments", 201, Some(("enrollment/e2", Value::Null, welcome)));
    let gone = with(&bob, json!({"activeStatus": "Inactive"}));
    scene.call("POST", "/users/batch", 200, Some(("user/u2", bob, gone)));
    scene.call("GET", "/users?modifiedSince=1998-07-01", 200, None);
    scene
}
