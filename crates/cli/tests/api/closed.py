"""Holds answers against the schemas of the document, each closed: a member that it does not know is an error."""

import json
import sys

import jsonschema_rs

given = json.load(open(sys.argv[1]))
document = given["document"]


def closed(schema):
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema and "type" in schema:
        schema["unevaluatedProperties"] = False
    return schema


def moved(schema):
    return json.loads(json.dumps(schema).replace("#/components/schemas/", "#/$defs/"))


schemas = {name: closed(schema) for name, schema in document["components"]["schemas"].items()}
wrong = 0
for one in given["answers"]:
    said = document["paths"][one["path"]]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = jsonschema_rs.Draft202012Validator(moved({**said, "$defs": schemas}))
    for error in validator.iter_errors(one["answer"]):
        wrong += 1
        print(one["path"], list(error.instance_path), error.message[:300])
print(len(given["answers"]), "answers,", wrong, "wrong")
sys.exit(1 if wrong or not given["answers"] else 0)
