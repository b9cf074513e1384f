"""Plays Entra as Microsoft documents its requests: everything but the first POST is a PATCH, with its words and its spelling."""

import sys

import requests

url, token, what, *people = sys.argv[1:]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {token}"
session.headers["Content-Type"] = "application/scim+json; charset=utf-8"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def asked(method, path, status, **more):
    answer = session.request(method, url + path, **more)
    assert answer.status_code in status, (method, path, answer.status_code, answer.text)
    return answer.json() if answer.content else None


def found(name):
    return asked("GET", "/Users", [200], params={"filter": f'userName eq "{name}"'})["Resources"]


# Its test of a connection: somebody who is not there.
assert found("6a1ee1d6-not-there") == []
for name in people:
    users = found(name)
    if what == "join":
        assert users == []
        asked("POST", "/Users", [201], json={
            "schemas": [CORE, ENTERPRISE], "externalId": "ent-" + name, "userName": name, "active": True,
            "displayName": name, "emails": [{"primary": True, "type": "work", "value": name}],
            "meta": {"resourceType": "User"}, "name": {"formatted": "Given Family", "familyName": "Family", "givenName": "Given"},
            "roles": [], ENTERPRISE: {"department": "Sales"},
        })
    else:
        operations = {
            "move": [
                {"op": "Replace", "path": "title", "value": "Engineer"},
                {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "Development"},
                {"op": "Add", "path": "phoneNumbers[type eq \"work\"].value", "value": "+1 555 0100"},
            ],
            "leave": [{"op": "Replace", "path": "active", "value": "False"}],
        }[what]
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations}
        asked("PATCH", "/Users/" + users[0]["id"], [200, 204], json=body)
    [user] = found(name)
    assert user["active"] is (what != "leave"), user
    assert what != "move" or (user["title"] == "Engineer" and user[ENTERPRISE]["department"] == "Development"), user
