#!/usr/bin/env python3
"""The scripts around the benchmarks, on results made up here: the table, the chart, and what is called noise."""

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts")
sys.path.insert(0, SCRIPTS)
sys.dont_write_bytecode = True

from bench_results import BadResults, compare, read_results  # noqa: E402


def entry(name, nanoseconds, **more):
    """One repetition, as Google Benchmark writes it."""
    return {"name": name, "run_name": name, "run_type": "iteration", "repetition_index": 0, "real_time": 1.0, "cpu_time": 1.0,
            "time_unit": "ns", "items_per_second": 1e9 / nanoseconds, **more}


def canned():
    counters = {"rules": 5, "events": 20000, "matches_per_event": 1.25, "event_bytes": 700, "rule_bytes": 512.0,
                "add_seconds": 0.5}
    runs = []
    for name, times in (("floor", (50, 40, 60)), ("rulebus_checked", (400, 380, 900)), ("rulebus_trusted", (200, 210, 190)),
                        ("re2", (1000, 1000, 1000))):
        runs += [entry(f"parcels.exact/{name}", t, **counters) for t in times]
    runs.append({**entry("parcels.exact/floor_mean", 50), "run_type": "aggregate"})
    runs += [entry("change.exact_100/change_one", t) for t in (2000, 2100)]
    runs += [entry("concurrent.exact_10000/two_readers/real_time/threads:2", 100)]
    runs += [entry(f"schedule.never_utc/{what}", 1000) for what in ("next", "previous", "parse")]
    runs += [entry("delivery.inline/put_event_json/manual_time", t, over_match_ns=over)
             for t, over in ((400, 190), (420, 210), (500, 260))]
    runs += [entry("delivery.pool/one_thread/manual_time", 1250, per_second=800000, processor_ns=1500)]
    runs += [entry("delivery.fan_out_10000/inline/iterations:50/manual_time", 1.5e6)]
    runs += [entry("scheduler.million/create/iterations:1/manual_time", 1500, seconds=1.5, bytes_beyond_texts=252.4)]
    return {"context": {"date": "2026-01-02T03:04:05+00:00", "num_cpus": 2, "processor": "some <processor>", "load_avg": [0.5]},
            "benchmarks": runs}


