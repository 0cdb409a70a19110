"""Logs through the handler of the user guide, configured by a file, and ends.

Nothing is flushed here: what is in the handler's queue must leave it on the way out. The
answer comes after that, and says what each record was, under the names of its attributes.
"""

import atexit
import logging
import logging.config
import os

from session import answer, counted

CONFIGURATION = os.path.join(os.path.dirname(os.path.abspath(__file__)), "log_handler.conf")

# What the handler sends of every record, besides the message.
ATTRIBUTES = [
    "name",
    "levelname",
    "funcName",
    "module",
    "pathname",
    "lineno",
    "process",
    "processName",
    "thread",
    "threadName",
]

records = []


class Remember(logging.Filter):
    """Notes what passes, and lets it."""

    def __init__(self, handler):
        super().__init__()
        self.handler = handler

    def filter(self, record):
        fields = {name: str(getattr(record, name)) for name in ATTRIBUTES}
        fields["message"] = self.handler.format(record)
        records.append({"time": int(record.created), "fields": fields})
        return True


def work(logger):
    logger.debug("below the level, so it stays here")
    logger.info("order placed")
    logger.warning("only %d left of %s", 3, "茶叶")
    try:
        1 / 0
    except ZeroDivisionError as error:
        logger.exception(error)
    logger.error("in another place", extra={"order": 17, "customer": {"id": "c-1"}})


def main():
    # Registered before the handler's own step, so done after it.
    atexit.register(answer, records)
    logging.config.fileConfig(CONFIGURATION)
    logger = logging.getLogger("shop")
    handler = logger.handlers[-1]
    handler.create_client()
    counted(handler.client)
    handler.addFilter(Remember(handler))
    work(logger)


if __name__ == "__main__":
    main()
