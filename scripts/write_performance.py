#!/usr/bin/env python3
"""write_performance.py RESULTS.json [--out DIRECTORY] [--command TEXT]: performance.md and performance.svg out of what
rulebus_benchmarks measured, and a short table on standard output. Run by ./dev bench."""

import argparse
import os
import statistics
import sys
import textwrap

from bench_results import BadResults, grouped, read_results
from performance_chart import chart

GROUPS = (
    ("exact", "Equality on two fields",
     "Rules ask for one `source` and one `detail.id`; each event matches exactly one of them."),
    ("parcels", "Sets of five rules, by kind of test",
     "Events are like the lots of a city's land register, {event_bytes} bytes on average. `partial_combo` is the union of eight "
     "sets (40 rules), `combo` adds `complex_arrays` (45)."),
    ("hostile", "Rule sets that punish an index",
     "Each is made against a known weakness of some matcher; `benchmarks/hostile.cpp` says which."),
)

INTRO = """# Performance

Written by `{command}` on {when}, of revision {revision}. Not edited by hand.

| | |
|---|---|
| processor | {processor}, {cpus} |
| compiler | {compiler}, Release |
| simdjson | {simdjson} |
| repetitions | {repetitions}, in random order over all benchmarks; figures are medians, in brackets the fastest and slowest |
| load when it began | {load} |

![Nanoseconds per event of every workload and contender](performance.svg)

What is compared, always in one process over the same events in memory:

- **floor**: simdjson's On-Demand `iterate` alone. It checks UTF-8 and finds the structure of the JSON and looks at nothing; no
  matcher that checks the whole event can be faster.
- **checked**: `matcher::reader::match`; the whole event is checked to be valid JSON.
- **trusted**: the same with `event_options::trusted`; reading stops at the last field that a rule needs.
- **RE2**: each rule's tests as anchored regular expressions, one RE2 a field, rule after rule, over field values taken out
  beforehand: the reading of the event is not in its time. Only where rules are all about text and at most 1,000.
- **twin**: `tests/support/naive_matcher.hpp`, written to be obviously right. At most 10,000 rules, on a few events.

Before anything is timed the answers are compared: trusted with checked on all events of a pass, the twin and RE2 with checked on
as many events as they are given (of large sets the twin has a thousand rules, and those that match). Times are of the
processor, one thread, whole passes over up to 20,000 events (fewer where a pass would take many seconds); the readers are warm.
Bytes are `matcher::memory_bytes` divided by the number of rules, seconds are to parse and add all rules, once; of a handful of
rules both are mostly what an empty matcher has and what a first call costs. `scripts/bench_compare REV_A REV_B` tells whether a
change made a difference.
"""


def spread(series):
    return f"{grouped(series.median)} ({grouped(series.low)}–{grouped(series.high)})"


def times(series, floor):
    ratio = series.median / floor.median
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.1f}"


def paragraph(text):
    return textwrap.fill(text, 126)


def cell(series):
    return spread(series) if series else "–"


def per_workload(results, group):
    """{workload: {contender: Series}} of one group, in the order of the file."""
    found = {}
    for name, series in results.items():
        workload, _, contender = name.rpartition("/")
        if workload.startswith((group + ".", group + "_")):
            found.setdefault(workload, {})[contender] = series
    return found


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" if i == 0 else "--:" for i in range(len(head))) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def matching(workloads):
    rows, others = [], []
    for workload, found in workloads.items():
        floor, checked, trusted = (found.get(n) for n in ("floor", "rulebus_checked", "rulebus_trusted"))
        name = "`" + workload.split(".", 1)[-1] + "`"
        if not (floor and checked and trusted):
            continue  # a shortened run
        count = checked.counters
        rows.append([name, f"{count['rules']:,.0f}", f"{count['matches_per_event']:.3g}", spread(floor),
                     spread(checked), times(checked, floor), f"{1e9 / checked.median:,.0f}",
                     spread(trusted), times(trusted, floor), f"{1e9 / trusted.median:,.0f}"])
        others.append([name, cell(found.get("re2")), cell(found.get("naive_twin")),
                       grouped(count["rule_bytes"]), f"{count['add_seconds']:.3g}"])
    return (table(["rules", "number", "matches/event", "floor ns", "checked ns", "× floor", "events/s", "trusted ns", "× floor",
                   "events/s"], rows)
            + "\n" + table(["rules", "RE2 ns", "twin ns", "bytes/rule", "seconds to add all"], others))