class Writer(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, content):
        path = os.path.join(self.folder.name, "results.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def run_script(self, content):
        command = [sys.executable, os.path.join(SCRIPTS, "write_performance.py"), self.write(content), "--out", self.folder.name]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def read(self, name):
        with open(os.path.join(self.folder.name, name), encoding="utf-8") as file:
            return file.read()

    def test_the_table_has_median_spread_ratio_and_rate(self):
        done = self.run_script(canned())
        self.assertEqual(done.returncode, 0, done.stderr)
        page = self.read("performance.md")
        self.assertIn("| `exact` | 5 | 1.25 | 50.0 (40.0–60.0) | 400 (380–900) | 8.0 | 2,500,000 | 200 (190–210) | 4.0 | "
                      "5,000,000 |", page)
        self.assertIn("| `exact` | 1,000 (1,000–1,000) | – | 512 | 0.5 |", page)
        self.assertIn("| `exact_100` | 2,050 (2,000–2,100) | – | – |", page)
        self.assertIn("| two readers | 10,000,000 (10,000,000–10,000,000) | 0 |", page)
        self.assertIn("| `never_utc` | 1,000 (1,000–1,000) | 1,000 (1,000–1,000) | 1,000 (1,000–1,000) |", page)
        self.assertIn("| `pool/one_thread` | 1,250 (1,250–1,250) | 800,000 | 1,500 |", page)
        self.assertIn("| `million/create` | 1,500 (1,500–1,500) | 666,667 |", page)
        self.assertIn("2026-01-02", page)
        self.assertIn("(performance.svg)", page)

    def test_promises_are_medians_beside_their_bounds(self):
        self.run_script(canned())
        page = self.read("performance.md")
        self.assertIn("over the bare match | 210 (190–260) ns | at most 250 | yes |", page)
        self.assertIn("two cores | 800,000 (800,000–800,000) a second | at least 1,000,000 | **no** |", page)
        self.assertIn("10,000 targets, inline | 1.50 (1.50–1.50) ms | at most 2 | yes |", page)
        self.assertIn("beyond its texts | 252 (252–252) bytes | at most 300 | yes |", page)
        self.assertNotIn("through the pool |", page)  # not measured there

    def test_every_row_of_a_table_has_as_many_cells_as_its_head(self):
        self.run_script(canned())
        width = None
        for line in self.read("performance.md").splitlines():
            if not line.startswith("|"):
                width = None
                continue
            width = width or line.count("|")
            self.assertEqual(line.count("|"), width, line)

    def test_the_chart_is_xml_with_a_dot_for_each_contender(self):
        self.run_script(canned())
        root = xml.etree.ElementTree.fromstring(self.read("performance.svg"))
        svg = "{http://www.w3.org/2000/svg}"
        self.assertEqual(root.tag, svg + "svg")
        dots = [c for c in root.iter(svg + "circle") if c.find(svg + "title") is not None]
        self.assertEqual(len(dots), 4)
        width = float(root.get("width"))
        self.assertTrue(all(0 <= float(dot.get("cx")) <= width for dot in dots))
        places = {dot.find(svg + "title").text.split(", ")[1].split(":")[0]: float(dot.get("cx")) for dot in dots}
        self.assertLess(places["simdjson floor"], places["rulebus trusted"])
        self.assertLess(places["rulebus trusted"], places["rulebus checked"])

    def test_a_failed_benchmark_and_a_broken_file_write_nothing(self):
        failed = canned()
        failed["benchmarks"].append(entry("parcels.exact/x", 1, error_occurred=True, error_message="another number"))
        for content in (failed, "{", {"context": {}, "benchmarks": []}):
            done = self.run_script(content)
            self.assertEqual(done.returncode, 1)
            self.assertIn("write_performance: ", done.stderr)
            self.assertNotIn("Traceback", done.stderr)
            self.assertFalse(os.path.exists(os.path.join(self.folder.name, "performance.md")))

    def test_aggregates_are_left_out_and_suffixes_of_names_cut(self):
        _, results = read_results(self.write(canned()))
        self.assertNotIn("parcels.exact/floor_mean", results)
        self.assertIn("concurrent.exact_10000/two_readers", results)
        self.assertEqual(results["parcels.exact/rulebus_checked"].median, 400)
        with self.assertRaises(BadResults):
            read_results(os.path.join(self.folder.name, "absent.json"))


class Noise(unittest.TestCase):
    def verdict(self, before, after):
        return compare(before, after)[1]

    def test_the_same_is_noise(self):
        self.assertEqual(compare([100, 100, 100], [100, 100, 100]), (0.0, "noise"))

    def test_a_clear_difference_has_a_direction(self):
        change, verdict = compare([100, 101, 102], [130, 131, 132])
        self.assertEqual(verdict, "slower")
        self.assertAlmostEqual(change, 131 / 101 - 1)
        self.assertEqual(self.verdict([130, 131, 132], [100, 101, 102]), "faster")

    def test_a_difference_within_the_spread_of_either_is_noise(self):
        self.assertEqual(self.verdict([100, 110, 120], [115, 116, 117]), "noise")
        self.assertEqual(self.verdict([100, 101, 102], [100, 115, 140]), "noise")

    def test_one_disturbed_run_hides_a_difference_and_does_not_make_one(self):
        self.assertEqual(self.verdict([100, 100, 100, 100, 300], [100, 101, 100, 101, 100]), "noise")

    def test_less_than_two_percent_is_noise_however_steady(self):
        self.assertEqual(self.verdict([100.0, 100.0, 100.0], [101.5, 101.5, 101.5]), "noise")
        self.assertEqual(self.verdict([100.0, 100.0, 100.0], [102.5, 102.5, 102.5]), "slower")

    def test_one_run_says_nothing(self):
        self.assertEqual(self.verdict([100], [200]), "noise")

    def test_turns_alternate_who_begins(self):
        path = os.path.join(SCRIPTS, "bench_compare")
        spec = importlib.util.spec_from_loader("bench_compare", importlib.machinery.SourceFileLoader("bench_compare", path))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        self.assertEqual(module.turns(4), "ABBAABBA")


if __name__ == "__main__":
    unittest.main()
