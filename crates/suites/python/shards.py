"""Splits and merges shards, and answers with what the service says after each step.

    python shards.py KEY     where to split shard 0
"""

import sys

from aliyun.log import LogException

from session import LOGSTORE, PROJECT, answer, connect

STORE = (PROJECT, LOGSTORE)


def main():
    client = connect()
    found = {"split": client.split_shard(*STORE, 0, sys.argv[1]).get_shards_info()}
    found["after_split"] = client.list_shards(*STORE).get_shards_info()
    left = found["split"][1]["shardID"]
    found["merge"] = client.merge_shard(*STORE, left).get_shards_info()
    found["after_merge"] = client.list_shards(*STORE).get_shards_info()
    try:
        client.split_shard(*STORE, 0, sys.argv[1])
    except LogException as refused:
        found["split_closed"] = refused.get_error_code()
    answer(found)


if __name__ == "__main__":
    main()
