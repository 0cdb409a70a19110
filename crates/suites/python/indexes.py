"""Makes, reads, changes and deletes an index, and answers with what each step was told.

    python indexes.py CREATED CHANGED     two indexes as JSON
"""

import json
import sys

from aliyun.log import IndexConfig, LogException

from session import LOGSTORE, PROJECT, answer, connect

STORE = (PROJECT, LOGSTORE)


def index(text):
    config = IndexConfig()
    config.from_json(json.loads(text))
    return config


def told(client):
    """The index as the service sent it, and as the client reads it."""
    response = client.get_index_config(*STORE)
    return {"sent": response.get_body(), "read": response.get_index_config().to_json()}


def refusal(call, *args):
    try:
        call(*args)
    except LogException as refused:
        return refused.get_error_code()
    return None


def main():
    created, changed = map(index, sys.argv[1:])
    client = connect()
    found = {}
    found["update_before"] = refusal(client.update_index, *STORE, changed)
    found["get_before"] = refusal(client.get_index_config, *STORE)
    client.create_index(*STORE, created)
    found["created"] = told(client)
    found["create_again"] = refusal(client.create_index, *STORE, created)
    client.update_index(*STORE, changed)
    found["changed"] = told(client)
    client.delete_index(*STORE)
    found["get_after"] = refusal(client.get_index_config, *STORE)
    found["delete_again"] = refusal(client.delete_index, *STORE)
    answer(found)


if __name__ == "__main__":
    main()
