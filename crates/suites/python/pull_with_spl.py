"""Reads a logstore through an SPL query: the user guide's program for Python.

Its calls and their order are the guide's. Its endless loop has an end here: a shard is
done when its cursor stood still in a pull that began after standard input was closed.

    python pull_with_spl.py {begin|end}
"""

import os
import sys
import threading
import time

from aliyun.log import *

closed = threading.Event()


def wait_for_close():
    sys.stdin.read()
    closed.set()


def main():
    endpoint = os.environ["SLS_ENDPOINT"]
    key_id = os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
    key_secret = os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
    project = os.environ["SLS_PROJECT"]
    logstore = os.environ["SLS_LOGSTORE"]
    query = "* | where cast(cdn_in as bigint) > 70"
    init_cursor = sys.argv[1]
    log_group_count = 10

    threading.Thread(target=wait_for_close, daemon=True).start()
    client = LogClient(endpoint, key_id, key_secret)

    listed = client.list_shards(project, logstore)
    listed.log_print()
    shards = [shard.get("shardID") for shard in listed.shards]

    cursors = {}
    for shard in shards:
        found = client.get_cursor(project, logstore, shard, init_cursor)
        cursors[shard] = found.get_cursor()

    done = set()
    while len(done) < len(shards):
        for shard in shards:
            last_round = closed.is_set()
            pulled = client.pull_logs(
                project, logstore, shard, cursors.get(shard), log_group_count, query=query
            )
            pulled.log_print()
            if cursors[shard] != pulled.next_cursor:
                cursors[shard] = pulled.next_cursor
            elif last_round:
                done.add(shard)
            else:
                time.sleep(3)


if __name__ == "__main__":
    main()
