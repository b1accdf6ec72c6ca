#!/usr/bin/env python3
"""Checks the include graph against the levels of ARCHITECTURE.md.

A file includes only its own level or a lower one; there are no cycles; a public header includes the standard library and
rulebus/ and nothing else; each third-party library stays behind its door; src/rulebus.cpp and CMakeLists.txt name every
source of the library.
"""

import re

from project_files import project_files, read, report

# The module that a file belongs to is the longest of these names that its own name begins with, so that matcher_index.cpp
# is part of `matcher`. A new module needs a level here; without one, detail/* and its sources are base.
LEVELS = {
    **dict.fromkeys(("version", "export", "fwd", "result", "clock", "executor"), 0),
    **dict.fromkeys(("json_reader", "json_tokens", "number", "ip_address", "case_mapping", "regexp"), 0),
    **dict.fromkeys(("event", "cloud_event", "cloud_events", "json_index", "json_cursor", "shape_cursor", "time_zone"), 1),
    **dict.fromkeys(("pattern", "condition", "quick_test", "wildcard", "event_leaves", "schedule_expression"), 2),
    **dict.fromkeys(("matcher", "match_state", "answer_table", "index", "entry_keys", "event_walk"), 3),
    **dict.fromkeys(("explain", "transformer"), 3),
    **dict.fromkeys(("arn", "observer", "journey", "put_events", "envelope", "names", "tags", "tag_index"), 4),
    **dict.fromkeys(("target", "delivery", "dead_letter", "invocation", "lane", "dispatcher", "failure_reporter"), 4),
    "spent_invocations": 4,
    **dict.fromkeys(("targets/null", "targets/resolver", "targets_resolver"), 4),  # they need no bus
    **dict.fromkeys(("rule", "schedule", "transaction", "archive", "metrics"), 4),
    "bus_options": 4,
    **dict.fromkeys(("bus", "rule_table", "rule_timers", "own_input", "fan_out", "prometheus"), 5),
    **dict.fromkeys(("scheduler", "replay"), 6),
    "service": 7,
    **dict.fromkeys(("configuration", "server", "targets", "asio_executor", "cli", "rulebus"), 8),
}

# Who may include what beyond the standard library.
DOORS = {
    "simdjson": r"src/(event|json_index)[^/]*\.[ch]pp|src/cli/bench[^/]*\.cpp",
    "re2": r"src/regexp\.cpp",
    "fmt": r"src/.*\.cpp|src/cli/.*",
    "CLI": r"src/cli/.*",
    "boost": r"include/rulebus/asio_executor\.hpp",
    "immintrin": r"src/(json_tokens|json_tokens_avx2|text_skip)\.cpp",  # for processors with AVX-512 or AVX2, asked for at run time
    "cpuid": r"src/clock\.cpp",
    "emmintrin": r"include/rulebus/detail/.*|src/.*\.cpp",  # the compiler's own, where the processor has it
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)


def module_of(name, known):
    """The module and level of a library file, or None."""
    short = re.sub(r"^(include/rulebus|src)/|\.\w+$", "", name)
    plain = short.removeprefix("detail/")
    found = [m for m in LEVELS if plain == m or plain.startswith((m + "_", m + "/"))]
    if found:
        module = max(found, key=len)
        return module, LEVELS[module]
    return ("base", 0) if f"include/rulebus/detail/{plain}.hpp" in known else None


def resolve(includer, text, known):
    """The project file that an include in quotes or of rulebus/ means, or None."""
    folder = includer.rsplit("/", 1)[0]
    for candidate in (f"{folder}/{text}", f"include/{text}"):
        if candidate in known:
            return candidate
    return None


def cycles(graph):
    """Every cycle found by a depth-first walk, as text."""
    state, path, found = {}, [], []

    def visit(node):
        state[node] = "open"
        path.append(node)
        for target in sorted(graph[node]):
            if state.get(target) == "open":
                found.append("include cycle: " + " -> ".join(path[path.index(target):] + [target]))
            elif target not in state:
                visit(target)
        path.pop()
        state[node] = "done"

    for node in sorted(graph):
        if node not in state:
            visit(node)
    return found


def check_file(name, known, graph, problems):
    public = name.startswith("include/")
    own = module_of(name, known)
    if own is None:
        problems.append(f"{name}: belongs to no module; give it a level in scripts/check_includes.py")
        return
    text = read(name)
    if name.endswith(".hpp") and "#pragma once" not in text:
        problems.append(f"{name}: no #pragma once")
    for quote, included in INCLUDE.findall(text):
        target = resolve(name, included, known)
        if target:
            graph[name].add(target)
            other = module_of(target, known)
            if other and other[1] > own[1]:
                problems.append(f"{name} (level {own[1]}) includes {target} (level {other[1]})")
            if public and not (target.startswith("include/") and included.startswith("rulebus/")):
                problems.append(f"{name}: public headers are included as \"rulebus/...\", not {included}")
        elif quote == '"':
            problems.append(f"{name}: no such file: {included}")
        elif "/" in included or "." in included:
            of_system = ("src/cli/", "src/block_memory.cpp", "src/executor.cpp", "src/targets_file.cpp")
            if name.startswith(of_system) and re.fullmatch(r"(sys/)?\w+\.h", included):
                continue  # the operating system's own
            door = re.split(r"[/.]", included)[0]
            if not re.fullmatch(DOORS.get(door, "never"), name):
                problems.append(f"{name}: may not include <{included}>")


def check_lists(library, problems):
    """The unity file and the build name each source once."""
    sources = {n.removeprefix("src/") for n in library if re.fullmatch(r"src/\w+\.cpp", n)} - {"rulebus.cpp"}
    tool = {n.removeprefix("src/") for n in library if re.fullmatch(r"src/cli/\w+\.cpp", n)}
    unity = [included for _, included in INCLUDE.findall(read("src/rulebus.cpp"))]
    listed = re.findall(r"(?:^\s+(?:src/)?|set\(\w+ )((?:cli/)?\w+\.cpp)", read("CMakeLists.txt"), re.MULTILINE)
    for place, expected, names in (("src/rulebus.cpp", sources, unity), ("CMakeLists.txt", sources | tool, listed)):
        for name in sorted(expected ^ set(names)):
            problems.append(f"{place}: {'does not name' if name in expected else 'names an absent'} src/{name}")
        for name in sorted(n for n in set(names) if names.count(n) > 1):
            problems.append(f"{place}: names src/{name} twice")


def main():
    library = [n for n in project_files() if re.fullmatch(r"(include|src)/.*\.([ch]pp|inc)", n)]
    graph, problems = {name: set() for name in library}, []
    for name in library:
        if not name.endswith(".inc"):  # a table: part of the one source that includes it
            check_file(name, set(library), graph, problems)
    check_lists(library, problems)
    report(f"include graph of {len(library)} files", problems + cycles(graph))


if __name__ == "__main__":
    main()
