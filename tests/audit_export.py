#!/usr/bin/env python3
"""Audits a JSON Lines export of Red Points with nothing of Red Points: only Python's standard library and the format's rules.

From the lines alone it recomputes every balance, of every fund, every lot and every `prev` chain; that postings sum to zero per unit and
per fund; that for each fund, after each entry, issued = available + held + redeemed + expired + pool, and all debts to it stand against
debts:FUND; that no fund issued beyond its budget; and of each closed day its totals, each shop's root, the root over shops, and the hash of
the shops' lines. And it recomputes each entry from what that states (audit/kinds.py): with the rulebooks that entries name (--blob) all of
it, what deeds earned and caps left, what funds owe shops, prices and limits, who may act for whom; without them what needs none. It exits
with 1 and names the line at the first difference, with 0 when all agree; then it says what no export can show (audit/stated.py).

    audit_export.py journal.jsonl --balance balances.jsonl --blob rulebook.json --csv journal.csv --count PAICHA:session=1024

--balance  what the server said of members (`redpoints balance --output json`, one or more a file): must be what the entries before
           its as_of_sequence give
--blob     content that entries name by SHA-256: each must be named, and each name must have its content (shops' lines are made here)
--csv      the CSV export of the same entries: must say the same
--count    ACTIVITY:session=N or ACTIVITY:case=N: deeds, not awards; what a correction set to 0 does not count
--about    ACTIVITY:ACTIVITY: each deed of the first names, in `about`, a session of the second
--at       YYYYMMDD: the funds as they were when this day ended, besides now
"""

import argparse
import csv
import datetime
import hashlib
import json
import sys
from collections import defaultdict

from audit.basics import NEVER, Difference, Lots, add, check, day_of, days_after, no_zeros
from audit.kinds import KINDS
from audit.state import Rules
from audit.stated import LIMITS, REGISTRATIONS

PARTS = {"available": "可用", "held": "预扣", "debt": "欠分"}
BACK = {"refund", "reversal", "undo"}  # what may take a shop below 0, or further
AMOUNT_MAX = 2**53 - 1


FOUND = (Difference, ValueError, KeyError, TypeError, IndexError, AttributeError, StopIteration)  # at a line that is none of ours, too


def float_found(text):
    raise Difference(f"{text} is no whole number")


def fund_of_name(account):
    return account.split(":")[1] if ":" in account else None


def funds_of(p):
    """Which points of which fund a posting moves: by its lots, its funds, or its account's name."""
    account, sub, amount = p["account"], p.get("sub", "available"), p["amount"]
    if p["unit"] != "POINT":
        check("lots" not in p and "funds" not in p, f"lots or funds of {p['unit']}")
        return {}
    has_lots = amount != 0 and (account.startswith("m") and sub != "debt" or account == "expired")
    has_funds = amount != 0 and (account.startswith("m") and sub == "debt" or account.startswith("s") or account == "pool")
    check(("lots" in p) == has_lots and ("funds" in p) == has_funds, f"{account}: lots or funds missing, or where none belong")
    funds = defaultdict(int)
    if has_lots:
        for (_, fund, _), part in Lots.of(p).items():
            funds[fund] += part
    elif has_funds:
        check(p["funds"] == sorted(p["funds"]) and len({f for f, _ in p["funds"]}) == len(p["funds"]), f"{account}: funds out of order")
        funds.update(p["funds"])
    elif amount:
        funds[fund_of_name(account)] = amount
    parts = [lot[2] for lot in p.get("lots", [])] + [part for _, part in p.get("funds", [])]
    check(all(part * amount > 0 for part in parts), f"{account}: a lot or fund that moves the other way, or not at all")
    check(sum(funds.values()) == amount, f"{account} moves {amount}, of its funds {sum(funds.values())}")
    return no_zeros(funds)


