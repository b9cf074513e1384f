"""Plays Okta with scim2-client: looks for everybody by userName, POSTs whom it does not find, PUTs whom it finds."""

import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import SearchRequest

url, token, what, *people = sys.argv[1:]
client = SyncSCIMClient(Client(base_url=url, headers={"Authorization": f"Bearer {token}"}))
client.discover()
User = client.get_resource_model("User")


def found(name):
    list_of = client.query(User, query_parameters=SearchRequest(filter=f'userName eq "{name}"', start_index=1, count=100))
    return list_of.resources[0] if list_of.total_results else None


for name in people:
    user = found(name)
    if what == "join":
        assert user is None, user
        client.create(User(
            user_name=name, external_id="00u" + name, active=True, display_name=name, password="never kept",
            emails=[User.Emails(value=name, type="work", primary=True)], name=User.Name(given_name="Given", family_name="Family"),
        ))
    elif what == "move":
        user.title = "Engineer"
        assert client.replace(user).title == "Engineer"
    elif what == "leave":
        user.active = False
        assert client.replace(user).active is False
    user = found(name)
    assert user.active is (what != "leave"), user
