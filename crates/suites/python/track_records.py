"""Tracks records with GrowingIO's package, and ends.

    python track_records.py HOST PRODUCT SOURCE PARSER CONSUMER

    PARSER      json, snappy, snappy-xor or protobuf
    CONSUMER    default, debug, buffered, async or async-stop

Standard input is a list of {"call": .., "arguments": {..}}, each one method of the tracker.
The last line is the answer:

    {"calls": 3, "result": {"beside": 3}}       posts in all, and those of another thread
"""

import json
import sys
import threading

from growingio_tracker import (
    AsyncBufferedConsumer,
    BufferedConsumer,
    CustomEventMessage,
    DebugConsumer,
    DefaultConsumer,
    GrowingTracker,
)
from growingio_tracker.data_parser import JsonParser
from growingio_tracker_protobuf.protobuf_parser import ProtobufParser
from growingio_tracker_snappy import SnappyParser

PARSERS = {
    "json": JsonParser,
    "snappy": SnappyParser,
    "snappy-xor": lambda: SnappyParser(crypt_data=True),
    "protobuf": ProtobufParser,
}

CONSUMERS = {
    "default": (DefaultConsumer, {}),
    "debug": (DebugConsumer, {}),
    # Fewer than the events, so that a part is sent by itself and the rest by flush.
    "buffered": (BufferedConsumer, {"max_size": 3}),
    "async": (AsyncBufferedConsumer, {"flush_after": 0.5}),
    "async-stop": (AsyncBufferedConsumer, {"flush_after": 1}),
}

# How long an item may take that its consumer sends at once or at the next turn of its thread.
LONGEST_WAIT = 10


class Posts:
    """Counts what a consumer posts."""

    def __init__(self, consumer):
        self.calls = 0
        self.beside = 0
        self.item_posted = threading.Event()
        consumer._session.hooks["response"].append(self._count)

    def _count(self, response, *_args, **_kwargs):
        response.raise_for_status()
        self.calls += 1
        self.beside += threading.current_thread() is not threading.main_thread()
        if "/collect/item" in response.url:
            self.item_posted.set()


def perform(tracker, call, arguments):
    if call == "track":
        builder = CustomEventMessage.EventBuilder()
        for name, value in arguments.items():
            getattr(builder, "set_" + name)(value)
        tracker.track(builder.build())
    else:
        getattr(tracker, call)(**arguments)


def main():
    host, product, source, parser, name = sys.argv[1:]
    kind, settings = CONSUMERS[name]
    consumer = kind(product, source, host, data_parser=PARSERS[parser](), **settings)
    posts = Posts(consumer)
    tracker = GrowingTracker.consumer(consumer)
    for record in json.load(sys.stdin):
        posts.item_posted.clear()
        perform(tracker, **record)
        # stop() forgets what was tracked while the thread was posting.
        if record["call"] == "submit_item" and not posts.item_posted.wait(LONGEST_WAIT):
            raise SystemExit("an item was not posted in time")
    if name == "buffered":
        consumer.flush()
    elif name in ("async", "async-stop"):
        consumer.stop()
    print(json.dumps({"calls": posts.calls, "result": {"beside": posts.beside}}), flush=True)


if __name__ == "__main__":
    main()
