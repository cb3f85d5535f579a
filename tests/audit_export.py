#!/usr/bin/env python3
"""Audits a JSON Lines export of Red Points with nothing of Red Points: only Python's standard library and the format's rules.

From the lines alone it recomputes every balance, every lot and every `prev` chain, and checks that postings sum to zero per unit. It
exits with 1 and names the line at the first difference, with 0 when all agree.

    audit_export.py journal.jsonl --balance balances.jsonl --blob rulebook.json --csv journal.csv --count PAICHA:session=1024

--balance  what the server said of members (`redpoints balance --output json`, one or more a file): must be what the entries before
           its as_of_sequence give
--blob     content that entries name by SHA-256: each must be named, and each name must have its content
--csv      the CSV export of the same entries: must say the same
--count    ACTIVITY:session=N or ACTIVITY:case=N: deeds, not awards; what a correction set to 0 does not count
--about    ACTIVITY:ACTIVITY: each deed of the first names, in `about`, a session of the second
"""

import argparse
import csv
import datetime
import hashlib
import json
import sys
from collections import defaultdict

PARTS = {"available": "可用", "held": "预扣", "debt": "欠分"}


class Difference(Exception):
    pass


def check(good, what):
    if not good:
        raise Difference(what)


def day_of(time):
    return int((time.astimezone(datetime.timezone.utc) + datetime.timedelta(hours=8)).strftime("%Y%m%d"))


