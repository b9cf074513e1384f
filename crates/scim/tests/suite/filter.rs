//! Filters, as RFC 7644, section 3.4.2.2, has them.

use crate::common::{ENTERPRISE, ada, matches, refused, strict, tolerant, user_type};
use scim::{Filter, Node, Operand, ScimType};
use serde_json::json;

#[test]
fn what_matches_and_what_does_not() {
    let ada = ada();
    let cases = [
        (r#"userName eq "ada@example.com""#, true),
        (r#"USERNAME Eq "ADA@example.COM""#, true),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ADA""#, true),
        (r#"urn:ietf:params:scim:schemas:core:2.0:user:username sw "b""#, false),
        (r#"name.familyName co "iN""#, true),
        (r#"name.familyName ew "NG""#, true),
        (r#"name.familyName ew "xKing""#, false),
        (r#"externalId eq "E-1815""#, false),
        (r#"externalId eq "e-1815""#, true),
        (r#"id eq "2819""#, true),
        (r#"title pr"#, true),
        (r#"nickName pr"#, false),
        (r#"name pr"#, true),
        (r#"emails pr"#, true),
        (r#"ims pr"#, false),
        (r#"nickName eq null"#, true),
        (r#"nickName ne null"#, false),
        (r#"title ne null"#, true),
        (r#"nickName ne "x""#, true),
        (r#"title ne "analyst""#, false),
        (r#"active eq true"#, true),
        (r#"active ne true"#, false),
        (r#"active eq false"#, false),
        (r#"userName gt "Ac""#, true),
        (r#"userName lt "b""#, true),
        (r#"userName ge "ada@example.com" and userName le "ada@example.com""#, true),
        (r#"meta.lastModified gt "2011-05-13T04:42:33Z""#, true),
        (r#"meta.lastModified eq "2011-05-13T06:42:34+02:00""#, true),
        (r#"meta.lastModified lt "2011-05-13T05:42:34+02:00""#, false),
        (r#"meta.lastModified ge "2011-05-13T04:42:34.000001Z""#, false),
        (r#"meta.created sw "2010-01""#, true),
        (r#"meta.resourceType eq "user""#, false),
        (r#"meta.version eq "W/\"3\"""#, true),
        (r#"emails eq "ada@home.example""#, true),
        (r#"emails co "home.example""#, true),
        (r#"emails.type eq "home""#, true),
        (r#"emails.type ne "home""#, true),
        (r#"emails[type eq "work" and value co "@example.com"]"#, true),
        (r#"emails[type eq "home" and value co "@example.com"]"#, false),
        (r#"emails.type eq "home" and emails.value co "@example.com""#, true),
        (r#"emails[not (primary eq true)]"#, true),
        (r#"emails[type eq "work"] or ims[type eq "xmpp"]"#, true),
        (r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#, true),
        (r#"schemas[value ew ":Group"]"#, false),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "engines""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "m-1""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "M-1""#, false),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value sw "m""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter pr"#, false),
        (r#"title pr and userType eq "Employee""#, true),
        (r#"title pr or userType eq "Intern""#, true),
        (r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#, true),
        (r#"userType ne "Employee" and not (emails co "example.com")"#, false),
        // `and` before `or`
        (r#"title pr or title pr and nickName pr"#, true),
        (r#"(title pr or title pr) and nickName pr"#, false),
        (r#"nickName pr and title pr or title pr"#, true),
        (r#"NOT(nickName pr)AND title pr"#, true),
        (r#"  (( title   pr ))  "#, true),
        (r#"title eq "\u0041nalyst""#, true),
        (r#"addresses.country eq "gb""#, true),
    ];
    for (filter, expected) in cases {
        assert_eq!(matches(filter, &ada), expected, "{filter}");
    }
}

#[test]
fn case_does_not_count_beyond_ascii() {
    let mut ada = ada();
    for (kept, asked) in [("ÉLODIE", "élodie"), ("élodie", "ÉLODIE"), ("ΌΣΟΣ", "όσος"), ("STRASSE", "strasse"), ("K", "\u{212a}")]
    {
        ada.insert("title".into(), kept.into());
        for operator in ["eq", "co", "sw", "ew", "ge", "le"] {
            assert!(matches(&format!("title {operator} \"{asked}\""), &ada), "{kept} {operator} {asked}");
        }
        assert!(!matches(&format!("title ne \"{asked}\""), &ada));
        assert_eq!(scim::fold(kept), scim::fold(asked));
    }
}

#[test]
fn what_is_no_filter_says_where() {
    let cases = [
        ("", "character 1"),
        ("userName", "expected eq"),
        ("userName eq", "expected a value"),
        ("userName eq bjensen", "double quotes"),
        ("userName eq \"a", "no closing quote"),
        ("userName eq \"a\\x\"", "no JSON text"),
        ("userName is \"a\"", "found \"is\""),
        ("userName eq \"a\" and", "found the end"),
        ("userName eq \"a\" xor title pr", "expected the end"),
        ("userName eq \"a\"]", "expected the end"),
        ("(title pr", "expected \")\""),
        ("title pr)", "expected the end"),
        ("emails[type eq \"work\"", "expected \"]\""),
        ("emails[emails[type pr]]", "no part"),
        ("emails[type[value pr]]", "within each other"),
        ("emails.value.x eq \"a\"", "no part"),
        ("usrname eq \"a\"", "no attribute"),
        ("username.x eq \"a\"", "no part"),
        ("user_name eq \"a\"", "did you mean userName?"),
        ("email.value eq \"a\"", "did you mean emails?"),
        ("urn:x:y:z pr", "no schema"),
        ("urn:ietf:params:scim:schemas:core:2.0:User pr", "whole resource"),
        ("active gt true", "cannot be compared by gt"),
        ("active co \"t\"", "cannot be compared by co"),
        ("active eq \"true\"", "cannot be compared with"),
        ("userName eq 5", "cannot be compared with"),
        ("userName eq [1]", "expected a value"),
        ("userName gt null", "cannot be compared with"),
        ("x509Certificates.value gt \"a\"", "cannot be compared by gt"),
        ("meta.created gt \"yesterday\"", "is none"),
        ("name eq \"Ada\"", "name a part"),
        ("addresses eq \"Ada\"", "name a part"),
        ("not title pr", "no attribute"),
        ("emails[type eq \"work\"].value eq \"a\"", "expected the end"),
        ("department eq \"a\"", "no attribute"),
    ];
    for (filter, words) in cases {
        let why = Filter::parse(&user_type(), filter, &strict()).expect_err(filter);
        assert_eq!((why.status, why.scim_type), (400, Some(ScimType::InvalidFilter)), "{filter}");
        assert!(why.detail.contains(words), "{filter}: {}", why.detail);
    }
}

#[test]
fn brackets_within_each_other_have_an_end() {
    for n in [1, 31, 32, 33, 1_000, 8_000, 100_000] {
        for (open, close) in [("(", ")"), ("not (", ")")] {
            let filter = format!("{}title pr{}", open.repeat(n), close.repeat(n));
            let read = Filter::parse(&user_type(), &filter, &strict());
            assert_eq!(read.is_ok(), n <= scim::MAX_DEPTH && filter.len() <= scim::MAX_LENGTH, "{n} {open}");
        }
        assert!(Filter::parse(&user_type(), &"(".repeat(n), &strict()).is_err());
        assert!(Filter::parse(&user_type(), &"emails[".repeat(n), &strict()).is_err());
    }
    // Long but flat is fine.
    let any: Vec<String> = (0..500).map(|n| format!("id eq \"{n}\"")).collect();
    assert!(Filter::parse(&user_type(), &any.join(" or "), &strict()).is_ok());
}

#[test]
fn what_identity_providers_send_is_taken_where_that_is_chosen() {
    let ada = ada();
    for (filter, expected) in [
        (r#"active eq "True""#, true),
        (r#"active eq True"#, true),
        (r#"active eq "false""#, false),
        (r#"emails[type eq "work"].value eq "ada@example.com""#, true),
        (r#"emails[type eq "home"].value eq "ada@example.com""#, false),
        (r#"emails[type eq "home" or type eq "work"].value sw "ada@h" and title pr"#, true),
        (r#"department eq "Engines""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.department eq "Engines""#, true),
        (r#"manager.value eq "m-1""#, true),
        (r#"externalId eq 1815"#, false),
    ] {
        let read = Filter::parse(&user_type(), filter, &tolerant()).unwrap_or_else(|why| panic!("{filter}: {why}"));
        assert_eq!(read.matches(&ada), expected, "{filter}");
    }
}

#[test]
fn over_several_resource_types_what_one_has_not_has_no_value() {
    let kind = user_type();
    let read = |filter: &str| Filter::parse_any(&kind, filter, &strict());
    let ada = ada();
    assert!(read(r#"members.value eq "x" or userName pr"#).unwrap().matches(&ada));
    assert!(!read(r#"members pr"#).unwrap().matches(&ada));
    assert!(read(r#"not (members pr) and urn:x:other ne "5""#).unwrap().matches(&ada));
    assert_eq!(refused(read("1members pr")), Some(ScimType::InvalidFilter));
}

#[test]
fn numbers_are_compared_as_numbers() {
    let schema = scim::schema::Schema::new(
        "urn:example:Thing",
        "Thing",
        "A thing",
        [
            scim::schema::Attribute::new("count", scim::schema::Kind::Integer, ""),
            scim::schema::Attribute::new("size", scim::schema::Kind::Decimal, ""),
        ],
    );
    let kind = scim::ResourceType {
        name: "Thing".into(),
        description: String::new(),
        endpoint: "/Things".into(),
        schema: std::sync::Arc::new(schema),
        extensions: Vec::new(),
    };
    let thing = crate::common::object(json!({"count": 9_007_199_254_740_993_u64, "size": 2.5}));
    for (filter, expected) in [
        ("count eq 9007199254740993", true),
        ("count eq 9007199254740992", false),
        ("count gt 9007199254740992", true),
        ("size ge 2.5 and size lt 3", true),
        ("size ne 2.50", false),
        ("size gt -1e3", true),
    ] {
        assert_eq!(Filter::parse(&kind, filter, &strict()).unwrap().matches(&thing), expected, "{filter}");
    }
    assert_eq!(refused(Filter::parse(&kind, "count co 5", &strict())), Some(ScimType::InvalidFilter));
    assert_eq!(refused(Filter::parse(&kind, "count eq \"5\"", &strict())), Some(ScimType::InvalidFilter));
    assert!(Filter::parse(&kind, "count gt \"5\"", &tolerant()).unwrap().matches(&thing));
}

#[test]
fn a_filter_prints_as_it_is_written() {
    for (written, printed) in [
        ("USERNAME EQ \"a\"", "userName eq \"a\""),
        ("(title pr and (nickName pr and active eq TRUE))", "title pr and (nickName pr and active eq true)"),
        ("((title pr)) or (nickName pr)", "title pr or nickName pr"),
        ("title pr and (nickName pr or active ne null)", "title pr and (nickName pr or active ne null)"),
        ("not ((title pr))", "not (title pr)"),
        ("emails[ type eq \"x\\\"\\\\\" ]", "emails[type eq \"x\\\"\\\\\"]"),
        ("department pr", &format!("{ENTERPRISE}:department pr")),
        ("manager eq \"x\"", &format!("{ENTERPRISE}:manager.value eq \"x\"")),
    ] {
        let filter = Filter::parse(&user_type(), written, &tolerant()).unwrap();
        assert_eq!(filter.to_string(), printed);
        assert_eq!(Filter::parse(&user_type(), printed, &strict()).unwrap(), filter);
    }
}

#[test]
fn what_every_match_satisfies_is_known_to_whoever_looks_it_up() {
    let kind = user_type();
    let must = |filter: &str| {
        let filter = Filter::parse(&kind, filter, &strict()).unwrap();
        filter.must().into_iter().map(|(path, one)| format!("{path} {} {}", one.operator.as_str(), one.operand)).collect::<Vec<_>>()
    };
    assert_eq!(must(r#"userName eq "A""#), [r#"userName eq "A""#]);
    assert_eq!(must(r#"active eq true and (title pr or id eq "1")"#), ["active eq true"]);
    assert_eq!(must(r#"emails[type eq "work" and value eq "a@b"]"#), [r#"emails.type eq "work""#, r#"emails.value eq "a@b""#]);
    assert!(must(r#"not (userName eq "A")"#).is_empty());
    let filter = Filter::parse(&kind, r#"userName eq "ÀDA""#, &strict()).unwrap();
    let Node::Compare(one) = filter.root() else { panic!("{filter}") };
    assert!(one.path.is("username") && !one.path.is("userName.x") && !one.path.is("name"));
    assert!(matches!(&one.operand, Operand::Text { folded: Some(folded), .. } if folded == "àda"));
}
