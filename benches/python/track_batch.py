"""Builds a batch of events with GrowingIO's package and writes its body, as often as told.

    python track_batch.py json|snappy-xor|protobuf

Each line of the standard input is a number of batches; each is answered with the seconds of
processor time they took and the length of the last body.
"""

import sys
import time

from growingio_tracker import CustomEventMessage
from growingio_tracker.data_parser import JsonParser

EVENTS = 500
STM = 1700000000123


def parser_of(name):
    if name == "protobuf":
        from growingio_tracker_protobuf.protobuf_parser import ProtobufParser

        return ProtobufParser()
    if name == "snappy-xor":
        from growingio_tracker_snappy import SnappyParser

        return SnappyParser(crypt_data=True)
    return JsonParser()


def batch(parser):
    messages = []
    for number in range(EVENTS):
        message = (
            CustomEventMessage.EventBuilder()
            .set_event_name("order_paid")
            .set_anonymous_id("visitor-%06d" % number)
            .set_login_user("email", "user-%06d@example.com" % number)
            .set_attributes(
                {
                    "amount": 15.52,
                    "channel": "mini program",
                    "count": number,
                    "currency": "CNY",
                    "tags": ["new", "gift"],
                }
            )
            .build()
        )
        # Bodies that are compressed are compared by their length.
        message.event_time = STM
        message.product_id = "bc675c65b3b0290e"
        message.data_source_id = "939c0b26233d3ed1"
        messages.append(message)
    return parser.get_bytes(messages, STM)


def main():
    parser = parser_of(sys.argv[1])
    for line in sys.stdin:
        before = time.process_time()
        for _ in range(int(line)):
            body = batch(parser)
        print(time.process_time() - before, len(body), flush=True)


if __name__ == "__main__":
    main()
