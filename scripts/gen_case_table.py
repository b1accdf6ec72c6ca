#!/usr/bin/env python3
"""Writes src/case_table.inc: the full lower-case and upper-case mappings of Unicode 14, independent of locale.

The mappings are those of Python's str.lower and str.upper of single characters, which are UnicodeData.txt and the
unconditional part of SpecialCasing.txt.

    scripts/gen_case_table.py > src/case_table.inc     needs a Python with Unicode 14 (3.11)
"""

import sys
import unicodedata

VERSION = "14.0.0"
WIDTH = 126


def wrap(items):
    """The items as lines of C++ initialisers."""
    line = " "
    for item in items:
        if len(line) + len(item) + 2 > WIDTH:
            yield line
            line = " "
        line += f" {item},"
    yield line


def characters():
    """Every character that has a case, with its two mappings."""
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000:
            continue
        char = chr(code)
        if char.lower() != char or char.upper() != char:
            yield code, char.lower(), char.upper()


def ranges(simple):
    """Characters with the same two distances, next to each other or every other one, as [first, last, step, lower, upper]."""
    out = []
    for code, lower, upper in simple:
        if out and out[-1][3:] == [lower, upper]:
            first, last, step = out[-1][:3]
            if code - last in (1, 2) and (first == last or step == code - last):
                out[-1][1:3] = [code, code - last]
                continue
        out.append([code, code, 1, lower, upper])
    return out


def sequence(text):
    """The characters of a mapping as a C++ array."""
    return "{" + ", ".join(f"0x{ord(char):X}" for char in text) + "}"


def main():
    if unicodedata.unidata_version != VERSION:
        sys.exit(f"this Python has Unicode {unicodedata.unidata_version}, the table is made from {VERSION}")
    classes = {}
    special = []
    for code, lower, upper in characters():
        if len(lower) == 1 and len(upper) == 1:
            classes.setdefault((ord(lower) - code, ord(upper) - code), []).append(code)
        else:
            special.append((code, lower, upper))
    found = []
    for (lower, upper), codes in classes.items():
        found += ranges((code, lower, upper) for code in codes)
    print(f"// Case mappings of Unicode {VERSION}. Made by scripts/gen_case_table.py; change that, not this.")
    print()
    print("// By first character. Alternating pairs (A a B b ...) are two ranges, one beginning inside the other.")
    print("// first, last, step, distance to the lower case, distance to the upper case")
    print("constexpr case_range case_ranges[] = {")
    print("\n".join(wrap("{" + ", ".join([f"0x{r[0]:X}", f"0x{r[1]:X}", *map(str, r[2:])]) + "}" for r in sorted(found))))
    print("};")
    print()
    print("// character, full lower case, full upper case, where one of them is several characters")
    print("constexpr case_special case_specials[] = {")
    print("\n".join(wrap(f"{{0x{code:X}, {sequence(lower)}, {sequence(upper)}}}" for code, lower, upper in special)))
    print("};")


if __name__ == "__main__":
    main()