def changes(results):
    rows = {}
    for name, series in results.items():
        if name.startswith("change."):
            workload, _, what = name.removeprefix("change.").rpartition("/")
            rows.setdefault(workload, {})[what] = series
    body = [["`" + w + "`"] + [cell(found.get(k)) for k in ("change_one", "add_all", "remove_all")] for w, found in rows.items()]
    about = paragraph("Nanoseconds per change. One: a rule more is added and removed again among those that are there. All: an "
                      "empty matcher is filled, and emptied in another order.")
    head = ["rules", "one", "adding all", "removing all"]
    return f"## Adding and removing\n\n{about}\n\n{table(head, body)}" if body else ""


def together(results):
    body = []
    for name, series in results.items():
        if not name.startswith("concurrent."):
            continue
        what = name.rpartition("/")[2].replace("_", " ")
        body.append([what, f"{1e9 / series.median:,.0f} ({1e9 / series.high:,.0f}–{1e9 / series.low:,.0f})",
                     f"{series.counters.get('changes_per_second', 0):,.0f}"])
    about = paragraph(
        "10,000 rules of equality; events per second of all matching threads together, by the clock on the wall. Every answer is "
        "the same with and without a writer, and that is checked. The paced writer makes 1,000 changes a second; the restless "
        "one never waits, and each of its changes makes readers take another version. Threads that share processors with each "
        "other, or with another program, show it here.")
    return f"## Several threads\n\n{about}\n\n{table(['threads', 'events/s', 'changes/s'], body)}" if body else ""


def schedules(results):
    rows = {}
    for name, series in results.items():
        if name.startswith("schedule."):
            workload, _, what = name.removeprefix("schedule.").rpartition("/")
            rows.setdefault(workload, {})[what] = series
    body = [["`" + w + "`"] + [cell(found.get(k)) for k in ("next", "previous", "parse")] for w, found in rows.items()]
    about = paragraph("Nanoseconds for an instant, walking on from one to the next or back, and to parse the text. A zone is New York, "
                      "whose clocks change twice a year; the expressions are in `benchmarks/schedules.cpp`. `never` has no day in any "
                      "year, `always_skipped` names a time that the clock skips each year: they look through all years to the end.")
    head = ["expression", "next", "previous", "parse"]
    return f"## Schedules\n\n{about}\n\n{table(head, body)}" if body else ""


DELIVERY_ABOUT = """\
Nanoseconds per event, of about 290 bytes, which one rule matches. `inline`: the bare match of a matcher alone, and a bus that calls
an empty function in the thread that puts the event; given as text, as an event that is ready, and as an entry of which the envelope
is made. `pool`: one thread puts texts, as many threads of the pool as it says deliver them, all by the clock on the wall; the last
column is the time of all threads. `latency`: from before the put of one event until the function is called by a thread that slept.
`fan_out`: one event until the last of 10,000 targets has it. `idle_targets`: putting a target that nothing comes for.
`one_of_100_dead`: per delivery to the other 99. `targets`: the targets in the box; what is queued is also received and
acknowledged."""


def delivery(results):
    body = []
    for name, series in results.items():
        if not name.startswith("delivery."):
            continue
        processor = series.counters.get("processor_ns")
        body.append([f"`{name.removeprefix('delivery.')}`", spread(series), f"{1e9 / series.median:,.0f}",
                     grouped(processor) if processor else "–"])
    head = ["what", "ns", "a second", "processor ns"]
    return f"## Delivery\n\n{paragraph(DELIVERY_ABOUT)}\n\n{table(head, body)}" if body else ""


def scheduler(results):
    body = []
    for name, series in results.items():
        if name.startswith("scheduler."):
            body.append([f"`{name.removeprefix('scheduler.')}`", spread(series), f"{1e9 / series.median:,.0f}"])
    about = paragraph("Nanoseconds per schedule that is created, per minute in which 10,000 of a million fire, per fire of a year of "
                      "10,000 mixed schedules in virtual time, and per fire in real time, where most of it is waiting.")
    return f"## Scheduler\n\n{about}\n\n{table(['what', 'ns', 'a second'], body)}" if body else ""


