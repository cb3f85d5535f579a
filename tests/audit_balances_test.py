#!/usr/bin/env python3
"""audit_balances.py prints the balances of a sound journal, and names the line of one whose balances or chains are not its entries'."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from audit_export_test import sound_journal

AUDIT = pathlib.Path(__file__).with_name("audit_balances.py")


class BalancesTest(unittest.TestCase):
    def audit(self, entries):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.writelines(json.dumps(e) + "\n" for e in entries)
            file.flush()
            return subprocess.run([sys.executable, AUDIT, file.name], capture_output=True, text=True, check=False)

    def test_a_sound_journal_gives_its_balances(self):
        done = self.audit(sound_journal())
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.splitlines(), ["issuance:street available POINT -23", "m1 available POINT 8", "m1 held POINT 0",
                                                    "m2 available POINT 10", "s1 available POINT 5"])

    def test_each_alteration_is_found_in_its_line(self):
        alterations = {
            "amount": (3, lambda e: e[2]["postings"][0].__setitem__("amount", -11)),
            "balance": (3, lambda e: e[2]["postings"][1].__setitem__("balance", 11)),
            "balance of a held part": (6, lambda e: e[5]["postings"][0].__setitem__("balance", 4)),
            "prev": (3, lambda e: e[2]["postings"][0].__setitem__("prev", 0)),
            "prev gone": (4, lambda e: e[3]["postings"][1].pop("prev")),
            "prev where there was none": (2, lambda e: e[1]["postings"][1].__setitem__("prev", 0)),
            "prev of a second posting": (5, lambda e: e[4]["postings"][1].__setitem__("prev", 4)),
            "posting gone": (6, lambda e: e[5]["postings"].pop(0)),
            "entry removed": (3, lambda e: e.pop(2)),
            "entry twice": (4, lambda e: e.insert(3, e[2])),
            "entries swapped": (3, lambda e: e.insert(2, e.pop(3))),
        }
        for name, (line, alter) in alterations.items():
            with self.subTest(name):
                entries = sound_journal()
                alter(entries)
                done = self.audit(entries)
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, f"^line {line}: ")


if __name__ == "__main__":
    unittest.main()
