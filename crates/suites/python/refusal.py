"""Makes one call that the service refuses, and answers with the client's exception.

    python refusal.py NAME     one of the names in CALLS
"""

import sys

from aliyun.log import LogException

from session import LOGSTORE, PROJECT, answer, connect


def wrong_secret():
    connect(accessKey="not-the-secret").list_shards(PROJECT, LOGSTORE)


def unknown_key():
    connect(accessKeyId="nobody").list_shards(PROJECT, LOGSTORE)


def wrong_token():
    connect(securityToken="not-the-token").list_shards(PROJECT, LOGSTORE)


def no_token():
    connect(securityToken=None).list_shards(PROJECT, LOGSTORE)


def broken_spl():
    client = connect()
    cursor = client.get_cursor(PROJECT, LOGSTORE, 0, "begin").get_cursor()
    client.pull_logs(PROJECT, LOGSTORE, 0, cursor, query="* | where cast(cdn_in as) > 70")


def missing_logstore():
    connect().list_shards(PROJECT, "missing")


def missing_project():
    connect().get_project("missing")


def existing_logstore():
    connect().create_logstore(PROJECT, LOGSTORE)


CALLS = [
    wrong_secret,
    unknown_key,
    wrong_token,
    no_token,
    broken_spl,
    missing_logstore,
    missing_project,
    existing_logstore,
]


def main():
    call = {call.__name__: call for call in CALLS}[sys.argv[1]]
    try:
        call()
    except LogException as refusal:
        answer(
            {
                "status": refusal.get_resp_status(),
                "code": refusal.get_error_code(),
                "message": refusal.get_error_message(),
                "request_id": refusal.get_request_id(),
            }
        )
    else:
        sys.exit("was not refused")


if __name__ == "__main__":
    main()
