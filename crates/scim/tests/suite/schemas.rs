//! Schemas, resource types and what a server says of itself.

use scim::discovery::{Authentication, BulkLimits, Pagination, ServiceProvider};
use scim::schema::{self, Attribute, Schema};
use scim::{ResourceType, discovery};
use serde_json::{Value, json};

use crate::common::{ENTERPRISE, object, strict};

fn names(attributes: &[std::sync::Arc<Attribute>]) -> Vec<&str> {
    attributes.iter().map(|one| one.name.as_str()).collect()
}

#[test]
fn the_schemas_have_what_the_rfc_gives_them() {
    let user = [
        "userName",
        "name",
        "displayName",
        "nickName",
        "profileUrl",
        "title",
        "userType",
        "preferredLanguage",
        "locale",
        "timezone",
        "active",
        "password",
        "emails",
        "phoneNumbers",
        "ims",
        "photos",
        "addresses",
        "groups",
        "entitlements",
        "roles",
        "x509Certificates",
    ];
    assert_eq!(names(&schema::user().attributes), user);
    assert_eq!(
        names(&schema::enterprise_user().attributes),
        ["employeeNumber", "costCenter", "organization", "division", "department", "manager"]
    );
    assert_eq!(names(&schema::group().attributes), ["displayName", "members"]);
    assert_eq!(
        names(&schema::service_provider_config().attributes),
        ["documentationUri", "patch", "bulk", "filter", "changePassword", "sort", "etag", "pagination", "authenticationSchemes"]
    );
    assert_eq!(names(&schema::resource_type().attributes), ["id", "name", "description", "endpoint", "schema", "schemaExtensions"]);
    assert_eq!(names(&schema::schema().attributes), ["id", "name", "description", "attributes"]);
    let attribute = |name: &str| schema::user().attribute(name).expect("a user has it").to_json();
    assert_eq!(attribute("USERNAME")["uniqueness"], "server");
    assert_eq!((&attribute("userName")["required"], &attribute("userName")["caseExact"]), (&json!(true), &json!(false)));
    assert_eq!((&attribute("password")["mutability"], &attribute("password")["returned"]), (&json!("writeOnly"), &json!("never")));
    assert_eq!(attribute("groups")["mutability"], "readOnly");
    assert_eq!(attribute("active")["caseExact"], Value::Null, "case says nothing of a boolean");
    assert_eq!(attribute("emails")["subAttributes"][2]["canonicalValues"], json!(["work", "home", "other"]));
    assert_eq!(attribute("photos")["subAttributes"][0]["referenceTypes"], json!(["external"]));
}

#[test]
fn a_schema_document_has_the_members_of_section_8_7_and_reads_back() {
    for schema in [
        schema::user(),
        schema::enterprise_user(),
        schema::group(),
        schema::service_provider_config(),
        schema::resource_type(),
        schema::schema(),
    ] {
        let document = schema.to_json("https://example.com/v2");
        assert_eq!(document["meta"]["location"], format!("https://example.com/v2/Schemas/{}", schema.id));
        assert_eq!(document["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:Schema"]));
        assert_eq!(Schema::from_json(&object(document)).unwrap(), **schema);
        fn whole(attribute: &Value) {
            for member in ["name", "type", "multiValued", "description", "required", "mutability", "returned", "uniqueness"] {
                assert!(attribute.get(member).is_some(), "{attribute} has {member}");
            }
            assert_eq!(attribute["type"] == "complex", attribute.get("subAttributes").is_some(), "{attribute}");
            assert!(attribute["type"] != "reference" || attribute["referenceTypes"].is_array(), "{attribute}");
            attribute["subAttributes"].as_array().into_iter().flatten().for_each(whole);
        }
        schema.to_json("")["attributes"].as_array().unwrap().iter().for_each(whole);
    }
}

