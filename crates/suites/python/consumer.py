"""A member of a consumer group: prints what it processed until it is killed or told to end.

    python consumer.py GROUP NAME

Each line is about one pull: {"shard": 0, "numbers": [..]} with the field `number` of its
logs. It is printed before the checkpoint is saved, so what a checkpoint covers was told.
When standard input is closed the member leaves the group, and the answer follows.
"""

import json
import os
import sys
import time

from aliyun.log.consumer import ConsumerProcessorBase, ConsumerWorker, CursorPosition, LogHubConfig

from session import LOGSTORE, PROJECT, answer, counted

# Seconds. A member that is silent for twice the first has left; the second is how often
# a member looks for something to do.
HEARTBEAT = 1
FETCH = 0.1
# Small pulls that take their time, so that a member can be killed between two of them.
GROUPS = 2
WORK = 0.05


class Processor(ConsumerProcessorBase):
    def process(self, log_groups, check_point_tracker):
        time.sleep(WORK)
        numbers = [
            int(content.Value)
            for group in log_groups.LogGroups
            for log in group.Logs
            for content in log.Contents
            if content.Key == "number"
        ]
        # One write, since two shards may be processed at once.
        line = json.dumps({"shard": self.shard_id, "numbers": numbers}) + "\n"
        os.write(sys.stdout.fileno(), line.encode())
        check_point_tracker.save_check_point(True)


def main():
    group, name = sys.argv[1:]
    config = LogHubConfig(
        os.environ["SLS_ENDPOINT"],
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        PROJECT,
        LOGSTORE,
        group,
        name,
        cursor_position=CursorPosition.BEGIN_CURSOR,
        heartbeat_interval=HEARTBEAT,
        data_fetch_interval=FETCH,
        max_fetch_log_group_size=GROUPS,
    )
    worker = ConsumerWorker(Processor, consumer_option=config)
    counted(worker.consumer_client.mclient)
    worker.start()
    sys.stdin.read()
    worker.shutdown()
    worker.join()
    answer(None)


if __name__ == "__main__":
    main()
