#!/usr/bin/env python3
"""Takes the code blocks out of the documentation, so that the build can run them as tests.

    extract_snippets.py DIR     write the blocks of README.md ARCHITECTURE.md CHANGELOG.md docs/*.md into DIR

DIR/snippets.txt then has a line `kind name` for each, and DIR/name.kind is its text: kind `cpp` (a complete program), `sh`
(run by bash) or `cmake` (what a project that uses Rulebus writes). A file that did not change is not touched. `json` and
`jsonl` blocks are checked here: they must be JSON, or the exit code is 1. Blocks of other languages, or of none, are prose.

A comment on the line before a block says how to read it:

    <!-- snippet: body -->           C++ that goes into main()
    <!-- snippet: decl -->           C++ at namespace scope
    <!-- snippet: skip REASON -->    not run, for that reason

Without one, C++ is a complete program. How shell and CMake blocks run: scripts/run_snippet.
"""

import json
import os
import re
import sys

from project_files import project_files, read

DOCS = re.compile(r"(README|ARCHITECTURE|CHANGELOG)\.md|docs/.*\.md")
MARKER = re.compile(r"\s*<!-- snippet: (body|decl|skip \S.*?) -->\s*")
LANGUAGES = {"cpp": "cpp", "c++": "cpp", "sh": "sh", "bash": "sh", "cmake": "cmake", "json": "json", "jsonl": "json"}
HEADERS = """algorithm chrono cstddef cstdint cstdio fstream functional iostream memory mutex optional span string string_view
thread utility vector""".split()
PREAMBLE = "".join(f"#include <{name}>\n" for name in HEADERS) + "#include <rulebus/rulebus.hpp>\n\n"


def blocks(text):
    """Every fenced block: (line number of its first line, language, marker or "", its lines)."""
    marker, inside = "", None
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"\s*(```+|~~~+)\s*([\w+-]*)", line)
        if inside is not None:
            if fence and not fence[2] and fence[1].startswith(inside[0]):
                yield inside[1:]
                inside, marker = None, ""
            else:
                inside[4].append(line)
        elif fence:
            inside = (fence[1], number + 1, fence[2].lower(), marker, [])
        elif MARKER.fullmatch(line):
            marker = MARKER.fullmatch(line)[1]
        elif line.strip():
            marker = ""
    if inside is not None:
        yield inside[1:]


def is_json(text):
    """One JSON value, or JSON Lines."""
    for values in ([text], [line for line in text.splitlines() if line.strip()]):
        try:
            for value in values:
                json.loads(value)
            return True
        except ValueError:
            continue
    return False


def program(marker, lines, where):
    """The text of the test's source file. Messages of the compiler name the page and the line."""
    number = int(where.rsplit(":", 1)[1])
    place = f'#line {number} "{where.rsplit(":", 1)[0]}"\n'
    code = "\n".join(lines) + "\n"
    if marker == "body":
        return PREAMBLE + "int main() {\n" + place + code + "}\n"
    if marker == "decl":
        return PREAMBLE + place + code + "\nint main() {}\n"
    return place + code


def write(folder, name, text):
    path = os.path.join(folder, name)
    if not os.path.exists(path) or open(path, encoding="utf-8").read() != text:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def extract(folder):
    entries, problems = [], []
    for page in (name for name in project_files() if DOCS.fullmatch(name)):
        stem = re.sub(r"\W+", "_", page.removesuffix(".md"))
        for ordinal, (number, language, marker, lines) in enumerate(blocks(read(page)), 1):
            kind, where = LANGUAGES.get(language), f"{page}:{number}"
            if kind is None or marker.startswith("skip"):
                continue
            name = f"{stem}_{ordinal}"
            if kind == "json":
                if not is_json("\n".join(lines)):
                    problems.append(f"{where}: this block is not JSON")
                continue
            if kind == "cpp":
                text = program(marker, lines, where)
            else:
                text = f"# {where}\n" + "\n".join(lines) + "\n"
            write(folder, f"{name}.{kind}", text)
            entries.append(f"{kind} {name}")
    write(folder, "snippets.txt", "".join(entry + "\n" for entry in entries))
    return problems


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    os.makedirs(sys.argv[1], exist_ok=True)
    problems = extract(sys.argv[1])
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
