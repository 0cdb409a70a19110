"""Evaluates expressions with the engine.

Reads one JSON document, a list of expressions with typed rows:

    [{"text": "length(a0)", "kinds": ["VARCHAR"], "rows": [["x"], [null]]}]

The last line is one JSON object. Its result has a list for each expression, with one of
these for each row:

    {"kind": "BIGINT", "value": 1}    a value, or null
    {"error": "..."}                  the row could not be computed
    {"refused": "..."}                the expression is none for the engine

A value is carried as its own kind of JSON, except: floating point numbers are text,
VARBINARY is hexadecimal, TIMESTAMP is the nanoseconds since 1970 as text, DATE the days, a
MAP is a list of pairs.
"""

import json
import re
import sys

import pyarrow as pa
import pyvelox as engine

ARROW = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "REAL": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "VARBINARY": pa.binary(),
    "TIMESTAMP": pa.timestamp("ns"),
    "DATE": pa.date32(),
    # The expression parses it.
    "JSON": pa.string(),
}

NESTED = re.compile(r"(ARRAY|MAP)<(.*)>$")

# How the engine says that it does not know a function for these arguments at all.
REFUSALS = (
    "Scalar function doesn't exist",
    "Scalar function signature is not supported",
    "Cannot parse expression",
    "Cannot resolve type",
)


def parts(kind):
    """The outer kind and the inner ones: MAP<VARCHAR,BIGINT> is MAP of VARCHAR and BIGINT."""
    nested = NESTED.match(kind)
    if nested is None:
        return kind, []
    inner = [""]
    depth = 0
    for char in nested[2]:
        depth += {"<": 1, ">": -1}.get(char, 0)
        if char == "," and depth == 0:
            inner.append("")
        else:
            inner[-1] += char
    return nested[1], inner


def arrow(kind):
    outer, inner = parts(kind)
    if outer == "ARRAY":
        return pa.list_(arrow(inner[0]))
    if outer == "MAP":
        return pa.map_(arrow(inner[0]), arrow(inner[1]))
    return ARROW[outer]


def decoded(kind, value):
    if value is None:
        return None
    outer, inner = parts(kind)
    if outer == "ARRAY":
        return [decoded(inner[0], item) for item in value]
    if outer == "MAP":
        return [(decoded(inner[0], k), decoded(inner[1], v)) for k, v in value]
    if outer in ("REAL", "DOUBLE"):
        return float(value)
    if outer == "TIMESTAMP":
        return int(value)
    if outer == "VARBINARY":
        return bytes.fromhex(value)
    return value


def encoded(scalar):
    if isinstance(scalar, (pa.DictionaryScalar, pa.RunEndEncodedScalar)):
        return encoded(scalar.value)
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pa.MapScalar):
        return [[encoded(pair["key"]), encoded(pair["value"])] for pair in scalar.values]
    if isinstance(scalar, pa.ListScalar):
        return [encoded(item) for item in scalar.values]
    if isinstance(scalar, pa.TimestampScalar):
        return str(scalar.value)
    if isinstance(scalar, pa.Date32Scalar):
        return scalar.value
    if isinstance(scalar, pa.StringScalar):
        # Functions can cut a character in two.
        return bytes(scalar.as_buffer()).decode(errors="replace")
    value = scalar.as_py()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return value.hex()
    return value


def failure(error):
    """The reason without the engine's file names and stack."""
    text = str(error)
    found = re.search(r"Reason: (.*?)\n(?:Retriable|Expression|Context|Function)", text, re.S)
    reason = (found[1] if found else text)[:200]
    kind = "refused" if reason.startswith(REFUSALS) else "error"
    return {kind: reason}


def evaluated(expression, kinds, rows):
    """The result of all rows at once; any row that fails makes all fail."""
    columns = [
        engine.import_from_arrow(
            pa.array([decoded(kind, row[i]) for row in rows], type=arrow(kind))
        )
        for i, kind in enumerate(kinds)
    ]
    if not columns:
        # Without a column the engine knows of no rows.
        columns = [engine.import_from_arrow(pa.array([0] * len(rows), pa.int64()))]
    names = [f"a{i}" for i in range(len(columns))]
    return expression.evaluate(names, columns)


def values(result):
    kind = str(result.dtype())
    return [{"kind": kind, "value": encoded(value)} for value in engine.export_to_arrow(result)]


def evaluate(expression, kinds, row):
    """What one row gives, which may be a failure."""
    try:
        result = evaluated(expression, kinds, [row])
        try:
            return values(result)[0]
        except RuntimeError as error:
            return {"kind": str(result.dtype()), "value": far_away(error)}
    except (RuntimeError, ValueError) as error:
        return failure(error)


def far_away(error):
    """A time that 64 bits of nanoseconds cannot hold is told only in the complaint."""
    found = re.search(r"Could not convert Timestamp\((-?\d+), (\d+)\) to nanoseconds", str(error))
    if found is None:
        raise error
    return str(int(found[1]) * 1_000_000_000 + int(found[2]))


def answers(text, kinds, rows):
    try:
        expression = engine.Expression.from_string(text)
    except RuntimeError as error:
        return [failure(error) for _ in rows]
    try:
        return values(evaluated(expression, kinds, rows))
    except (RuntimeError, ValueError):
        return [evaluate(expression, kinds, row) for row in rows]


def main():
    engine.register_presto_signatures()
    expressions = json.load(sys.stdin)
    result = [answers(e["text"], e["kinds"], e["rows"]) for e in expressions]
    calls = sum(len(rows) for rows in result)
    print(json.dumps({"calls": calls, "result": result}))


if __name__ == "__main__":
    main()
