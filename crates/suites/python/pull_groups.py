"""Pulls every shard of the logstore to its end, and answers with the groups of each.

    python pull_groups.py {plain|lz4|zstd}
"""

import sys

import groups
from session import LOGSTORE, PROJECT, answer, connect


def pull_shard(client, shard, compression):
    cursor = client.get_cursor(PROJECT, LOGSTORE, shard, "begin").get_cursor()
    while True:
        pulled = client.pull_logs(
            PROJECT,
            LOGSTORE,
            shard,
            cursor,
            count=2,
            compress=compression != "plain",
            accept_compress_type=compression,
        )
        for message in pulled.get_loggroup_list().LogGroups:
            yield groups.to_json(message)
        if pulled.get_next_cursor() == cursor:
            return
        cursor = pulled.get_next_cursor()


def main():
    client = connect()
    shards = [shard["shardID"] for shard in client.list_shards(PROJECT, LOGSTORE).shards]
    answer([list(pull_shard(client, shard, sys.argv[1])) for shard in shards])


if __name__ == "__main__":
    main()
