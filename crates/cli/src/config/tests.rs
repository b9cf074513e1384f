//! The sample as it is, and what a new user gets wrong.

use std::path::Path;

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::connection::Credential;
use super::{Address, Config, ConfigError};

const SAMPLE: &str = include_str!("../../tests/data/provost.toml");

fn parse(text: &str) -> Result<Config, Box<ConfigError>> {
    Config::parse(Path::new("acme/provost.toml"), text)
}

fn told(text: &str) -> String {
    let error = parse(text).expect_err("this configuration is wrong");
    let mut shown = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(4000).with_context_lines(1);
    handler.render_report(&mut shown, error.as_ref()).unwrap();
    shown
}

/// The sample with one thing replaced, which must be in it.
fn sample(from: &str, to: &str) -> String {
    assert!(SAMPLE.contains(from), "{from}");
    SAMPLE.replacen(from, to, 1)
}

#[test]
fn the_sample_means_what_it_says() {
    let config = parse(SAMPLE).unwrap_or_else(|error| panic!("{:?}", error.problems));
    let policy = config.policy.policy();
    assert_eq!(config.store, Path::new("acme/provost.db").into());
    assert_eq!((policy.sources.len(), policy.apps.len(), policy.guards.len()), (2, 2, 3));
    let hr = &policy.sources["hr"];
    assert_eq!((hr.key.as_str(), hr.absent_leaves, hr.shrink.max, hr.shrink.percent_milli), ("employee_id", false, 20, 5_000));
    assert_eq!(hr.columns["title"], "job_title");
    let lessonly = &policy.apps["lessonly"];
    assert_eq!((lessonly.before_start, lessonly.leave, lessonly.matching.len()), (259_200, true, 2));
    assert_eq!(lessonly.also_provisioned_by.as_ref().unwrap().as_str(), "okta");
    assert_eq!(lessonly.set["role"].lower, model::Lower::Approve);
    assert_eq!(lessonly.groups.as_ref().unwrap().managed.len(), 3);
    let absorb = &policy.apps["absorb"];
    assert!(absorb.scope_all);
    assert_eq!(absorb.set["username"].on, model::On::Create);
    assert_eq!(absorb.enrol[0].content, "Welcome to Acme");
    assert_eq!(policy.guards["group_lost"].by, model::By::Group);
    assert_eq!(policy.guards["access_lost"].percent_milli, Some(3_000));
    assert_eq!(policy.approval.standing[0].until.to_string(), "2027-06-30");
    // Places of expressions are inside their quotes.
    let who = &lessonly.who;
    assert_eq!(&SAMPLE[who.span.clone()], who.text);
    let side = &lessonly.matching[1].expr;
    assert_eq!((&SAMPLE[side.span.clone()], side.text.as_str()), ("person.email", "person.email"));
    assert_eq!(config.apps["absorb"].address, Address::Sandbox("acme/./absorb".into()));
    assert_eq!(config.apps["lessonly"].credentials["api_key"], Credential::Env("LESSONLY_API_KEY".into()));
}

#[test]
fn l02_the_address_is_completed_where_one_thing_is_meant() {
    let config = parse(&sample("https://api.lessonly.com/api/v1", "https://api.lessonly.com")).unwrap();
    assert_eq!(config.apps["lessonly"].address, Address::Url("https://api.lessonly.com/api/v1".into()));
    assert!(told(&sample("https://api.lessonly.com/api/v1", "https://api.lessonly.com/v3")).contains("base_url"));
    assert!(told(&sample("https://api.lessonly.com/api/v1", "http://api.lessonly.com/api/v1")).contains("in the clear"));
}