# What the product promises of itself: benchmark, counter (empty: nanoseconds per item), divisor, unit, bound, and in words.
PROMISES = (
    ("delivery.inline/put_event_json", "over_match_ns", 1, "ns", "at most", 250,
     "an event to an inline callback, over the bare match"),
    ("delivery.pool/one_thread", "per_second", 1, "a second", "at least", 1e6, "deliveries through queue and pool, two cores"),
    ("delivery.fan_out_10000/inline", "", 1e6, "ms", "at most", 2, "one event to 10,000 targets, inline"),
    ("delivery.fan_out_10000/pool", "", 1e6, "ms", "at most", 2, "one event to 10,000 targets, through the pool"),
    ("delivery.idle_targets_100000/put_targets", "bytes", 1, "bytes", "at most", 400, "an idle target"),
    ("delivery.one_of_100_dead/silent", "loss_percent", 1, "%", "at most", 2,
     "what one of 100 targets costs the others by never answering"),
    ("delivery.one_of_100_dead/failing", "loss_percent", 1, "%", "at most", 2,
     "what one of 100 targets costs the others by always failing"),
    ("scheduler.million/create", "seconds", 1, "s", "at most", 10, "1,000,000 schedules created"),
    ("scheduler.million/create", "bytes_beyond_texts", 1, "bytes", "at most", 300, "a schedule, beyond its texts"),
    ("scheduler.million/tick_of_10000", "", 1e6, "ms", "at most", 20, "a tick in which 10,000 of them are due"),
    ("scheduler.year_10000/manual_clock", "seconds", 1, "s", "at most", 10, "a year of 10,000 mixed schedules"),
    ("scheduler.precision/system_clock", "p50_ms", 1, "ms", "at most", 10, "how late a fire is: half of them"),
    ("scheduler.precision/system_clock", "p99_ms", 1, "ms", "at most", 10, "99 % of them"),
    ("scheduler.precision/system_clock", "longest_ms", 1, "ms", "at most", 10, "the latest"),
)


def promises(results):
    body = []
    for name, counter, divisor, unit, relation, bound, words in PROMISES:
        series = results.get(name)
        values = [v / divisor for v in (series.counted.get(counter, []) if counter else series.nanoseconds)] if series else []
        if not values:
            continue  # a shortened run, or a system that does not say
        middle = statistics.median(values)
        kept = middle <= bound if relation == "at most" else middle >= bound
        body.append([words, f"{grouped(middle)} ({grouped(min(values))}–{grouped(max(values))}) {unit}",
                     f"{relation} {bound:,.0f}", "yes" if kept else "**no**"])
    about = paragraph("What it must do, beside what was measured here: medians, in brackets the lowest and the highest of the "
                      "repetitions. Anything else that runs on the machine is in times by the clock on the wall.")
    return f"## Promises\n\n{about}\n\n{table(['what', 'measured', 'bound', 'kept'], body)}" if body else ""


def page(context, results, command, revision):
    repetitions = max(len(s.nanoseconds) for s in results.values())
    cpus = context.get("num_cpus", 0)
    parts = [INTRO.format(command=command, when=context.get("date", "")[:10], revision=revision,
                          processor=context.get("processor", "unknown"), cpus=f"{cpus} CPU{'s' if cpus != 1 else ''}",
                          compiler=context.get("compiler", "unknown"), simdjson=context.get("simdjson", "unknown"),
                          repetitions=repetitions, load=", ".join(f"{x:.2f}" for x in context.get("load_avg", [])) or "unknown")]
    for group, title, about in GROUPS:
        workloads = per_workload(results, group)
        sizes = [s.counters["event_bytes"] for found in workloads.values() for s in found.values() if "event_bytes" in s.counters]
        if workloads:
            text = paragraph(about.format(event_bytes=f"{sizes[0]:.0f}" if sizes else "?"))
            parts.append(f"## {title}\n\n{text}\n\n{matching(workloads)}")
    parts += [text for text in (changes(results), together(results), delivery(results), schedules(results), scheduler(results),
                               promises(results)) if text]
    return "\n".join(parts)


def short_table(results):
    for name, series in results.items():
        print(f"{name:<58} {spread(series):>34} ns")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("--out", default=".")
    parser.add_argument("--command", default="./dev bench")
    parser.add_argument("--revision", default="unknown")
    options = parser.parse_args()
    try:
        context, results = read_results(options.results)
    except BadResults as problem:
        sys.exit(f"write_performance: {problem}")
    for name, text in (("performance.md", page(context, results, options.command, options.revision)),
                       ("performance.svg", chart(results))):
        with open(os.path.join(options.out, name), "w", encoding="utf-8") as file:
            file.write(text)
    short_table(results)


if __name__ == "__main__":
    main()
