"""Searches the logstore, and answers with what was found by each question.

    python queries.py FROM TO     seconds; the second is no longer part of what is searched

Standard input is a list of questions: {"call": NAME, ..} with the arguments of that call.

    get_log       topic, query, size, offset, reverse: pages of a hundred logs, put together
    get_logs      query, line, offset, reverse: one request; "v2" asks in the older form
    histograms    query, topic: the number of logs in each part of the time
    topics        line, token: one page of the topics

A log is a list of its time, its source and an object of the rest.
"""

import json
import sys

from aliyun.log import GetHistogramsRequest, GetLogsRequest, ListTopicsRequest

from session import LOGSTORE, PROJECT, answer, connect

FROM, TO = map(int, sys.argv[1:])


def logs(response):
    return {
        "complete": response.is_completed(),
        "count": response.get_count(),
        "logs": [
            [log.get_time(), log.get_source(), log.get_contents()]
            for log in response.get_logs()
        ],
    }


def get_log(client, **arguments):
    return logs(client.get_log(PROJECT, LOGSTORE, FROM, TO, **arguments))


def get_logs(client, v2=False, **arguments):
    client._get_logs_v2_enabled = not v2
    try:
        request = GetLogsRequest(PROJECT, LOGSTORE, fromTime=FROM, toTime=TO, **arguments)
        return logs(client.get_logs(request))
    finally:
        client._get_logs_v2_enabled = True


def histograms(client, **arguments):
    request = GetHistogramsRequest(PROJECT, LOGSTORE, FROM, TO, **arguments)
    response = client.get_histograms(request)
    return {
        "complete": response.is_completed(),
        "count": response.get_total_count(),
        "parts": [
            [part.get_from(), part.get_to(), part.get_count(), part.is_completed()]
            for part in response.get_histograms()
        ],
    }


def topics(client, **arguments):
    response = client.list_topics(ListTopicsRequest(PROJECT, LOGSTORE, **arguments))
    return {"topics": response.get_topics(), "next": response.get_next_token()}


CALLS = {call.__name__: call for call in (get_log, get_logs, histograms, topics)}


def main():
    client = connect()
    found = []
    for question in json.load(sys.stdin):
        found.append(CALLS[question.pop("call")](client, **question))
    answer(found)


if __name__ == "__main__":
    main()