/// Replacement in the sample, and what must be told.
const WRONG: &[(&str, &str, &[&str])] = &[
    ("time_zone = \"America/Chicago\"", "time_zone = \"America/Chicagoo\"", &["no time zone", "did you mean \"America/Chicago\"?"]),
    ("absent = \"hold\"", "absnt = \"hold\"", &["[source.hr] has no key `absnt`", "did you mean `absent`?"]),
    ("absent = \"hold\"", "absent = \"ignore\"", &["`absent` cannot be \"ignore\"", "\"hold\", \"leave\""]),
    ("exempt = 5 ", "exempt = \"five\" ", &["`exempt` has to be a whole number", "of type string"]),
    ("percent = 3\n", "percent = 130\n", &["`percent` is not a percentage", "from 0 to 100"]),
    ("before_start = \"3d\"", "before_start = \"3 days\"", &["`before_start` is not a length of time", "24h, 3d"]),
    ("[guard.access_lost]", "[guard.acces_lost]", &["`acces_lost` is not an effect", "did you mean `access_lost`?"]),
    ("by = \"group\"", "by = \"group\"\neffect = \"group_gone\"", &["`group_gone` is not an effect"]),
    ("max = 0 ", "window = \"1h\" ", &["[guard.role_raised] has no `max`", "never trips"]),
    ("four_eyes = [\"access_lost\"", "four_eyes = [\"access_loss\"", &["`access_loss` is not an effect", "access_lost"]),
    ("source = \"hr\"", "source = \"h\"", &["there is no source \"h\"", "hr"]),
    ("until = \"2027-06-30\"", "until = \"2027-06-31\"", &["`until` is not a day"]),
    ("store = \"provost.db\"", "store = \"mysql://db/acme\"", &["cannot be at mysql://", "postgres://user@host/database"]),
    ("store = \"provost.db\"", "store = \"postgres://bo@db/acme?schema=A-b\"", &["\"A-b\" cannot be the schema", "small letters"]),
    ("store = \"provost.db\"", "store = \"postgres://bo:hunter2@db/acme\"", &["a password is written out", "PGPASSWORD"]),
    ("connector = \"lessonly\"", "connector = \"lesonly\"", &["there is no connector \"lesonly\"", "did you mean \"lessonly\"?"]),
    ("base_url = \"sandbox:./absorb\"\n", "", &["[app.absorb] has no `base_url`", "sandbox:FOLDER"]),
    ("who = 'person.active'\n", "", &["[app.lessonly.accounts] has no `who`"]),
    ("who = 'person.active'", "who = 'person.active &&'", &["person.active &&"]),
    ("\"email == person.email\"", "\"email = person.email\"", &["what is compared with what", "ATTRIBUTE == EXPRESSION"]),
    ("job_title = 'person.title'", "job_titel = 'person.title'", &["job_titel", "did you mean `job_title`?"]),
    ("leave = \"archive\"", "leave = \"delete\"", &["`leave` cannot be \"delete\"", "\"archive\", \"keep\""]),
    ("also_provisioned_by = \"okta\"", "also_provisioned_by = \"hr\"", &["source \"hr\" is not an identity provider"]),
    ("role = \"idp\"", "role = \"employment\"", &["both say who works here"]),
    ("role = \"employment\"", "role = \"attributes\"", &["no source says who works here"]),
    ("path = \"roster.csv\"", "path = \"roster.ods\"", &["rosters of the kind `.ods`", "save it as XLSX"]),
    ("[keep]", "[precedence]\nemail = [\"hrr\"]\n[keep]", &["there is no source \"hrr\"", "did you mean \"hr\"?"]),
    ("[keep]", "[precedence]\nemail = [\"okta\"]\n[keep]", &["there is no source \"okta\""]),
    ("role = \"employment\"", "role = \"employment\"\njoin = \"person.key == record.id\"", &["is joined to nothing"]),
    ("left = [\"terminated\"]", "left = [\"Active\"]", &["means both employed and left"]),
    ("course = \"Welcome to Acme\"", "course = \"A\"\nlesson = \"B\"", &["names 2 things to learn"]),
    ("profile = \"auto\"", "profile = \"guid\"", &["`profile` cannot be \"guid\"", "\"guide\""]),
    (
        "base_url = \"sandbox:./absorb\"",
        "base_url = \"sandbox:./absorb\"\nfaults = \"500-afer=2%\"",
        &["`faults` is not understood", "there is no fault `500-afer`"],
    ),
    ("profile = \"auto\"", "faults = \"429=2%\"", &["`faults` are for a sandbox only", "sandbox:FOLDER"]),
    ("api_key = { env = \"LESSONLY_API_KEY\" }", "api_key = { var = \"X\" }", &["names no single place", "has no key `var`"]),
    ("join = \"person.email == record.userName\"", "join = \"email\"", &["`join` does not say"]),
    ("join = \"person.email == record.userName\"\n", "", &["nothing says whose its records are", "person.email == record.userName"]),
    ("kind = \"scim\"", "kind = \"scim\"\napps = [\"lesonly\"]", &["there is no app \"lesonly\"", "did you mean \"lessonly\"?"]),
    ("kind = \"scim\"", "kind = \"scim\"\nsaid_within = \"30\"", &["`said_within` is not a length of time"]),
    (
        "kind = \"scim\"",
        "kind = \"scim\"\ngroups = { \"LMS Sales\" = { lessonly = { grup = \"Sales\" } } }",
        &["has no `group`", "has no key `grup`", "did you mean `group`?"],
    ),
    (
        "kind = \"scim\"",
        "kind = \"scim\"\ngroups = { \"LMS\" = { lessonly = { group = \"Legal\" } } }",
        &["gives the group \"Legal\"", "add it to `managed`"],
    ),
    ("kind = \"scim\"", "kind = \"scim\"\ncolumns = { title = \"job title\" }", &["no name of a SCIM attribute", "name.givenName"]),
    (
        "kind = \"scim\"",
        "kind = \"scim\"\nbase_url = \"https://idp.example/scim/v2\"",
        &["`token`", "[source.okta]", "{ env = \"NAME\" }"],
    ),
    ("kind = \"scim\"", "kind = \"scim\"\ntoken = { env = \"T\" }", &["[source.okta] has no `base_url`"]),
    (
        "kind = \"scim\"",
        "kind = \"scim\"\nbase_url = \"https://idp.example/Users\"\ntoken = { env = \"T\" }",
        &["is the address of one list", "without /Users"],
    ),
    (
        "kind = \"scim\"",
        "kind = \"scim\"\nbase_url = \"https://idp.example/scim\"\ntoken = { env = \"T\" }\nsettle = \"5s\"",
        &["`settle` is for apps"],
    ),
    (
        "kind = \"scim\"",
        "kind = \"scim\"\nbase_url = \"https://idp.example/scim\"\ntoken = { env = \"T\" }\ndialect = \"okta\"",
        &["has no key `dialect`"],
    ),
    ("absent = \"hold\"", "absent = \"hold\"\napps = [\"lessonly\"]", &["are for identity providers", "role = \"idp\""]),
    ("[approval]", "[aproval]", &["has no key `aproval`", "did you mean `approval`?"]),
    ("[organization]", "[organization", &["not TOML"]),
    ("managed = [\"Sales\", \"Development\", \"Customer Service\"]", "managed = [1]", &["`managed` has to be a list of texts"]),
];

