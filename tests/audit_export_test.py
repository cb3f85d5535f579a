#!/usr/bin/env python3
"""audit_export.py agrees with a sound journal, and names the line of any other."""

import copy
import csv
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

AUDIT = pathlib.Path(__file__).with_name("audit_export.py")
NOON = 1_714_536_000_000  # 2024-05-01 12:00 in Asia/Shanghai
BOOK = b'{"version":"2024-1"}'
LOT = ["street", 20260701]


def posting(account, amount, balance, prev=-1, sub="available", lots=None):
    p = {"account": account}
    if sub != "available":
        p["sub"] = sub
    p |= {"unit": "POINT", "amount": amount, "balance": balance}
    if lots:
        p["lots"] = lots
    return p | ({"prev": prev} if prev >= 0 else {})


def sound_journal():
    """Two awards in one session, a case about it, a hold with a partial capture, a correction to nothing."""
    entries = []

    def add(kind, **fields):
        seq = len(entries)
        head = {"v": 1, "program": "p", "epoch": 0, "seq": seq, "recorded_ms": NOON + seq, "business_day": 20240501, "kind": kind}
        entries.append(head | {"request_id": f"{seq:032x}", "actor": "a1"} | fields)

    def award(member, amount, issued, held, prev_issued, prev_member, **fields):
        add("award", member=member, activity=fields.pop("activity", "PAICHA"), quantity=1, **fields,
            postings=[posting("issuance:street", -amount, -issued, prev_issued), posting(member, amount, held, prev_member, lots=[[*LOT, amount]])])

    add("rulebook", data={"rulebook": {"version": "2024-1", "effective_day": 20240101, "sha256": hashlib.sha256(BOOK).hexdigest()}})
    award("m1", 10, 10, 10, -1, -1, session="s-1")
    award("m2", 10, 20, 10, 1, -1, session="s-1")
    award("m1", 3, 23, 13, 2, 1, activity="HUAJIE", case="c-1", about="s-1")
    add("hold", member="m1", postings=[posting("m1", -8, 5, 3, lots=[[*LOT, -8]]), posting("m1", 8, 8, 3, sub="held")])
    add("capture", member="m1", hold=4, postings=[
        posting("m1", -5, 3, 4, sub="held", lots=[[*LOT, -5]]), posting("s1", 5, 5), posting("m1", -3, 0, 4, sub="held"),
        posting("m1", 3, 8, 4, lots=[[*LOT, 3]])])
    award("m2", 1, 24, 11, 3, 2, session="s-2")
    add("correction", member="m2", activity="PAICHA", session="s-2", reason="DEED_NOT_DONE", ref=6, postings=[
        posting("m2", -1, 10, 6, lots=[[*LOT, -1]]), posting("issuance:street", 1, -23, 6)])
    return entries


def balance(**changes):
    point = {"unit": "POINT", "available": "8", "held": "0", "debt": "0", "lots": [{"fund": "street", "end_day": 20260701, "amount": "8"}]}
    said = {"member": "programs/p/members/m1", "balances": [point], "as_of_sequence": "8", "as_of_time": "2024-05-01T04:00:00.008Z"}
    point |= {k: v for k, v in changes.items() if k in point}
    return said | {k: v for k, v in changes.items() if k in said}


class AuditTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.entries = sound_journal()

    def audit(self, *arguments, raw=None):
        file = self.directory / "journal.jsonl"
        lines = [json.dumps(e, ensure_ascii=False, separators=(",", ":")) + "\n" for e in self.entries]
        file.write_text("".join(lines) if raw is None else raw("".join(lines)), encoding="utf-8")
        done = subprocess.run([sys.executable, AUDIT, file, *arguments], capture_output=True, text=True, encoding="utf-8", check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return None if done.returncode == 0 else done.stderr.strip()

    def file(self, name, content):
        path = self.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def test_a_sound_journal_agrees(self):
        self.assertIsNone(self.audit())

    def test_deeds_count_and_not_awards(self):
        counts = ["--count", "PAICHA:session=1", "--count", "HUAJIE:case=1", "--about", "HUAJIE:PAICHA"]
        self.assertIsNone(self.audit(*counts))
        self.assertIn("PAICHA: 1 sessions, not 3", self.audit("--count", "PAICHA:session=3"))
        self.entries[3]["about"] = "s-2"  # which the correction took back
        self.assertIn("HUAJIE:PAICHA", self.audit("--about", "HUAJIE:PAICHA"))

    def test_each_alteration_is_found_in_its_line(self):
        def at(seq, change):
            def alter(entries):
                change(entries[seq])
            return seq + 1, alter

        def first(key, value):
            return lambda e: e["postings"][0].__setitem__(key, value)

        alterations = {
            "amount": at(2, first("amount", -11)),
            "balance": at(2, first("balance", -21)),
            "prev": at(2, first("prev", 0)),
            "prev gone": at(3, lambda e: e["postings"][1].pop("prev")),
            "lot": at(2, lambda e: e["postings"][1]["lots"][0].__setitem__(2, 9)),
            "lot of a fund that gave none": at(4, lambda e: e["postings"][0]["lots"][0].__setitem__(0, "donor")),
            "posting gone": at(5, lambda e: e["postings"].pop(1)),
            "sequence": at(3, lambda e: e.__setitem__("seq", 7)),
            "program": at(3, lambda e: e.__setitem__("program", "q")),
            "epoch": at(3, lambda e: e.__setitem__("epoch", 1)),
            "back-dated": at(3, lambda e: e.__setitem__("recorded_ms", NOON)),
            "business day": at(3, lambda e: e.__setitem__("business_day", 20240502)),
            "request id used again": at(3, lambda e: e.__setitem__("request_id", f"{1:032x}")),
            "entry removed": (4, lambda entries: entries.pop(3)),
            "entry twice": (4, lambda entries: entries.insert(3, entries[2])),
            "entries swapped": (3, lambda entries: entries.insert(2, entries.pop(3))),
            "a correction of nothing": at(7, lambda e: e.__setitem__("ref", 5)),
            "money on a member": at(2, lambda e: [p.__setitem__("unit", "FEN") for p in e["postings"]]),
        }
        for name, (line, alter) in alterations.items():
            with self.subTest(name):
                self.entries = copy.deepcopy(sound_journal())
                alter(self.entries)
                self.assertRegex(self.audit() or "agreed", f"^line {line}: ")

    def test_other_bytes_are_found(self):
        self.assertRegex(self.audit(raw=lambda text: text.replace('"v":1', '"v": 1', 1)), "^line 1: not in canonical form")
        self.assertRegex(self.audit(raw=lambda text: text.replace('"epoch":0', '"epoch":0,"epoch":0', 1)), "^line 1: not in canonical")
        self.assertRegex(self.audit(raw=lambda text: text[:-20]), "^line 8: ")
        self.assertRegex(self.audit(raw=lambda text: ""), "empty")

    def test_balances_are_compared_as_of_their_sequence(self):
        said = lambda *answers: self.file("balances.jsonl", "".join(json.dumps(a) + "\n" for a in answers))  # noqa: E731
        held = balance(available="5", held="8", lots=[{"fund": "street", "end_day": 20260701, "amount": "5"}], as_of_sequence="5")
        self.assertIsNone(self.audit("--balance", said(balance(), held)))
        self.assertRegex(self.audit("--balance", said(balance(available="9"))), "^line 8: m1 POINT")
        self.assertRegex(self.audit("--balance", said(balance(debt="1"))), "^line 8: m1 POINT")
        self.assertRegex(self.audit("--balance", said(balance(lots=[]))), "^line 8: m1 POINT: the server's lots")
        self.assertRegex(self.audit("--balance", said(balance(as_of_sequence="5"))), "^line 5: m1 POINT")
        self.assertRegex(self.audit("--balance", said(balance(as_of_sequence="9"))), "outside the export")
        # At 00:00 in Asia/Shanghai of the day on which a lot ends, it is gone.
        past = balance(available="0", lots=[], as_of_time="2026-06-30T16:00:00Z")
        self.assertIsNone(self.audit("--balance", said(past)))
        self.assertRegex(self.audit("--balance", said(past | {"as_of_time": "2026-06-30T15:59:59Z"})), "^line 8: m1 POINT")

    def test_blobs_are_those_that_entries_name(self):
        self.assertIsNone(self.audit("--blob", self.file("book", BOOK)))
        self.assertIn("blobs", self.audit("--blob", self.file("book", BOOK + b" ")))

    def test_the_csv_says_the_same(self):
        path = self.directory / "journal.csv"

        def write(change=lambda rows: None):
            rows = [[e["seq"], p.get("account", ""), {"held": "预扣"}.get(p.get("sub"), "可用"), p.get("unit", ""), p.get("amount", ""), p.get("balance", "")]
                    for e in self.entries for p in e.get("postings", [{}])]
            change(rows)
            with open(path, "w", encoding="utf-8-sig", newline="") as file:
                csv.writer(file).writerows([["序号", "账户", "账户部分", "单位", "数额", "余额"], *rows])
            return path

        self.assertIsNone(self.audit("--csv", write()))
        self.assertIn("CSV line 4", self.audit("--csv", write(lambda rows: rows[2].__setitem__(4, 11))))
        self.assertIn("rows", self.audit("--csv", write(lambda rows: rows.pop())))


if __name__ == "__main__":
    unittest.main()
