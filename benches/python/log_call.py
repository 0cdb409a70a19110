"""Logs through the handler of the service's Python client, at a pace.

    python log_call.py PORT

Each line of the standard input is a gap in nanoseconds and a number of calls; it is answered
with the nanoseconds of a call, as the mean of the middle half of them, without those for
reading the clock.
"""

import logging
import os
import sys
from time import perf_counter_ns, sleep

from aliyun.log import QueuedLogHandler


def middle_of(call, gap, calls):
    times = []
    for order in range(calls):
        due = perf_counter_ns() + gap
        while perf_counter_ns() < due:
            pass
        before = perf_counter_ns()
        call(order)
        times.append(perf_counter_ns() - before)
    times.sort()
    middle = times[calls // 4 : calls - calls // 4]
    return sum(middle) / len(middle)


def main():
    # The client puts the project and a dot in front of the endpoint, so this is 127.0.0.1.
    handler = QueuedLogHandler(
        "http://0.0.1:" + sys.argv[1],
        "bench-key-id",
        "bench-key-secret",
        "127",
        "bench",
    )
    # A record that is not accepted ends the comparison.
    handler.handleError = lambda record: os._exit(1)
    logger = logging.getLogger("shop.orders")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)

    def call(order):
        logger.info("order %d of %s paid after %d ms", order, "user-17", order % 97)

    for line in sys.stdin:
        gap, calls = map(int, line.split())
        clock = middle_of(lambda order: None, 0, 2000)
        middle = middle_of(call, gap, calls)
        while not handler.queue.empty():
            sleep(0.01)
        print(middle - clock, flush=True)


if __name__ == "__main__":
    main()
