"""Logs through the handler of the service's Python client, at a pace.

    python log_call.py PORT

Each line of the standard input is a gap in nanoseconds and a number of calls; it is answered
with the nanoseconds that half of the calls stay below, without those for reading the clock.
"""

import logging
import sys
from time import perf_counter_ns

from aliyun.log import QueuedLogHandler


def median_of(call, gap, calls):
    times = []
    for order in range(calls):
        due = perf_counter_ns() + gap
        while perf_counter_ns() < due:
            pass
        before = perf_counter_ns()
        call(order)
        times.append(perf_counter_ns() - before)
    times.sort()
    return times[calls // 2]


def main():
    handler = QueuedLogHandler(
        "http://127.0.0.1:" + sys.argv[1],
        "bench-key-id",
        "bench-key-secret",
        "bench",
        "bench",
    )
    logger = logging.getLogger("shop.orders")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)

    def call(order):
        logger.info("order %d of %s paid after %d ms", order, "user-17", order % 97)

    for line in sys.stdin:
        gap, calls = map(int, line.split())
        clock = median_of(lambda order: None, 0, 2000)
        print(median_of(call, gap, calls) - clock, flush=True)


if __name__ == "__main__":
    main()
