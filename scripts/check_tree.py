#!/usr/bin/env python3
"""Checks rules of the tree: what is at its top, lengths, and nothing in the files that belongs to one machine or to nobody.

Budgets: header 250 lines, source 600, test file 500. Over it is a warning, half as much again is an error.
"""

import re

from project_files import project_files, read, report

BUDGETS = (
    (r"tests/.*\.[ch]pp", 500),
    (r".*\.(hpp|h)", 250),
    (r".*\.cpp", 600),
)
TOP = set(
    ".ci .clang-format .clang-tidy .gitattributes .gitignore ARCHITECTURE.md CHANGELOG.md CMakeLists.txt CMakePresets.json "
    "CONTRIBUTING.md LICENSE README.md benchmarks bindings cmake dev docs examples fuzz include scripts src tests".split()
)
LICENSED_TEXT = {"LICENSE"}
FIXTURES = re.compile(r"(examples/data|tests/data|fuzz/corpus)/")  # events mention paths of their own

MACHINE_PATH = re.compile(r"(?<![\w.*$}/-])/(?:root|work|home/\w+|Users/\w+)/")
SECRETS = re.compile(
    r"\b(?:AKIA|ASIA)(?!IOSFODNN7EXAMPLE)[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{36}\b|"
    r"\b[sr]k_live_[A-Za-z0-9]{16,}|\bxox[abp]-[A-Za-z0-9-]{20,}"
)


def long_files(name, text):
    for shape, budget in BUDGETS:
        if re.fullmatch(shape, name):
            lines = text.count("\n")
            if lines > budget:
                return lines, budget
            return None
    return None


def main():
    problems = []
    files = project_files()
    for name in sorted({name.partition("/")[0] for name in files} - TOP):
        problems.append(f"{name}: nothing of that name belongs at the top; if it does, scripts/check_tree.py is to know")
    for name in files:
        if name in LICENSED_TEXT:
            continue
        text = read(name)
        over = long_files(name, text)
        if over:
            lines, budget = over
            if lines > budget * 1.5:
                problems.append(f"{name}: {lines} lines; the budget is {budget}")
            else:
                print(f"warning: {name}: {lines} lines; the budget is {budget}")
        for number, line in enumerate(text.splitlines(), 1):
            if SECRETS.search(line):
                problems.append(f"{name}:{number}: looks like a secret")
            if MACHINE_PATH.search(line) and not FIXTURES.match(name):
                problems.append(f"{name}:{number}: a path of one machine: {line.strip()[:100]}")
    report(f"tree of {len(files)} files", problems)


if __name__ == "__main__":
    main()
