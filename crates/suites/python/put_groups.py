"""Puts the log groups that it reads from standard input.

The input is a list of {"with": METHOD, "group": GROUP, "key": HASH KEY OR NULL}; a group is
as in groups.py. The methods:

    plain, lz4, zstd   put_logs with that compression
    raw                put_log_raw, the only call that takes values which are not UTF-8
"""

import json
import sys

from aliyun.log import LogItem, PutLogsRequest

import groups
from session import LOGSTORE, PROJECT, answer, connect


def request(put):
    group = put["group"]
    items = []
    for log in group["logs"]:
        item = LogItem(log["time"], [tuple(pair) for pair in log["contents"]])
        # The constructor takes a zero for "not given" and the time of day instead.
        item.set_time_nano_part(log["time_ns"])
        items.append(item)
    return PutLogsRequest(
        PROJECT,
        LOGSTORE,
        topic=group["topic"],
        source=group["source"],
        logitems=items,
        hashKey=put["key"],
        compress=put["with"] != "plain",
        logtags=[tuple(tag) for tag in group["tags"]],
        compress_type=put["with"],
    )


def main():
    client = connect()
    for put in json.load(sys.stdin):
        if put["with"] == "raw":
            client.put_log_raw(PROJECT, LOGSTORE, groups.from_json(put["group"]))
        else:
            client.put_logs(request(put))
    answer(None)


if __name__ == "__main__":
    main()