class Books:
    def __init__(self, blobs):
        self.contents = blobs  # SHA-256 -> bytes
        self.next, self.last_ms, self.program, self.epoch = 0, 0, None, 0
        self.balances = defaultdict(int)  # (account, unit, part)
        self.heads = {}  # (account, unit) -> the last entry that touched it
        self.lots = defaultdict(Lots)  # (member, part) -> lots
        self.funds = defaultdict(lambda: defaultdict(int))  # (account, part) -> fund -> points
        self.totals = defaultdict(lambda: defaultdict(int))  # fund -> column -> points
        self.ends = defaultdict(int)  # end -> how many lots that are there end then
        self.named, self.rows, self.closed = set(), [], None
        self.is_undoing = False  # right behind a clock that is set back
        self.days = defaultdict(lambda: defaultdict(lambda: [0] * 6))  # day -> fund -> totals
        self.shops = defaultdict(dict)  # day -> shop -> [leaves, points, fen]
        self.rules = Rules(self, KINDS)

    # --- one entry ------------------------------------------------------------------------------------------------------------------
    def enter(self, line):
        check(line.endswith(b"\n") and len(line) <= 4097, "not one line of at most 4,096 bytes")
        e = json.loads(line, parse_float=float_found)
        check(json.dumps(e, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" == line, "not in canonical form")
        check(e["v"] == 1 and e["seq"] == self.next, f"seq {e['seq']} where {self.next} comes next")
        check(self.program in (None, e["program"]), "of another program")
        check(e["kind"] == "epoch" or e["epoch"] == self.epoch, "of another epoch")
        # Time falls at one entry alone: where an operator sets a clock back that had been confirmed wrongly.
        is_set_back = e["kind"] == "clock_confirmed" and "last_closed_day" in e["data"]["clock"]
        check(e["recorded_ms"] >= self.last_ms or is_set_back, "recorded before the entry before it")
        recorded = datetime.datetime.fromtimestamp(e["recorded_ms"] // 1000, datetime.timezone.utc)
        check(e["business_day"] == day_of(recorded), "business_day is not that of recorded_ms in Asia/Shanghai")
        if self.next == 0:
            self.closed = days_after(e["business_day"], -1)
        if is_set_back:
            clock = e["data"]["clock"]
            check(clock["last_closed_day"] < e["business_day"], "a day that stands though it is not over")
            stated = datetime.datetime.fromtimestamp(min(clock["stated_ms"], e["recorded_ms"]) // 1000, datetime.timezone.utc)
            self.closed = min(self.closed, days_after(day_of(stated), -1))
            check(clock["last_closed_day"] == self.closed, f"days up to {self.closed} stand")
        self.is_undoing = is_set_back or e["kind"] == "expiry_undone" and self.is_undoing and e["recorded_ms"] == self.last_ms
        right = self.rules.right(e)
        self.post(e)
        if right:
            self.rules.compare(e, right)
        self.count(e, self.rules.leaf(e))
        self.rules.apply(e)
        if e["kind"] == "day_closed":
            self.forget_day(e["data"]["closed"]["day"])
        elif e["kind"] == "rulebook":
            self.named.add(e["data"]["rulebook"]["sha256"])
        self.named.update(e.get("blobs", []))
        self.next, self.last_ms, self.program, self.epoch = e["seq"] + 1, e["recorded_ms"], e["program"], e["epoch"]

    def post(self, e):
        sums, touched, sides = defaultdict(int), {}, {"points": defaultdict(int), "debts": defaultdict(int)}
        is_on_chain = "member" not in e or e["kind"] in REGISTRATIONS
        for p in e.get("postings", []):
            account, unit, part, amount = p["account"], p["unit"], p.get("sub", "available"), p["amount"]
            check(account.startswith(("m", "s", "issuance:", "debts:", "fund:", "payable:", "paid:")) or account in ("expired", "pool"),
                  f"an account of no kind: {account}")
            is_member, is_shop = account.startswith("m"), account.startswith("s")
            check(is_member or part == "available", f"{account} has no part {part}")
            is_on_chain = is_on_chain or account == e["member"]
            check(amount != 0 or account == e.get("member") and (unit, part) == ("POINT", "available"), "a posting of 0 that is on nobody's chain")
            check(p.get("prev", -1) == self.heads.get((account, unit), -1), f"prev of {account} {unit} is {p.get('prev', -1)}")
            self.balances[account, unit, part] += amount
            balance = self.balances[account, unit, part]
            check(is_shop != ("balance" in p), f"{account}: a shop's posting states no balance, every other does")
            check(is_shop or p["balance"] == balance, f"balance of {account} {unit} {part} is {p.get('balance')} where the entries give {balance}")
            check(not ((is_member or is_shop) and unit == "FEN"), "money on a member's or shop's account")
            check(abs(balance) <= AMOUNT_MAX, f"{account} {unit} is out of range")
            if amount < 0:
                self.check_floor(account, unit, balance)
            funds = funds_of(p)
            for fund, points in funds.items():
                of_fund = self.funds[account, part]
                of_fund[fund] += points
                if is_member or account in ("expired", "pool") or account.startswith("debts:"):
                    check(of_fund[fund] <= 0 if part == "debt" else of_fund[fund] >= 0, f"{account} {part} of fund {fund} is {of_fund[fund]}")
            sums[unit] += amount
            add(sides["debts" if part == "debt" or account.startswith("debts:") else "points"], funds)
            if is_member and unit == "POINT":
                check(balance <= 0 if part == "debt" else balance >= 0, f"{account} {part} is {balance} points")
                self.move_lots(e, p, account, part)
            if is_shop and amount < 0:
                check(e["kind"] in BACK, f"a {e['kind']} takes points from a shop")
            touched[account, unit] = e["seq"]
            self.rows.append([str(e["seq"]), str(e["epoch"]), account, PARTS[part], unit, str(amount), "" if is_shop else str(balance)])
        check(not any(sums.values()), f"postings sum to {dict(sums)}")
        for side, by_fund in sides.items():
            check(not any(by_fund.values()), f"{side} of funds sum to {no_zeros(by_fund)}")
        check(is_on_chain, f"no posting of {e.get('member')}, whom it is about")
        if not e.get("postings"):
            self.rows.append([str(e["seq"]), str(e["epoch"]), "", "", "", "", ""])
        self.heads.update(touched)

    def check_floor(self, account, unit, balance):
        """Points are issued within the fund's budget; minutes don't fall below 0, scores as far as a rulebook says."""
        if account.startswith("issuance:") and unit == "POINT":
            budget = self.rules.records.get(("fund", fund_of_name(account)), {}).get("budget_points", 0)
            check(-balance <= budget, f"{-balance} points issued of {account}, its budget is {budget}")
        elif account.startswith("m") and unit != "POINT" and balance < 0:
            floor = self.rules.floor(unit)
            check(balance >= floor, f"{account} {unit} is {balance}, below {floor}")

    def move_lots(self, e, p, member, part):
        if part == "debt":
            return
        lots = self.lots[member, part]
        for key, amount in Lots.of(p).items():
            end, fund, first = key
            check(first == 0 or first < end, f"lot {fund} {end} of {member} ended first on {first}")
            if part == "available" and end <= e["business_day"]:
                check(e["kind"] == "expiry" and amount < 0, f"lot {fund} {end} of {member} is past")
            if part == "available":
                self.ends[end] += (lots.get(key, 0) + amount > 0) - (key in lots)
                if not self.ends[end]:
                    del self.ends[end]
            lots[key] = lots.get(key, 0) + amount
            check(lots[key] >= 0, f"lot {fund} {end} of {member} {part} below 0")
            if lots[key] == 0:
                del lots[key]
        check(sum(lots.values()) == self.balances[member, "POINT", part], f"the lots of {member} {part} do not add up")

    # --- days -------------------------------------------------------------------------------------------------------------------------
    COLUMNS = {"issuance": (0, -1), "s": (1, 1), "expired": (2, 1), "pool": (3, 1), "debts": (4, 1)}

    def count(self, e, leaf):
        """Into the totals of the day, per fund, and the lines of its shops."""
        totals, shop = self.days[e["business_day"]], None
        for p in e.get("postings", []):
            account = p["account"]
            funds = funds_of(p)
            name = account.split(":")[0]
            column, sign = self.COLUMNS.get("s" if account.startswith("s") else name, (None, 0))
            for fund, points in funds.items():
                if column is not None:
                    totals[fund][column] += sign * points
                part = p.get("sub", "available") if account.startswith("m") else "redeemed" if account.startswith("s") else name
                self.totals[fund][part] += points
            if account.startswith("s") and p["unit"] == "POINT":
                shop = account, funds
        for fund, _, fen, *_ in e.get("owed", []):
            totals[fund][5] += fen
        if shop:
            account, funds = shop
            row = self.shops[e["business_day"]].setdefault(account, [[], defaultdict(int), defaultdict(int)])
            fen = sum(row[2] for row in e.get("owed", []))
            row[0].append(f'["{leaf[0]}","{leaf[1]}","{e["kind"]}",{sum(funds.values())},{fen}]'.encode())
            add(row[1], funds)
            add(row[2], {fund: fen for fund, _, fen, *_ in e.get("owed", [])})

    def forget_day(self, day):
        self.closed = day
        self.days.pop(day, None)
        self.shops.pop(day, None)

    # --- what others say ---------------------------------------------------------------------------------------------------------------
    def compare(self, said):
        """What the server said of a member, against the entries so far."""
        member, today = said["member"].rpartition("/")[2], day_of(datetime.datetime.fromisoformat(said["as_of_time"][:19] + "+00:00"))
        units = {unit for account, unit, _ in self.balances if account == member}
        check(int(said["as_of_epoch"]) == self.epoch, f"{member}: the server speaks of epoch {said['as_of_epoch']}, the entries are of {self.epoch}")
        check({b["unit"] for b in said["balances"]} == units, f"{member}: units {sorted(units)}")
        for b in said["balances"]:
            lots = self.lots[member, "available"] if b["unit"] == "POINT" else {}
            live = sorted([end, fund, amount] for (end, fund, _), amount in lots.items() if end > today)
            available = sum(amount for *_, amount in live) if b["unit"] == "POINT" else self.balances[member, b["unit"], "available"]
            mine = [available, self.balances[member, b["unit"], "held"], -self.balances[member, b["unit"], "debt"]]
            theirs = [int(b["available"]), int(b["held"]), int(b["debt"])]
            check(mine == theirs, f"{member} {b['unit']}: the server says {theirs}, the entries {mine}")
            theirs = sorted([lot["end_day"] or NEVER, lot["fund"], int(lot["amount"])] for lot in b["lots"])
            check(live == theirs, f"{member} {b['unit']}: the server's lots are {theirs}, the entries give {live}")

    def awards(self, activity):
        return [a for a in self.rules.kept.values() if a["kind"] == "award" and a["activity"] == activity]

    def deeds(self, activity, field):
        """By session or case; of confidential ones by `unique`, of which the first is that of the case where there is one."""
        said = [a.get(field) for a in self.awards(activity) if self.rules.stands[a["seq"]]["quantity"] > 0]
        return {one[0] if isinstance(one, list) else one for one in said} - {None}

    def print_funds(self, when):
        for fund, t in sorted(self.totals.items()):
            # Both hold after each entry, since its postings sum to zero on either side of the books.
            rest = [(what, t[what]) for what in ("available", "held", "redeemed", "expired", "pool")]
            check(-t["issuance"] == sum(n for _, n in rest) and t["debt"] + t["debts"] == 0, f"fund {fund} does not add up: {dict(t)}")
            print(f"{when} {fund}: issued {-t['issuance']} = " + " + ".join(f"{what} {n}" for what, n in rest) + f"; debts {t['debts']}")


def read_blobs(paths):
    contents = {}
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        contents[hashlib.sha256(content).hexdigest()] = content
    return contents


def compare_csv(path, rows):
    number = 1
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for number, row in enumerate(reader, start=2):
            check(None not in row and None not in row.values(), f"CSV line {number}: not as many cells as the header has")
            mine = rows[number - 2] if number - 2 < len(rows) else None
            # An apostrophe keeps spreadsheets from reading a text as a formula, number or date.
            theirs = [row[name].removeprefix("'") for name in ("序号", "纪元", "账户", "账户部分", "单位", "数额", "余额")]
            check(mine == theirs or not theirs[2] and mine[:3] == theirs[:3], f"CSV line {number}: {theirs}, the entries give {mine}")
    check(number - 1 == len(rows), f"the CSV has {number - 1} rows, the entries {len(rows)}")


def audit(a):
    due = defaultdict(list)  # by as_of_sequence
    for path in a.balance:
        with open(path, encoding="utf-8") as file:
            for line in file:
                said = json.loads(line)
                due[int(said["as_of_sequence"])].append(said)
    given = read_blobs(a.blob)
    books, compared, days = Books(dict(given)), 0, sorted(a.at)
    with open(a.export, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                while days and json.loads(line)["business_day"] > days[0]:
                    books.print_funds(days.pop(0))
                books.enter(line)
                for said in due.pop(books.next, []):
                    books.compare(said)
                    compared += 1
            except FOUND as error:
                raise Difference(f"line {number}: {error if isinstance(error, Difference) else repr(error)}") from error
    check(books.next > 0, "the export is empty")
    check(not due, f"balances as of {sorted(due)} lie outside the export")
    books.print_funds("now")
    if a.blob:
        missing, extra = books.named - set(books.contents), set(given) - books.named
        check(not missing and not extra, f"blobs: entries name {sorted(missing)}, which are not given; given are {sorted(extra)}, which none names")
    if a.csv:
        compare_csv(a.csv, books.rows)
    for count in a.count:
        what, wanted = count.split("=")
        activity, field = what.split(":")
        got = len(books.deeds(activity, field))
        check(got == int(wanted), f"{activity}: {got} {field}s, not {wanted}")
        print(f"{activity}: {got} {field}s, {len(books.awards(activity))} awards")
    for about in a.about:
        of, to = about.split(":")
        stray = books.deeds(of, "about") - books.deeds(to, "session")
        check(not stray and None not in {e.get("about") for e in books.awards(of)}, f"{about}: {sorted(stray)[:3]}")
    accounts = len({(account, unit) for account, unit, _ in books.balances})
    unread = sorted(books.rules.unread)
    if unread:
        what = "what deeds earned, funds owe and limits allow"
        print(f"not recomputed: {what} by rulebooks that were not given (--blob): {', '.join(unread)}")
    print(f"{books.next} entries, {accounts} accounts, {compared} balances compared: all agree")
    print("\n  ".join(["not shown by an export, whoever reads it:", *LIMITS]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export")
    for name in ("--balance", "--blob", "--count", "--about"):
        parser.add_argument(name, action="append", default=[])
    parser.add_argument("--at", action="append", default=[], type=int)
    parser.add_argument("--csv")
    try:
        audit(parser.parse_args())
    except Difference as difference:
        print(difference, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
