"""Asks for the cursors of shard 0, and for the times behind them.

    python cursors.py SECONDS..     the times, in seconds, to ask a cursor for
"""

import sys

from session import LOGSTORE, PROJECT, answer, connect


def main():
    client = connect()
    shard = (PROJECT, LOGSTORE, 0)
    begin = client.get_cursor(*shard, "begin").get_cursor()
    end = client.get_cursor(*shard, "end").get_cursor()
    answer(
        {
            "begin": begin,
            "end": end,
            "at": [client.get_cursor(*shard, time).get_cursor() for time in sys.argv[1:]],
            "begin_time": client.get_cursor_time(*shard, begin).get_cursor_time(),
            "end_time": client.get_cursor_time(*shard, end).get_cursor_time(),
            "previous_of_end": client.get_previous_cursor_time(*shard, end).get_cursor_time(),
            # Nothing is in front of the first group: the client asks again for the first one.
            "previous_of_begin": client.get_previous_cursor_time(*shard, begin).get_cursor_time(),
        }
    )


if __name__ == "__main__":
    main()
