"""Log groups as JSON.

Text is a JSON string, or a list of byte values where the bytes are not UTF-8:

    {"topic": "t", "source": null, "tags": [["k", "v"]],
     "logs": [{"time": 1, "time_ns": null, "contents": [["k", [255]]]}]}
"""

from aliyun.log.proto import LogGroupRaw


def from_json(group):
    """The protobuf message; of the schema that takes bytes, so that any value can be told."""
    message = LogGroupRaw()
    for log in group["logs"]:
        log_message = message.Logs.add(Time=log["time"])
        if log["time_ns"] is not None:
            log_message.Time_ns = log["time_ns"]
        for key, value in log["contents"]:
            log_message.Contents.add(Key=key, Value=_to_bytes(value))
    if group["topic"] is not None:
        message.Topic = group["topic"]
    if group["source"] is not None:
        message.Source = group["source"]
    for key, value in group["tags"]:
        message.LogTags.add(Key=key, Value=value)
    return message


def to_json(message):
    """What a pulled group holds, of whichever schema the client chose."""
    return {
        "topic": _optional(message, "Topic"),
        "source": _optional(message, "Source"),
        "tags": [[_to_text(tag.Key), _to_text(tag.Value)] for tag in message.LogTags],
        "logs": [
            {
                "time": log.Time,
                "time_ns": _optional(log, "Time_ns"),
                "contents": [[_to_text(c.Key), _to_text(c.Value)] for c in log.Contents],
            }
            for log in message.Logs
        ],
    }


def _optional(message, field):
    if not message.HasField(field):
        return None
    value = getattr(message, field)
    return value if isinstance(value, int) else _to_text(value)


def _to_bytes(value):
    return value.encode() if isinstance(value, str) else bytes(value)


def _to_text(value):
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return list(value)
