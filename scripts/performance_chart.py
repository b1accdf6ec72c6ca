"""The chart of docs/performance.svg: for every workload the time per event of each contender, on a logarithmic axis."""

import math
from xml.sax.saxutils import escape

# Colours that differ in lightness too, for those who do not see all hues.
CONTENDERS = (
    ("floor", "simdjson floor", "#8a8f98"),
    ("rulebus_trusted", "rulebus trusted", "#2f9e44"),
    ("rulebus_checked", "rulebus checked", "#1c4f9c"),
    ("re2", "RE2 per rule", "#e08a00"),
    ("naive_twin", "naive twin", "#b02a5b"),
)
LEFT, WIDTH, ROW, TOP, RIGHT = 260, 620, 22, 64, 40


def by_workload(results):
    rows = {}
    known = {contender for contender, _, _ in CONTENDERS}
    for name, series in results.items():
        workload, _, contender = name.rpartition("/")
        if contender in known:
            rows.setdefault(workload, {})[contender] = series
    return rows


def nanoseconds(exponent):
    units = ((9, "s"), (6, "ms"), (3, "µs"), (0, "ns"))
    number, unit = next((exponent - least, unit) for least, unit in units if exponent >= least)
    return f"{10 ** number} {unit}"


def axis(low, high, x, bottom):
    out = []
    for exponent in range(low, high + 1):
        at = x(10 ** exponent)
        out.append(f'<line x1="{at:.1f}" y1="{TOP - 6}" x2="{at:.1f}" y2="{bottom}" stroke="#dddddd"/>')
        out.append(f'<text x="{at:.1f}" y="{TOP - 12}" text-anchor="middle">{nanoseconds(exponent)}</text>')
    return out


def legend():
    out, at = [], 12
    for _, label, colour in CONTENDERS:
        out.append(f'<circle cx="{at + 5}" cy="20" r="5" fill="{colour}"/><text x="{at + 15}" y="24">{escape(label)}</text>')
        at += 30 + 8 * len(label)
    return out


def chart(results):
    """An SVG document."""
    rows = by_workload(results)
    everything = [n for found in rows.values() for s in found.values() for n in s.nanoseconds] or [1, 10]
    low, high = math.floor(math.log10(min(everything))), math.ceil(math.log10(max(everything)))
    low, high = max(low, 0) if low > -1 else 0, max(high, low + 1)

    def x(ns):
        return LEFT + WIDTH * (math.log10(max(ns, 1)) - low) / (high - low)

    bottom = TOP + ROW * len(rows)
    width, height = LEFT + WIDTH + RIGHT, bottom + 28
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           'font-family="sans-serif" font-size="12" fill="#222222">',
           "<title>Nanoseconds per event, by workload and contender</title>",
           f'<rect width="{width}" height="{height}" fill="#ffffff"/>', *legend(), *axis(low, high, x, bottom)]
    for number, (workload, found) in enumerate(rows.items()):
        y = TOP + ROW * number + ROW / 2
        out.append(f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(workload)}</text>')
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + WIDTH}" y2="{y:.1f}" stroke="#eeeeee"/>')
        for contender, label, colour in CONTENDERS:
            series = found.get(contender)
            if not series:
                continue
            out.append(f'<line x1="{x(series.low):.1f}" y1="{y:.1f}" x2="{x(series.high):.1f}" y2="{y:.1f}" stroke="{colour}" '
                       'stroke-width="2"/>')
            out.append(f'<circle cx="{x(series.median):.1f}" cy="{y:.1f}" r="5" fill="{colour}" fill-opacity="0.85">'
                       f"<title>{escape(workload)}, {escape(label)}: {series.median:,.0f} ns</title></circle>")
    out.append(f'<text x="{LEFT + WIDTH}" y="{height - 8}" text-anchor="end">time per event, median; lines from fastest to '
               "slowest</text>")
    return "\n".join(out) + "\n</svg>\n"
