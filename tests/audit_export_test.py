#!/usr/bin/env python3
"""audit_export.py agrees with a real journal, in which every kind of entry occurs, and names the line of one that was tampered with.

REDPOINTS_WRITE_JOURNAL: the program that writes such a journal."""

import copy
import csv
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from audit.basics import day_of, days_after
from audit.stated import LIMITS

AUDIT = pathlib.Path(__file__).with_name("audit_export.py")


def write_journal(directory):
    subprocess.run([os.environ["REDPOINTS_WRITE_JOURNAL"], directory], check=True, stdout=subprocess.DEVNULL)
    return [json.loads(line) for line in (pathlib.Path(directory) / "journal.jsonl").read_text(encoding="utf-8").splitlines()]


def text_of(entries):
    return "".join(json.dumps(e, ensure_ascii=False, separators=(",", ":")) + "\n" for e in entries)


def first(entries, kind, good=lambda e: True):
    return next(e["seq"] for e in entries if e["kind"] == kind and good(e))


def is_plain(e):
    return len(e.get("postings", [])) == 2 and not e.get("cap_hit")


class JournalTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = tempfile.TemporaryDirectory()
        cls.addClassCleanup(made.cleanup)
        cls.made = pathlib.Path(made.name)
        cls.sound = write_journal(cls.made)
        cls.blobs = [arg for file in cls.made.iterdir() if file.suffix != ".jsonl" for arg in ("--blob", file)]

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.entries = copy.deepcopy(self.sound)

    def audit(self, *arguments, raw=None, blobs=None):
        """What it says of the entries; None when all agree."""
        file = self.directory / "journal.jsonl"
        file.write_text(text_of(self.entries) if raw is None else raw(text_of(self.entries)), encoding="utf-8")
        done = subprocess.run([sys.executable, AUDIT, file, *(self.blobs if blobs is None else blobs), *arguments], capture_output=True, text=True,
                              encoding="utf-8", check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.said = done.stdout
        return None if done.returncode == 0 else done.stderr.strip()

    def file(self, name, content):
        path = self.directory / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path


class AuditTest(JournalTest):
    def test_the_journal_is_the_one_that_was_written(self):
        self.assertEqual(text_of(self.sound), (self.made / "journal.jsonl").read_text(encoding="utf-8"))

    def test_a_sound_journal_agrees(self):
        self.assertIsNone(self.audit("--at", "20240315"))
        self.assertRegex(self.said, r"20240315 street: issued \d+ = available \d+ \+ held 0 \+ redeemed \d+ \+ expired 0 \+ pool 2; debts 13\n")
        self.assertNotIn("not recomputed", self.said)
        self.assertIn("not shown by an export", self.said)
        self.assertIsNone(self.audit(blobs=[]))
        self.assertIn("not recomputed: what deeds earned, funds owe and limits allow by rulebooks that were not given (--blob): 2024-1, 2024-2", self.said)

    def test_each_tamper_is_named_in_its_line(self):
        e = self.sound
        award = first(e, "award", is_plain)
        later = first(e, "award", lambda x: is_plain(x) and x["seq"] > award)
        sale = first(e, "redemption", lambda x: len(x["postings"][0]["lots"]) == 1 and len(x["lines"]) == 1)
        mixed = first(e, "redemption", lambda x: len(x["owed"]) == 2)
        refund, capture = first(e, "refund", lambda x: len(x["span"]) == 1), first(e, "capture")
        reversal = first(e, "reversal", lambda x: "owed" in x)
        debt = first(e, "correction", lambda x: any(p.get("sub") == "debt" for p in x["postings"]))
        closed = first(e, "day_closed", lambda x: x["data"]["closed"]["shops"])
        refused = first(e, "refused", lambda x: "member" in x)
        waived = first(e, "debt_waived")
        proposed, ended = e[waived]["proposal"], max(x["seq"] for x in e if x["kind"] == "fund")

        def posting(seq, index, key, change):
            return seq, lambda entries: entries[seq]["postings"][index].__setitem__(key, change(entries[seq]["postings"][index].get(key)))

        def lot(seq, index, place, change):
            def alter(entries):
                lots = entries[seq]["postings"][index]["lots"]
                lots[0][place] = change(lots[0][place])
            return seq, alter

        def fund(seq, index, place, change):
            def alter(entries):
                funds = entries[seq]["postings"][index]["funds"]
                funds[0][place] = change(funds[0][place])
            return seq, alter

        def field(seq, key, value):
            return seq, lambda entries: entries[seq].__setitem__(key, value(entries[seq].get(key)) if callable(value) else value)

        def owed(seq, place, change):
            def alter(entries):
                entries[seq]["owed"][0][place] = change(entries[seq]["owed"][0][place])
            return seq, alter

        def day(key, change):
            def alter(entries):
                data = entries[closed]["data"]["closed"]
                data[key] = change(data[key])
            return closed, alter

        def forged_award(entries):
            """One point more, in each number that stands in the line."""
            for p, sign in zip(entries[award]["postings"][:2], (-1, 1)):
                p["amount"] += sign
                p["balance"] += sign
                for lots in p.get("lots", []):
                    lots[2] += 1

        def later_first(entries):
            """A point of the later lot instead of one that ends sooner, in each number that stands in the line."""
            sold, shop = entries[mixed]["postings"][:2]
            for rows, sign in ((sold["lots"], 1), (shop["funds"], -1), (entries[mixed]["owed"], -1)):
                place = 2 if rows is sold["lots"] else 1
                rows[0][place] += sign
                rows[1][place] -= sign

        def to_other_fund(entries):
            """A sale of one fund booked as one of another, for which the member has no points."""
            entries[sale]["postings"][0]["lots"][0][0] = "donor"
            entries[sale]["postings"][1]["funds"][0][0] = "donor"
            entries[sale]["owed"][0][0] = "donor"

        more, less = (lambda n: n + 1), (lambda n: n - 1)
        tampers = {
            "amount on one side": (posting(award, 0, "amount", less), "balance of issuance:donor"),
            "amount of a member": (posting(award, 1, "amount", more), "balance of m1"),
            "amount and balance": ((award, lambda x: x[award]["postings"][1].update(amount=5, balance=105)), "m1 moves 5, of its funds 4"),
            "amount, balance and lot": ((award, lambda x: x[award]["postings"][1].update(amount=5, balance=105, lots=[["donor", 20240501, 5]])),
                                        "postings sum to"),
            "all numbers of an award": ((award, forged_award), "postings: .*-5.*the rules give .*-4"),
            "balance": (posting(award, 1, "balance", more), "balance of m1"),
            "balance of a fund": (posting(later, 0, "balance", less), "balance of issuance:"),
            "a shop's balance": (posting(sale, 1, "balance", lambda _: 40), "a shop's posting states no balance"),
            "prev": (posting(later, 0, "prev", less), "prev of issuance:"),
            "prev gone": ((later, lambda x: x[later]["postings"][0].pop("prev")), "prev of issuance:.* is -1"),
            "amount of a lot": (lot(award, 1, 2, less), "of its funds"),
            "end of a lot": (lot(award, 1, 1, lambda _: 20250501), "20250501.*the rules give .*20240501"),
            "fund of a lot": (lot(award, 1, 0, lambda _: "street"), "points of funds sum to"),
            "a lot that is not there": (lot(mixed, 0, 1, lambda _: 20250301), "lot .* below 0"),
            "a later lot sold first": ((mixed, later_first), "owed: .*the rules give"),
            "fund of a shop's points": (fund(sale, 1, 0, lambda _: "donor"), "points of funds sum to"),
            "a sale of another fund": ((sale, to_other_fund), "of fund donor is|below 0"),
            "a shop's points of two funds": (fund(mixed, 1, 1, more), "of its funds"),
            "fund of a debt": ((debt, lambda x: next(p for p in x[debt]["postings"] if p.get("sub") == "debt")["funds"][0].__setitem__(0, "donor")),
                               "debts of funds sum to"),
            "a captured lot": (lot(capture, 0, 2, less), "moves|leave"),
            "posting gone": ((capture, lambda x: x[capture]["postings"].pop(1)), "postings sum|prev"),
            "posting of 0 gone": ((refused, lambda x: x[refused].pop("postings")), "no posting of m"),
            "fen": (owed(sale, 2, more), "owed: .*4001.*the rules give .*4000"),
            "fen of two funds": (owed(mixed, 2, less), "owed: .*132.*the rules give .*133"),
            "points owed for": (owed(sale, 1, less), "owed: .*39.*the rules give .*40"),
            "rounding": ((sale, lambda x: x[sale]["owed"][0].append("up")), "owed: .*up.*the rules give"),
            "fen of a refund": (owed(refund, 2, more), "owed: .*the rules give"),
            "fen of a reversal": (owed(reversal, 2, less), "owed: .*the rules give"),
            "points refunded twice": ((refund, lambda x: x[refund].__setitem__("span", [[1, x[refund]["span"][0][1]]])), "span: .*the rules give"),
            "cash": (field(first(e, "refund", lambda x: "cash_fen" in x), "cash_fen", 10**6), "more cash back"),
            "sequence": (field(later, "seq", more), "seq .* comes next"),
            "program": (field(later, "program", "q"), "of another program"),
            "epoch": (field(later, "epoch", 1), "of another epoch"),
            "epoch that opens": (field(first(e, "epoch"), "epoch", 0), "epoch 0 after 0"),
            "back-dated": (field(later, "recorded_ms", e[0]["recorded_ms"] - 1), "recorded before"),
            "business day": (field(later, "business_day", more), "business_day"),
            "request id used again": (field(later, "request_id", e[award]["request_id"]), "a request id that was answered"),
            "correction of another award": (field(first(e, "correction"), "ref", award), "VISIT 3, where"),
            "quantity before a correction": (field(first(e, "correction"), "quantity_before", more), "quantity_before: 6, where the rules give 5"),
            "what a correction leaves": (field(first(e, "correction"), "amounts", lambda rows: [[rows[0][0], rows[0][1] + 1], *rows[1:]]),
                                         "amounts: .*31.*the rules give .*30"),
            "quantity of an award": (field(award, "quantity", lambda n: n + 30), "cap_hit: null, where the rules give true"),
            "money on a member": ((award, lambda x: [(p.update(unit="FEN", balance=p["amount"]), p.pop("prev", 0), p.pop("lots", 0)) for p in x[award]["postings"]]),
                                  "money on a member"),
            "total of a day": (day("totals", lambda t: [[t[0][0], t[0][1] + 1, *t[0][2:]], *t[1:]]), "totals of 20240315"),
            "fen of a day": (day("totals", lambda t: [[*t[0][:6], t[0][6] + 1], *t[1:]]), "totals of 20240315"),
            "shops of a day": (day("shops", more), "number of shops"),
            "root over shops": (day("shops_root", lambda r: "0" + r[1:] if r[0] != "0" else "1" + r[1:]), "root over the shops"),
            "hash of the shops' lines": (day("shops_sha256", lambda r: r[::-1]), "hash of the shops' lines"),
            "waiver of what nobody proposed": (field(waived, "proposal", award), "a waiver of what nobody proposed"),
            "waiver by its proposer": (field(waived, "actor", e[proposed]["actor"]), "waives what they proposed to waive"),
            "waiver of another amount": ((waived, lambda x: x[proposed]["data"]["waiver"].update(points=3)), "where the rules give"),
            "waiver of more than is owed": ((proposed, lambda x: x[proposed]["data"]["waiver"].update(points=99)), "99 waived of a debt of 5"),
            "waiver of a debt to a fund that goes on": ((proposed, lambda x: x[ended]["data"]["fund"].pop("end_day")), "which has not ended"),
            "day left out": (day("day", more), "is closed where"),
        }
        for name, ((seq, alter), what) in tampers.items():
            with self.subTest(name):
                self.entries = copy.deepcopy(self.sound)
                alter(self.entries)
                self.assertRegex(self.audit() or "all agree", f"^line {seq + 1}: .*({what})")

    def test_a_program_changes_in_its_side_key_alone(self):
        last, data = self.sound[-1], self.sound[0]["data"]["program"]
        rekeyed = {key: last[key] for key in ("v", "program", "epoch")} | {"seq": last["seq"] + 1}
        rekeyed |= {key: last[key] for key in ("recorded_ms", "business_day")}
        rekeyed |= {"kind": "program", "actor": "ledger", "data": {"program": {**data, "side_key": "0123456789abcdef"}}}
        self.entries = self.sound + [rekeyed]
        self.assertIsNone(self.audit())
        for actor, what in (("o1", "of no request"), ("a0", "a0 is nobody who may ask for it")):
            self.entries = self.sound + [{**rekeyed, "actor": actor}]
            self.assertRegex(self.audit() or "all agree", f"^line {len(self.entries)}: {what}")
        for altered in ({"data": {"program": data}}, {"data": {"program": {**data, "administrator": "a9", "side_key": "0" * 16}}}):
            self.entries = self.sound + [{**rekeyed, **altered}]
            self.assertRegex(self.audit() or "all agree", f"^line {len(self.entries)}: a program that changes in more than its side key")

    def test_a_program_can_be_founded_in_a_later_epoch(self):
        founded = [{**e, "epoch": 7, "seq": e["seq"] + 1} for e in self.sound[:2]]
        opening = {key: founded[0][key] for key in ("v", "program", "epoch")} | {"seq": 0}
        opening |= {key: founded[0][key] for key in ("recorded_ms", "business_day")}
        opening |= {"kind": "epoch", "actor": "ledger", "data": {"epoch": {"old_epoch": 0, "size": 0, "why": "founding"}}}
        self.entries = [opening, *founded]
        self.assertIsNone(self.audit(blobs=[]))
        stranger = {key: founded[1][key] for key in founded[1] if key != "item"} | {"seq": 3, "request_id": "0" * 32, "actor": "nobody"}
        self.entries.append(stranger)
        self.assertRegex(self.audit(blobs=[]) or "all agree", "^line 4: nobody is nobody who may ask for it")

    def test_a_till_or_request_of_a_sale_is_bound_by_its_day(self):
        sale = first(self.sound, "redemption")
        closed = first(self.sound, "day_closed")
        for change in ({"actor": "t4", "terminal": "t4"}, {"request_id": "f" * 32}):
            self.entries = copy.deepcopy(self.sound)
            self.entries[sale].update(change)
            self.assertRegex(self.audit() or "all agree", f"^line {closed + 1}: root over the shops")

    def test_a_sale_moved_to_another_shop_breaks_the_chain_of_the_first(self):
        sale, after = [e["seq"] for e in self.sound if any(p["account"] == "s1" for p in e.get("postings", []))][:2]
        for p in self.entries[sale]["postings"]:
            p["account"] = p["account"].replace("s1", "s2")
        self.entries[sale].update(merchant="s2", terminal="t2", actor="t2")
        self.assertRegex(self.audit() or "all agree", f"^line {after + 1}: prev of s1")

    def test_entries_that_are_gone_doubled_or_swapped_are_named(self):
        for name, alter in {"removed": lambda x: x.pop(40), "twice": lambda x: x.insert(40, x[39]), "swapped": lambda x: x.insert(40, x.pop(41))}.items():
            with self.subTest(name):
                self.entries = copy.deepcopy(self.sound)
                alter(self.entries)
                self.assertRegex(self.audit() or "all agree", "^line 41: seq .* where 40 comes next")

    # Time falls where a day is named that stands, and nowhere else; days come again; what ended too early comes back once.
    def test_a_clock_that_is_set_back(self):
        back = first(self.sound, "clock_confirmed", lambda x: "last_closed_day" in x["data"]["clock"])
        undone = [e["seq"] for e in self.sound if e["kind"] == "expiry_undone"]
        self.assertEqual(undone[0], back + 1)
        sold = first(self.sound, "redemption", lambda x: x["seq"] > back)
        again = [e["seq"] for e in self.sound[back:] if e["kind"] == "day_closed"]
        self.assertTrue(self.sound[again[0]]["data"]["closed"]["totals"])

        def lots(change):
            def alter(e):
                for p in e["postings"]:
                    change(p["lots"][0])
            return alter

        def more(lot):
            lot[2] *= 2

        def later(lot):
            lot[1] = 20270101

        def behind(e):
            e.update(kind="expiry_undone", ref=self.sound[undone[0]]["ref"])

        def bridged(e):
            e["recorded_ms"] = e["data"]["clock"]["stated_ms"] = self.sound[back - 1]["recorded_ms"] - 600_000
            e["business_day"] = day_of(datetime.datetime.fromtimestamp(e["recorded_ms"] // 1000, datetime.timezone.utc))
            e["data"]["clock"]["last_closed_day"] = days_after(e["business_day"], -1)

        tampers = {
            "a program that is not ahead": (back, bridged, "not ahead"),
            "no day stands": (back, lambda e: e["data"]["clock"].pop("last_closed_day"), "recorded before"),
            "a day stands that is not over": (back, lambda e: e["data"]["clock"].update(last_closed_day=e["business_day"]), "not over"),
            "another day stands": (back, lambda e: e["data"]["clock"].update(last_closed_day=20240915), "days up to"),
            "of another entry": (undone[0], lambda e: e.update(ref=e["ref"] - 1), "member: .*where the rules give"),
            "more than ended": (undone[0], lots(more), "of its funds"),
            "into a later lot": (undone[0], lots(later), "where the rules give"),
            "twice": (undone[1], lambda e: e.update({key: self.sound[undone[0]][key] for key in ("ref", "member", "postings")}), "nothing ended too early"),
            "a minute later": (undone[0], lambda e: e.update(recorded_ms=e["recorded_ms"] + 60_000), "not behind a clock"),
            "behind a sale": (sold + 1, behind, "not behind a clock"),
            "sales of before in a day that is closed again": (again[0], lambda e: e["data"]["closed"]["totals"][0].__setitem__(2, 9), "totals of"),
        }
        for name, (seq, alter, what) in tampers.items():
            with self.subTest(name):
                self.entries = copy.deepcopy(self.sound)
                alter(self.entries[seq])
                said = self.audit() or "all agree"
                self.assertRegex(said, f"^line {seq + 1}: .*({what})")

    # What the script says that it can't see, it does not see.
    def test_clerk_time_within_order_and_a_cut_tail_are_not_seen(self):
        sale = first(self.sound, "redemption")
        last = next(e["seq"] for e in self.sound[1:] if e["kind"] != "day_closed" and e["recorded_ms"] > self.sound[e["seq"] - 1]["recorded_ms"])
        for name, alter in {"clerk": lambda x: x[sale].__setitem__("clerk", "c2"), "time": lambda x: x[last].__setitem__("recorded_ms", x[last]["recorded_ms"] - 1),
                            "tail": lambda x: x.__delitem__(slice(300, None))}.items():
            with self.subTest(name):
                self.entries = copy.deepcopy(self.sound)
                alter(self.entries)
                self.assertNotEqual(self.entries, self.sound)
                self.assertIsNone(self.audit(blobs=[]))
                self.assertIn("\n  ".join(["not shown by an export, whoever reads it:", *LIMITS]), self.said)

    def test_other_bytes_are_found(self):
        self.assertRegex(self.audit(raw=lambda text: text.replace('"v":1', '"v": 1', 1)), "^line 1: not in canonical form")
        self.assertRegex(self.audit(raw=lambda text: text.replace('"epoch":0', '"epoch":0,"epoch":0', 1)), "^line 1: not in canonical")
        self.assertRegex(self.audit(raw=lambda text: text[:-20]), f"^line {len(self.sound)}: ")
        self.assertRegex(self.audit(raw=lambda text: ""), "empty")

    def balance(self, member="m1", until=None, at="2024-09-18T00:00:00Z", **changes):
        """What a server would say of somebody, made from the last postings before `until`."""
        until = until or len(self.sound)
        last, lots, units = {}, {}, set()
        for e in self.sound[:until]:
            for p in e.get("postings", []):
                if p["account"] == member:
                    units.add(p["unit"])
                    last[p["unit"], p.get("sub", "available")] = p["balance"]
                    for fund, end, amount, *_ in p.get("lots", []) if p.get("sub") is None else []:
                        lots[fund, end] = lots.get((fund, end), 0) + amount
        said = []
        for unit in sorted(units):
            one = {"unit": unit, "available": str(last.get((unit, "available"), 0)), "held": str(last.get((unit, "held"), 0)),
                   "debt": str(-last.get((unit, "debt"), 0)), "lots": []}
            if unit == "POINT":
                one["lots"] = [{"fund": f, "end_day": end, "amount": str(n)} for (f, end), n in lots.items() if n]
                one.update(changes)
            said.append(one)
        return {"member": f"programs/minyue/members/{member}", "balances": said, "as_of_sequence": str(until), "as_of_time": at,
                "as_of_epoch": str(self.sound[until - 1]["epoch"])}

    def test_balances_are_compared_as_of_their_sequence(self):
        said = lambda *answers: self.file("balances.jsonl", "".join(json.dumps(a) + "\n" for a in answers))  # noqa: E731
        half = first(self.sound, "hold") + 1
        mid = self.balance(until=half, at="2024-03-15T05:00:00Z")
        self.assertIsNone(self.audit("--balance", said(self.balance(), mid)))
        self.assertIn("2 balances compared", self.said)
        end = len(self.sound)
        self.assertRegex(self.audit("--balance", said(self.balance(available="9"))), f"^line {end}: m1 POINT")
        self.assertRegex(self.audit("--balance", said(self.balance(debt="1"))), f"^line {end}: m1 POINT")
        self.assertRegex(self.audit("--balance", said(self.balance(lots=[]))), f"^line {end}: m1 POINT: the server's lots")
        self.assertRegex(self.audit("--balance", said(self.balance() | {"as_of_sequence": str(half)})), f"^line {half}: m1")
        self.assertRegex(self.audit("--balance", said(self.balance() | {"as_of_sequence": str(end + 1)})), "outside the export")
        self.assertRegex(self.audit("--balance", said(self.balance() | {"as_of_epoch": "9"})), f"^line {end}: m1: the server speaks of epoch 9")
        # At 00:00 in Asia/Shanghai of the day on which a lot ends, it is gone.
        past = self.balance(at="2030-01-01T00:00:00Z", available="0", lots=[])
        self.assertIsNone(self.audit("--balance", said(past)))

    def test_blobs_are_those_that_entries_name(self):
        self.assertIn("which none names", self.audit("--blob", self.file("stray", b"{}")))
        book = next(e["data"]["rulebook"]["sha256"] for e in self.sound if e["kind"] == "rulebook")
        others = [arg for file in self.made.iterdir() if file.suffix != ".jsonl" and file.name != book for arg in ("--blob", file)]
        self.assertIn(f"blobs: entries name ['{book}'], which are not given", self.audit(blobs=others))
        # The shops' lines of a day follow from the entries.
        days = {sha for e in self.sound if e["kind"] == "day_closed" for sha in e.get("blobs", [])}
        self.assertIsNone(self.audit(blobs=[a for f in self.made.iterdir() if f.suffix != ".jsonl" and f.name not in days for a in ("--blob", f)]))

    def test_deeds_count_and_not_awards(self):
        award = first(self.sound, "award", lambda e: "session" in e)
        activity = self.sound[award]["activity"]
        sessions = {e["session"] for e in self.sound if e["kind"] == "award" and e["activity"] == activity}
        self.assertIsNone(self.audit("--count", f"{activity}:session={len(sessions)}"))
        self.assertIn(f"{activity}: {len(sessions)} sessions, not 9", self.audit("--count", f"{activity}:session=9"))
        self.assertIn("PATROL:MEETING", self.audit("--about", "PATROL:MEETING"))

    def test_the_csv_says_the_same(self):
        path = self.directory / "journal.csv"

        def write(change=lambda rows: None):
            rows = [[e["seq"], e["epoch"], p.get("account", ""), {"held": "预扣", "debt": "欠分"}.get(p.get("sub"), "可用"), p.get("unit", ""), p.get("amount", ""),
                     p.get("balance", "")] for e in self.entries for p in e.get("postings", [{}])]
            change(rows)
            with open(path, "w", encoding="utf-8-sig", newline="") as file:
                csv.writer(file).writerows([["序号", "纪元", "账户", "账户部分", "单位", "数额", "余额"], *rows])
            return path

        self.assertIsNone(self.audit("--csv", write()))
        moved = next(i for i, e in enumerate(self.sound) if e.get("postings"))
        self.assertIn(f"CSV line {moved + 2}", self.audit("--csv", write(lambda rows: rows[moved].__setitem__(5, 11))))
        self.assertIn(f"CSV line {moved + 2}", self.audit("--csv", write(lambda rows: rows[moved].__setitem__(1, 9))))
        self.assertIn("rows", self.audit("--csv", write(lambda rows: rows.pop())))
        self.assertIn("not as many cells", self.audit("--csv", write(lambda rows: rows[3].append("more"))))


if __name__ == "__main__":
    unittest.main()