#[test]
fn what_is_wrong_is_told_with_its_place_and_the_next_step() {
    for (from, to, wanted) in WRONG {
        let shown = told(&sample(from, to));
        for words in *wanted {
            assert!(shown.contains(words), "`{to}` should be told with `{words}`:\n{shown}");
        }
        assert!(shown.contains("acme/provost.toml:"), "no place for `{to}`:\n{shown}");
    }
}

#[test]
fn everything_is_told_at_once() {
    let text =
        sample("absent = \"hold\"", "absnt = \"hold\"").replace("percent = 20", "percent = -1").replace("leave = \"deactivate\"", "");
    let error = parse(&text).unwrap_err();
    assert_eq!(error.problems.len(), 3, "{:?}", error.problems);
    assert!(error.to_string().starts_with("3 problems in acme/provost.toml"));
}

#[test]
fn an_empty_file_says_what_is_needed() {
    let shown = told("");
    for part in ["[organization]", "[source.NAME]", "[app.NAME]"] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn f11_a_secret_in_the_file_is_refused_and_not_shown() {
    let written = sample("api_key = { env = \"LESSONLY_API_KEY\" }", "api_key = \"s3cr3t-value\"");
    let shown = told(&written);
    assert!(shown.contains("secrets are never in the configuration") && shown.contains("{ env = \"NAME\" }"), "{shown}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
    // Nor where another line near it is wrong, nor where the file cannot be parsed, nor in what a program prints of the error.
    let near = told(&written.replace("profile = \"auto\"", "profile = 7"));
    let broken = told(&written.replace("subdomain = \"acme\"", "subdomain = acme = 3"));
    let inside = told(&sample("api_key = { env = \"LESSONLY_API_KEY\" }", "api_key = \"s3cr3t-value"));
    let debug = format!("{:?}", parse(&written).unwrap_err());
    for shown in [near, broken, inside, debug] {
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }
}

#[test]
fn p11_resolved_secrets_do_not_print() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("key.txt"), "s3cr3t-value\n").unwrap();
    let text = sample("api_key = { env = \"LESSONLY_API_KEY\" }", "api_key = { file = \"key.txt\" }");
    let config = Config::parse(&dir.path().join("provost.toml"), &text).unwrap();
    let connection = &config.apps["lessonly"];
    let secret = connection.credentials["api_key"].resolve("lessonly", "api_key").unwrap();
    assert_eq!(secret.expose(), "s3cr3t-value");
    let settings = connection.settings("https://api.lessonly.com".into(), [("api_key".to_owned(), secret)].into());
    assert!(!format!("{config:?} {settings:?}").contains("s3cr3t"));
    let missing = Credential::Env("PROVOST_TEST_NOT_SET".into()).resolve("lessonly", "api_key").unwrap_err();
    assert!(format!("{missing:?}").contains("PROVOST_TEST_NOT_SET"), "{missing:?}");
}

