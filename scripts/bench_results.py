"""What the files that rulebus_benchmarks writes say, for write_performance.py and bench_compare; and what counts as noise."""

import json
import re
import statistics

# Less than this is not believed even if the runs of one program agree better: where the linker puts code and what the
# memory allocator did before move times by as much.
LEAST_DIFFERENCE = 0.02


class BadResults(Exception):
    """The file is not what it should be, or a benchmark failed."""


class Series:
    """One benchmark: nanoseconds per item of each repetition, and what it counted in each."""

    def __init__(self):
        self.nanoseconds = []
        self.counted = {}

    counters = property(lambda self: {key: statistics.median(values) for key, values in self.counted.items()})
    median = property(lambda self: statistics.median(self.nanoseconds))
    low = property(lambda self: min(self.nanoseconds))
    high = property(lambda self: max(self.nanoseconds))


def read_results(path):
    """(context, {name: Series}) of one file of --benchmark_out."""
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        context, runs = content["context"], content["benchmarks"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BadResults(f"{path}: not the JSON output of the benchmarks: {problem!r}") from problem
    found = {}
    # As they were registered, not as chance ordered the repetitions.
    for run in sorted(runs, key=lambda r: r.get("family_index", 0)):
        if run.get("run_type") != "iteration":
            continue  # a mean or deviation: ours are medians
        name = re.sub(r"/(real_time|manual_time|threads:\d+|repeats:\d+|iterations:\d+|min_time:[\d.]+)(?=/|$)", "", run["name"])
        if run.get("error_occurred"):
            raise BadResults(f"{path}: {name} failed: {run.get('error_message')}")
        series = found.setdefault(name, Series())
        series.nanoseconds.append(1e9 / run["items_per_second"])
        for key, value in run.items():
            if isinstance(value, (int, float)) and key not in ("family_index", "per_family_instance_index", "repetition_index"):
                series.counted.setdefault(key, []).append(value)
    if not found:
        raise BadResults(f"{path}: no results")
    return context, found


def compare(before, after):
    """(change of the median, verdict) of two lists of times: 'faster', 'slower', or 'noise'.

    A difference counts when it is larger than either list differs within itself, from its fastest to its slowest run.
    That asks for more than that the two lists do not overlap, since dozens of benchmarks are compared at once. What disturbs
    one must have had the chance to disturb the other: the runs must be interleaved.
    """
    a, b = statistics.median(before), statistics.median(after)
    change = b / a - 1
    noise = max(max(before) - min(before), max(after) - min(after), LEAST_DIFFERENCE * a)
    if len(before) < 2 or len(after) < 2 or abs(b - a) <= noise:
        return change, "noise"
    return change, "faster" if b < a else "slower"


def grouped(number):
    """12345.6 as 12,346; small numbers keep three digits."""
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"
