"""Reads what pull_with_spl.py printed, and answers with the log groups in it, pull by pull."""

import ast
import json
import sys


def main():
    pulls = []
    for line in sys.stdin:
        if line.startswith("PullLogResponse"):
            pulls.append([])
        elif line.startswith("detail: "):
            pulls[-1] = ast.literal_eval(line[len("detail: "):])
    print(json.dumps({"calls": 0, "result": pulls}))


if __name__ == "__main__":
    main()