#[test]
fn a_tenant_is_its_connector_address_and_user() {
    let fingerprint = |text: &str, user: &str| {
        let config = parse(text).unwrap();
        config.apps["lessonly"].fingerprint(&[("subdomain", user.to_owned())].into())
    };
    let one = fingerprint(SAMPLE, "acme");
    assert_eq!(one, fingerprint(&sample("LESSONLY_API_KEY", "ANOTHER_KEY"), "acme"));
    assert_ne!(one, fingerprint(SAMPLE, "other"));
    assert_ne!(one, fingerprint(&sample("https://api.lessonly.com/api/v1", "sandbox:./lessonly"), "acme"));
}

#[test]
fn ids_mean_the_same_whoever_logs_in_and_not_at_another_address_or_subdomain() {
    let home = |text: &str, app: &str, identity: &[(&'static str, &str)]| {
        parse(text).unwrap().apps[app].home(&identity.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    };
    let one = home(SAMPLE, "lessonly", &[("subdomain", "acme")]);
    assert_ne!(one, home(SAMPLE, "lessonly", &[("subdomain", "other")]));
    let at = |address: &str| home(&sample("https://api.lessonly.com/api/v1", address), "lessonly", &[("subdomain", "acme")]);
    assert_ne!(one, at("sandbox:./lessonly"));
    assert_ne!(at("sandbox:./one"), at("sandbox:./two"));
    assert_eq!(at("http://127.0.0.1:8701/api/v1"), at("http://localhost:9000/api/v1"));
    assert_ne!(at("http://127.0.0.1:8701/api/v1"), one);
    assert_eq!(home(SAMPLE, "absorb", &[("username", "a")]), home(SAMPLE, "absorb", &[("username", "b")]));
}

#[test]
fn a_sandbox_is_the_same_tenant_before_and_after_it_was_first_started() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::parse(&dir.path().join("provost.toml"), SAMPLE).unwrap();
    let before = config.apps["absorb"].fingerprint(&[].into());
    std::fs::create_dir(dir.path().join("absorb")).unwrap();
    assert_eq!(config.apps["absorb"].fingerprint(&[].into()), before);
}

/// P11: a password in the store's address is refused, and shown nowhere, in a file that cannot be read either.
#[test]
fn p11_the_stores_password_is_blotted_out() {
    for broken in ["", "\n[organization"] {
        let shown = told(&(sample("store = \"provost.db\"", "store = \"postgres://bo:hunter2@db/acme\"") + broken));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let config = parse(&sample("store = \"provost.db\"", "store = \"postgres://bo@db/acme?schema=hr\"")).unwrap();
    assert_eq!(config.store.to_string(), "postgres://bo@db/acme?schema=hr");
}

#[test]
fn change_freezes_are_times_apps_and_effects() {
    let more = |text: &str| format!("{SAMPLE}\n{text}");
    let config = parse(&more(
        "[[freeze]]\nreason = \"year end\"\nfrom = \"2026-12-20\"\nuntil = \"2027-01-04T08:00\"\n\
         [[freeze]]\nreason = \"weekends\"\ndays = [\"sat\", \"sun\"]\napps = [\"lessonly\"]\neffects = [\"access_lost\"]\n\
         [[freeze]]\nreason = \"nights\"\ndays = [\"mon\"]\nfrom = \"22:00\"\nuntil = \"06:00\"\n",
    ))
    .unwrap_or_else(|error| panic!("{:?}", error.problems));
    let freezes = &config.policy.policy().freezes;
    let once = |from: &str, until: &str| model::FreezeWindow::Once { from: from.parse().unwrap(), until: until.parse().unwrap() };
    assert_eq!(freezes[0].when, once("2026-12-20T06:00:00Z", "2027-01-04T14:00:00Z"), "Chicago's days");
    let midnight = jiff::civil::Time::midnight();
    let weekends = model::FreezeWindow::Weekly { days: [6, 7].into(), from: midnight, until: midnight };
    assert_eq!((&freezes[1].when, freezes[1].apps.len(), freezes[1].effects.len()), (&weekends, 1, 1));
    assert!(matches!(&freezes[2].when, model::FreezeWindow::Weekly { from, .. } if from.hour() == 22));
    for (wrong, what, place) in [
        ("reason = \"x\"\nfrom = \"2027-01-04\"\nuntil = \"2026-12-20\"", "ends before it begins", "2026-12-20"),
        ("reason = \"x\"\nfrom = \"2027-01-04\"\nuntil = \"2027-01-04T00:00\"", "ends before it begins", "2027-01-04T00:00"),
        ("reason = \"x\"\nfrom = \"2027-01-04\"", "no `until`", "freeze"),
        ("reason = \"x\"\nfrom = \"soon\"\nuntil = \"2027-01-04\"", "`from` is not a time", "soon"),
        ("from = \"2026-12-20\"\nuntil = \"2027-01-04\"", "no `reason`", "freeze"),
        ("reason = \"x\"\ndays = [\"mon\",\"tue\",\"wed\",\"thu\",\"fri\",\"sat\",\"sun\"]", "never ends", "freeze"),
        ("reason = \"x\"\ndays = [\"mon\"]\nfrom = \"08:00\"\nuntil = \"08:00\"", "ends when it begins", "08:00"),
        ("reason = \"x\"\ndays = [\"monday\"]", "not a day of the week", "monday"),
        ("reason = \"x\"\ndays = []", "never is", "freeze"),
        ("reason = \"x\"\ndays = [\"mon\"]\napps = [\"lesonly\"]", "did you mean `lessonly`?", "lesonly"),
        ("reason = \"x\"\ndays = [\"mon\"]\neffects = []", "about nothing", "freeze"),
        ("reason = \"x\"\ndays = [\"mon\"]\neffects = [\"acces_lost\"]", "did you mean `access_lost`?", "acces_lost"),
        ("reason = \"x\"\ndays = [\"mon\"]\nuntill = \"08:00\"", "did you mean `until`?", "untill"),
    ] {
        let told = told(&more(&format!("[[freeze]]\n{wrong}\n")));
        assert!(told.contains(what) && told.contains(place), "{wrong}: {told}");
    }
}

#[test]
fn what_contradicts_itself_about_waiting_is_told_with_its_place() {
    for (from, to, what) in [
        ("effects = [\"access_given\", ", "effects = [\"access_lost\", ", "`access_lost` is in `four_eyes`"),
        ("source = \"hr\"\neffects", "source = \"okta\"\neffects", "employment source"),
        ("[guard.group_lost]", "[guard.freeze]\neffect = \"group_lost\"", "cannot be called `freeze`"),
    ] {
        let told = told(&sample(from, to));
        assert!(told.contains(what), "{what}: {told}");
    }
}

#[test]
fn an_idp_assigns_apps_and_its_groups_mean_something() {
    let more = "kind = \"scim\"\napps = [\"lessonly\"]\nsaid_within = \"14d\"\n[source.okta.groups]\n\
        \"LMS Sales\" = { lessonly = { group = \"sales\" }, absorb = { department = \"Sales\" } }\n\
        \"LMS Admins\" = { lessonly = { role = \"manager\" } }\n[source.okta.columns]\nnick = \"nickName\"\n";
    let text = sample("join = \"person.email == record.userName\"", "")
        .replace("kind = \"scim\"", &format!("join = \"person.email == record.userName\"\n{more}"));
    let config = parse(&text).unwrap();
    let okta = &config.policy.policy().sources["okta"];
    assert_eq!(okta.said_within(), 14 * 86_400);
    assert!(okta.assigns(&"lessonly".into()) && !okta.assigns(&"absorb".into()) && okta.speaks_of(&"absorb".into()));
    assert_eq!(okta.idp.as_ref().unwrap().groups["LMS Admins"]["lessonly"].role.as_deref(), Some("manager"));
    // Whoever assigns an app may have a standing approval for it.
    parse(&text.replace("source = \"hr\"\neffects", "source = \"okta\"\neffects")).unwrap();
    // A pushed source may say who works here, by a key that it names.
    let employs = sample("role = \"employment\"", "role = \"attributes\"")
        .replace("role = \"idp\"", "role = \"employment\"\nkey = \"externalId\"")
        .replace("join = \"person.email == record.userName\"", "")
        .replace("also_provisioned_by = \"okta\"", "")
        .replace("source = \"hr\"\neffects", "source = \"okta\"\neffects");
    parse(&employs).unwrap();
    assert!(told(&employs.replace("key = \"externalId\"", "")).contains("key = \"externalId\""));
}

#[test]
fn webhooks_schedules_and_watched_rosters_are_understood_or_told_with_a_way_on() {
    let more =
        "\n[app.absorb.webhook]\nsecret = { env = \"HOOK\" }\nwindow = \"10m\"\n[schedule.nightly]\ncron = \"30 5 * * MON-FRI\"\n";
    let config = parse(&format!("{SAMPLE}{more}").replacen("kind = \"file\"\n", "kind = \"file\"\nwatch = true\n", 1)).expect("fine");
    let webhook = config.apps["absorb"].webhook.as_ref().expect("there");
    assert_eq!((&webhook.secret, webhook.window, &webhook.header), (&Credential::Env("HOOK".into()), 600, &None));
    assert_eq!(config.schedules.len(), 1);
    let next = config.schedules[0].after("2026-03-06T12:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(next.to_string(), "2026-03-09T10:30:00Z", "Monday at half past five in Chicago, in summer time");
    let super::SourceConnection::File(hr) = &config.sources["hr"] else { panic!("a file") };
    assert!(hr.watch);

    for (more, said) in [
        ("[app.absorb.webhook]\nwindow = \"5m\"", "secret"),
        ("[app.absorb.webhook]\nsecret = \"plainly\"", "is a secret"),
        ("[app.absorb.webhook]\nsecret = { env = \"H\" }\nwindow = \"30d\"", "up to a day"),
        ("[app.absorb.webhook]\nsecret = { env = \"H\" }\nheader = \"a b\"", "no name of a header"),
        ("[app.absorb.webhook]\nsecret = { env = \"H\" }\nsecrt = 1", "secrt"),
        ("[schedule.x]\ncron = \"often\"", "five fields"),
        ("[schedule.x]\ntime_zone = \"UTC\"", "cron"),
        ("[schedule.x]\ncron = \"0 5 * * *\"\ntime_zone = \"Europe/Berln\"", "Europe/Berlin"),
        ("[schedule.\"a b\"]\ncron = \"0 5 * * *\"", "cannot be a name"),
        ("[schedule.x]\ncron = \"0 5 * * *\"\napp = \"absorb\"", "app"),
    ] {
        let shown = told(&format!("{SAMPLE}\n{more}\n"));
        assert!(shown.contains(said) && !shown.contains("plainly"), "{more}: {shown}");
    }
}

fn with_notice(text: &str) -> String {
    format!("{SAMPLE}\n[notice.ops]\n{text}\n")
}

const HOOK: &str = "kind = \"webhook\"\nurl = \"https://hooks.acme.example/p\"\nsecret = { env = \"HOOK\" }";
const MAIL: &str = "kind = \"email\"\nserver = \"smtps://mail.acme.example\"\nfrom = \"P <p@acme.example>\"\nto = \"it@acme.example\"";

#[test]
fn notices_say_who_is_told_of_what_and_how() {
    let config = parse(&with_notice(HOOK)).unwrap_or_else(|error| panic!("{:?}", error.problems));
    let hook = &config.notices["ops"];
    assert_eq!((hook.rule.occasions.len(), hook.rule.apps.len(), hook.rule.people, hook.private), (4, 0, false, false));
    let config = parse(&with_notice(&format!("{MAIL}\nevents = [\"held\"]\napps = [\"absorb\"]\npeople = true"))).unwrap();
    let mail = &config.notices["ops"];
    assert_eq!((mail.rule.occasions.len(), mail.rule.apps.len(), mail.rule.people), (1, 1, true));
    assert!(parse(SAMPLE).unwrap().notices.is_empty());
}

#[test]
fn wrong_notices_are_told_with_their_place_and_without_their_secrets() {
    let wrong: &[(&str, &str, &str, &[&str])] = &[
        (HOOK, "\"webhook\"", "\"webhok\"", &["`kind` cannot be \"webhok\"", "\"slack\""]),
        (HOOK, "kind = \"webhook\"\n", "", &["[notice.ops] has no `kind`"]),
        (HOOK, "https://", "http://", &["`url` is no address", "http is for this machine only"]),
        (HOOK, "https://", "https://bob:hunter2@", &["`url` is no address", "without a user name"]),
        (HOOK, "{ env = \"HOOK\" }", "\"whsec_hunter2\"", &["`secret` is a secret", "env"]),
        (HOOK, "secret = { env = \"HOOK\" }", "", &["[notice.ops] has no `secret`", "whsec_"]),
        (HOOK, "secret", "events = [\"wait\"]\nsecret", &["`events` cannot have \"wait\"", "\"waits\""]),
        (HOOK, "secret", "apps = [\"absorbe\"]\nsecret", &["there is no app \"absorbe\"", "did you mean \"absorb\"?"]),
        (HOOK, "secret", "server = \"x\"\nsecret", &["[notice.ops] has no key `server`"]),
        (MAIL, "smtps://mail", "smtps://bob:hunter2@mail", &["`server` is no mail server's address"]),
        (MAIL, "\"P <p@acme.example>\"", "\"acme.example\"", &["\"acme.example\" is no e-mail address"]),
        (MAIL, "to = \"it@acme.example\"", "to = []", &["[notice.ops] has no `to`"]),
        (MAIL, "from", "username = \"p\"\nfrom", &["[notice.ops] has no `secret`"]),
        (MAIL, "from", "secret = { env = \"X\" }\nfrom", &["[notice.ops] has no `username`"]),
        ("kind = \"slack\"\nurl = \"https://hooks.slack.com/hunter2\"", "kind", "kind", &["`url` is a secret"]),
    ];
    for (notice, from, to, said) in wrong {
        assert!(notice.contains(from), "{from}");
        let told = told(&with_notice(&notice.replacen(from, to, 1)));
        assert!(said.iter().all(|said| told.contains(said)), "{to}: {told}");
        assert!(!told.contains("hunter2"), "{to}: {told}");
    }
}

const OIDC: &str = "issuer = \"https://login.acme.example/\"\nclient_id = \"provost\"\nclient_secret = { env = \"OIDC\" }\nrole_claim = \"groups\"\n\
                    [serve.oidc.roles]\nit = \"admin\"\n[serve.oidc.people]\n\"Amy@acme.example\" = \"approver\"\n";

fn with_oidc(text: &str) -> String {
    format!("{SAMPLE}\n[serve.oidc]\n{text}\n")
}

#[test]
fn a_provider_and_the_roles_of_people_are_read() {
    let config = parse(&with_oidc(OIDC)).unwrap_or_else(|error| panic!("{:?}", error.problems));
    let told = format!("{:?}", config.oidc.expect("a provider"));
    for part in
        ["https://login.acme.example/", "\"email\", \"profile\"", "\"amy@acme.example\": Approver", "\"it\": Admin", "Env(\"OIDC\")"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(parse(&with_oidc(&OIDC.replacen("https://login.acme.example/", "http://127.0.0.1:9", 1))).is_ok());
    assert!(parse(SAMPLE).unwrap().oidc.is_none());
}

#[test]
fn a_wrong_provider_is_told_with_its_place_and_without_its_secret() {
    let wrong: &[(&str, &str, &[&str])] = &[
        ("issuer = \"https://login.acme.example/\"\n", "", &["[serve.oidc] has no `issuer`"]),
        ("https://login", "http://login", &["`issuer` is no address of a provider", "http is for this machine only"]),
        ("acme.example/\"", "acme.example/?a=1\"", &["`issuer` is no address of a provider"]),
        ("client_id = \"provost\"\n", "", &["[serve.oidc] has no `client_id`"]),
        ("{ env = \"OIDC\" }", "\"hunter2\"", &["`client_secret` is a secret", "env"]),
        ("client_secret = { env = \"OIDC\" }\n", "", &["[serve.oidc] has no `client_secret`"]),
        ("role_claim = \"groups\"\n", "", &["[serve.oidc] has no `role_claim`"]),
        ("[serve.oidc.roles]\nit = \"admin\"\n", "", &["`role_claim` gives nobody a role"]),
        ("it = \"admin\"", "it = \"admins\"", &["there is no role \"admins\"", "did you mean \"admin\"?"]),
        ("it = \"admin\"", "it = 7", &["`it` has to be a role in quotes"]),
        ("role_claim", "scopes = [\"e mail\"]\nrole_claim", &["`scopes` cannot have \"e mail\""]),
        ("role_claim", "redirect = \"x\"\nrole_claim", &["[serve.oidc] has no key `redirect`"]),
    ];
    for (from, to, said) in wrong {
        assert!(OIDC.contains(from), "{from}");
        let told = told(&with_oidc(&OIDC.replacen(from, to, 1)));
        assert!(said.iter().all(|said| told.contains(said)), "{to}: {told}");
        assert!(!told.contains("hunter2"), "{to}: {told}");
    }
    let nobody = told(&with_oidc(OIDC.split("role_claim").next().expect("its beginning")));
    assert!(nobody.contains("nobody would be let in"), "{nobody}");
}