class Books:
    def __init__(self):
        self.next, self.last_ms, self.program, self.epoch = 0, 0, None, None
        self.balances = defaultdict(int)  # (account, unit, part)
        self.heads = {}  # (account, unit) -> the last entry that touched it
        self.lots = defaultdict(lambda: defaultdict(int))  # (account, unit) -> (fund, end day) -> amount
        self.requests, self.blobs, self.awards, self.rows = set(), set(), {}, []

    def enter(self, line):
        check(line.endswith(b"\n") and len(line) <= 4097, "not one line of at most 4,096 bytes")
        e = json.loads(line)
        check(json.dumps(e, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" == line, "not in canonical form")
        check(e["v"] == 1 and e["seq"] == self.next, f"seq {e['seq']} where {self.next} comes next")
        check(self.program in (None, e["program"]) and self.epoch in (None, e["epoch"]), "of another program or epoch")
        check(e["recorded_ms"] >= self.last_ms, "recorded before the entry before it")
        recorded = datetime.datetime.fromtimestamp(e["recorded_ms"] // 1000, datetime.timezone.utc)
        check(e["business_day"] == day_of(recorded), "business_day is not that of recorded_ms in Asia/Shanghai")
        if "request_id" in e:
            request = (e["actor"], e["request_id"], e.get("item", -1))
            check(request not in self.requests, "a request id that was answered before")
            self.requests.add(request)
        self.next, self.last_ms, self.program, self.epoch = e["seq"] + 1, e["recorded_ms"], e["program"], e["epoch"]

        sums, touched = defaultdict(int), {}
        for p in e.get("postings", []):
            account, unit, part = p["account"], p["unit"], p.get("sub", "available")
            sums[unit] += p["amount"]
            check(p.get("prev", -1) == self.heads.get((account, unit), -1), f"prev of {account} {unit} is {p.get('prev', -1)}")
            self.balances[account, unit, part] += p["amount"]
            balance = self.balances[account, unit, part]
            check(p["balance"] == balance, f"{account} {unit} {part} is {p['balance']} where the entries give {balance}")
            check(not (account.startswith("m") and unit == "FEN"), "money on a member's account")
            if account.startswith("m") and unit == "POINT" and part != "debt":
                check(balance >= 0, f"{account} holds {balance} points")
                if part == "available":
                    lots = self.lots[account, unit]
                    for fund, end, amount in p.get("lots", []):
                        lots[fund, end] += amount
                        check(lots[fund, end] >= 0, f"lot {fund} {end} of {account} below 0")
                    check(sum(lots.values()) == balance, f"the lots of {account} do not add up to {balance}")
            touched[account, unit] = e["seq"]
            self.rows.append([str(e["seq"]), account, PARTS[part], unit, str(p["amount"]), str(balance)])
        check(not any(sums.values()), f"postings sum to {dict(sums)}")
        if not e.get("postings"):
            self.rows.append([str(e["seq"]), "", "", "", "", ""])
        self.heads.update(touched)
        self.blobs.update(d["sha256"] for d in e.get("data", {}).values() if "sha256" in d)
        if e["kind"] == "award":
            self.awards[e["seq"]] = e
        if e["kind"] == "correction":
            self.awards[e["ref"]] = {**self.awards[e["ref"]], "quantity": e.get("quantity", 0)}

    def compare(self, said):
        """What the server said of a member, against the entries so far."""
        member, today = said["member"].rpartition("/")[2], day_of(datetime.datetime.fromisoformat(said["as_of_time"][:19] + "+00:00"))
        units = {unit for account, unit, _ in self.balances if account == member}
        check({b["unit"] for b in said["balances"]} == units, f"{member}: units {sorted(units)}")
        for b in said["balances"]:
            lots = self.lots.get((member, b["unit"]), {})
            live = sorted([end, fund, amount] for (fund, end), amount in lots.items() if amount and end > today)
            available = sum(amount for *_, amount in live) if b["unit"] == "POINT" else self.balances[member, b["unit"], "available"]
            mine = [available, self.balances[member, b["unit"], "held"], -self.balances[member, b["unit"], "debt"]]
            theirs = [int(b["available"]), int(b["held"]), int(b["debt"])]
            check(mine == theirs, f"{member} {b['unit']}: the server says {theirs}, the entries {mine}")
            theirs = sorted([lot["end_day"] or 99991231, lot["fund"], int(lot["amount"])] for lot in b["lots"])
            check(live == theirs, f"{member} {b['unit']}: the server's lots are {theirs}, the entries give {live}")

    def deeds(self, activity, field):
        return {a.get(field) for a in self.awards.values() if a["activity"] == activity and a.get("quantity", 0) > 0} - {None}


def audit(a):
    due = defaultdict(list)  # by as_of_sequence
    for path in a.balance:
        with open(path, encoding="utf-8") as file:
            for line in file:
                said = json.loads(line)
                due[int(said["as_of_sequence"])].append(said)
    books, compared = Books(), 0
    with open(a.export, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                books.enter(line)
                for said in due.pop(books.next, []):
                    books.compare(said)
                    compared += 1
            except (Difference, ValueError, KeyError, TypeError) as error:
                raise Difference(f"line {number}: {error if isinstance(error, Difference) else repr(error)}") from error
    check(books.next > 0, "the export is empty")
    check(not due, f"balances as of {sorted(due)} lie outside the export")
    sums = defaultdict(int)
    for (_, unit, _), balance in books.balances.items():
        sums[unit] += balance
    check(not any(sums.values()), f"all accounts sum to {dict(sums)}")
    if a.blob:
        contents = set()
        for path in a.blob:
            with open(path, "rb") as file:
                contents.add(hashlib.sha256(file.read()).hexdigest())
        check(contents == books.blobs, f"blobs: entries name {sorted(books.blobs)}, given are {sorted(contents)}")
    if a.csv:
        number = 1
        with open(a.csv, encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                mine = books.rows[number - 2] if number - 2 < len(books.rows) else None
                # An apostrophe keeps spreadsheets from reading a text as a formula, number or date.
                theirs = [row[name].removeprefix("'") for name in ("序号", "账户", "账户部分", "单位", "数额", "余额")]
                check(mine == theirs or not theirs[1] and mine[:2] == theirs[:2], f"CSV line {number}: {theirs}, the entries give {mine}")
        check(number - 1 == len(books.rows), f"the CSV has {number - 1} rows, the entries {len(books.rows)}")
    for count in a.count:
        what, wanted = count.split("=")
        activity, field = what.split(":")
        got = len(books.deeds(activity, field))
        check(got == int(wanted), f"{activity}: {got} {field}s, not {wanted}")
        print(f"{activity}: {got} {field}s, {sum(e['activity'] == activity for e in books.awards.values())} awards")
    for about in a.about:
        of, to = about.split(":")
        stray = books.deeds(of, "about") - books.deeds(to, "session")
        check(not stray and None not in {e.get("about") for e in books.awards.values() if e["activity"] == of}, f"{about}: {sorted(stray)[:3]}")
    accounts = len({(account, unit) for account, unit, _ in books.balances})
    print(f"{books.next} entries, {accounts} accounts, {compared} balances compared: all agree")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export")
    for name in ("--balance", "--blob", "--count", "--about"):
        parser.add_argument(name, action="append", default=[])
    parser.add_argument("--csv")
    try:
        audit(parser.parse_args())
    except Difference as difference:
        print(difference, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
