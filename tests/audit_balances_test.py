#!/usr/bin/env python3
"""audit_balances.py prints the balances of a real journal, and names the line of one whose balances or chains are not its entries'."""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from audit_export_test import first, is_plain, text_of, write_journal

AUDIT = pathlib.Path(__file__).with_name("audit_balances.py")


class BalancesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as directory:
            cls.sound = write_journal(directory)

    def audit(self, entries):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
            file.write(text_of(entries))
            file.flush()
            return subprocess.run([sys.executable, AUDIT, file.name], capture_output=True, text=True, check=False)

    def test_a_sound_journal_gives_its_balances(self):
        done = self.audit(self.sound)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said = {tuple(words): int(balance) for *words, balance in map(str.split, done.stdout.splitlines())}
        stated = {}
        for e in self.sound:
            for p in e.get("postings", []):
                if "balance" in p:
                    stated[p["account"], p.get("sub", "available"), p["unit"]] = p["balance"]
        self.assertEqual({key: balance for key, balance in said.items() if not key[0].startswith("s")}, stated)
        self.assertEqual(sum(balance for (_, _, unit), balance in said.items() if unit == "POINT"), 0)
        self.assertGreater(said["s1", "available", "POINT"], 0)

    def test_each_alteration_is_found_in_its_line(self):
        award = first(self.sound, "award", is_plain)
        later = first(self.sound, "award", lambda e: is_plain(e) and e["seq"] > award)
        capture = first(self.sound, "capture")
        accounts = {p["account"] for p in self.sound[award]["postings"]}
        next_touch = next(e["seq"] for e in self.sound[award + 1:] if accounts & {p["account"] for p in e.get("postings", [])})

        def on(seq, index, key, value):
            return seq + 1, lambda e: e[seq]["postings"][index].__setitem__(key, value)

        alterations = {
            "amount": on(award, 0, "amount", -11),
            "balance": on(award, 1, "balance", 11),
            "balance of a held part": on(capture, 0, "balance", 4),
            "prev": on(later, 0, "prev", 0),
            "prev gone": (later + 1, lambda e: e[later]["postings"][0].pop("prev")),
            "prev where there was none": on(first(self.sound, "award"), 1, "prev", 0),
            "prev of a second posting": on(capture, 1, "prev", 4),
            "posting gone": (capture + 1, lambda e: e[capture]["postings"].pop(0)),
            "entry removed": (next_touch, lambda e: e.pop(award)),
            "entry twice": (award + 2, lambda e: e.insert(award, e[award])),
        }
        for name, (line, alter) in alterations.items():
            with self.subTest(name):
                entries = copy.deepcopy(self.sound)
                alter(entries)
                done = self.audit(entries)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, f"^line {line}: ")


if __name__ == "__main__":
    unittest.main()