#[test]
fn schemas_of_other_servers_are_read_with_the_defaults_of_the_rfc() {
    let read = Schema::from_json(&object(
        json!({"id": "urn:x", "attributes": [{"name": "a"}, {"name": "b", "type": "Boolean", "multiValued": true}]}),
    ))
    .unwrap();
    assert_eq!(read.attributes[0].kind, schema::Kind::String);
    assert!(read.attributes[1].multi && !read.attributes[1].required);
    for broken in
        [json!({}), json!({"id": "urn:x", "attributes": [{}]}), json!({"id": "urn:x", "attributes": [{"name": "a", "type": "date"}]})]
    {
        assert!(Schema::from_json(&object(broken)).is_err());
    }
    let mut deep = json!({"name": "a", "type": "complex"});
    for _ in 0..5 {
        deep = json!({"name": "a", "type": "complex", "subAttributes": [deep]});
    }
    assert!(Schema::from_json(&object(json!({"id": "urn:x", "attributes": [deep]}))).is_err());
}

#[test]
fn discovery_documents_fit_their_own_schemas() {
    let user = ResourceType::user().to_json("/v2");
    assert_eq!(user["schemaExtensions"], json!([{"schema": ENTERPRISE, "required": false}]));
    assert_eq!(user["endpoint"], "/Users");
    let provider = ServiceProvider {
        documentation: Some("https://example.com/help".into()),
        patch: true,
        bulk: Some(BulkLimits { operations: 1000, bytes: 1_048_576 }),
        filter: true,
        max_results: 200,
        change_password: false,
        sort: true,
        etag: true,
        pagination: Pagination { cursor: true, index: true, default_size: 100, cursor_seconds: None },
        authentication: vec![Authentication::bearer(), Authentication::basic()],
    };
    let document = provider.to_json("/v2");
    assert_eq!(document["bulk"], json!({"supported": true, "maxOperations": 1000, "maxPayloadSize": 1_048_576}));
    assert_eq!(document["pagination"]["defaultPaginationMethod"], "index");
    let list = discovery::resource_type_list([&*ResourceType::user(), &*ResourceType::group()], "/v2");
    assert_eq!((&list["totalResults"], list["Resources"].as_array().unwrap().len()), (&json!(2), 2));
    let schemas = discovery::schema_list([&*ResourceType::user(), &*ResourceType::group()], |schema| schema.to_json("/v2"));
    assert_eq!(schemas["totalResults"], 6);

    // Each fits the schema that describes it, taken as one that a client may write.
    fn writable(schema: &Schema) -> ResourceType {
        fn open(attribute: &Attribute) -> Attribute {
            let sub = attribute.sub.iter().map(|sub| std::sync::Arc::new(open(sub))).collect();
            Attribute { mutability: schema::Mutability::ReadWrite, sub, ..attribute.clone() }
        }
        let schema = Schema::new(&schema.id, &schema.name, "", schema.attributes.iter().map(|one| open(one)));
        let (name, schema) = (schema.name.clone(), std::sync::Arc::new(schema));
        ResourceType { name, description: String::new(), endpoint: "/X".into(), schema, extensions: Vec::new() }
    }
    let kept = |schema: &Schema, document: Value| {
        let mut kept = writable(schema).create(document.clone(), &strict()).unwrap_or_else(|why| panic!("{document}: {why}"));
        kept.insert("meta".into(), document["meta"].clone());
        // `id` is one of those that every resource has; only the server writes it.
        document.get("id").map(|id| kept.insert("id".into(), id.clone()));
        assert_eq!(Value::Object(kept), document);
    };
    kept(schema::service_provider_config(), document);
    kept(schema::resource_type(), user);
    // Its own document is one level deeper than what it describes, as in the RFC.
    kept(schema::schema(), schema::user().to_json("/v2"));
}

#[test]
fn a_server_may_ask_for_more_or_have_less() {
    let schema = schema::user().as_ref().clone().with("NAME", Attribute::required).without("ims");
    assert!(schema.attribute("name").unwrap().required && schema.attribute("ims").is_none());
    let kind = ResourceType { schema: std::sync::Arc::new(schema), ..ResourceType::user().as_ref().clone() };
    let why = kind.create(json!({"schemas": [kind.schema.id.as_str()], "userName": "x"}), &strict()).unwrap_err();
    assert_eq!(why.detail, "name is required");
}
