#!/usr/bin/env python3
"""Audits a JSON Lines export of Red Points with nothing of Red Points: only Python's standard library and the format's rules.

From the lines alone it recomputes every balance, of every fund, every lot and every `prev` chain; that postings sum to zero per unit and per
fund; that for each fund, after each entry, issued = available + held + redeemed + expired + pool, and all debts to it stand against debts:FUND;
that sales take the lots that end first, and that refunds and reversals give back exactly their share of the fen; and of each closed day
its totals, each shop's root, the root over shops, and the hash of the shops' lines. With the rulebooks that entries name (--blob) it recomputes
what deeds earned and what funds owe shops for sales. It exits with 1 and names the line at the first difference, with 0 when all agree.

    audit_export.py journal.jsonl --balance balances.jsonl --blob rulebook.json --csv journal.csv --count PAICHA:session=1024

--balance  what the server said of members (`redpoints balance --output json`, one or more a file): must be what the entries before
           its as_of_sequence give
--blob     content that entries name by SHA-256: each must be named, and each name must have its content (shops' lines are made here)
--csv      the CSV export of the same entries: must say the same
--count    ACTIVITY:session=N or ACTIVITY:case=N: deeds, not awards; what a correction set to 0 does not count
--about    ACTIVITY:ACTIVITY: each deed of the first names, in `about`, a session of the second
--at       YYYYMMDD: the funds as they were when this day ended, besides now

What no export can show by itself, so that this script can't either: another clerk or note than there was, another time between the entries
before and after, and entries missing at the end. For those, compare with a checkpoint or an export that somebody else kept.
"""

import argparse
import csv
import datetime
import hashlib
import json
import sys
from collections import defaultdict

PARTS = {"available": "可用", "held": "预扣", "debt": "欠分"}
REGISTRATIONS = {"program", "node", "fund", "member", "merchant", "terminal", "staff", "rulebook", "offer"}
BACK = {"refund", "reversal", "undo"}  # what may take a shop below 0, or further
NEVER = 99991231
LIMITS = "not shown by an export: a changed clerk or note, a time moved between its neighbours, a tail cut off; a checkpoint kept elsewhere shows those"


class Difference(Exception):
    pass


def check(good, what):
    if not good:
        raise Difference(what)


def day_of(time):
    return int((time.astimezone(datetime.timezone.utc) + datetime.timedelta(hours=8)).strftime("%Y%m%d"))


def day_after(day):
    date = datetime.datetime.strptime(str(day), "%Y%m%d") + datetime.timedelta(days=1)
    return int(date.strftime("%Y%m%d"))


def sha(data):
    return hashlib.sha256(data).digest()


def merkle_root(leaves):
    """RFC 6962, 2.1."""
    if len(leaves) < 2:
        return sha(b"\0" + leaves[0]) if leaves else sha(b"")
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1" + merkle_root(leaves[:k]) + merkle_root(leaves[k:]))


def scale(value, numerator, denominator, rounding="DOWN"):
    bias = {"DOWN": 0, "UP": denominator - 1, "HALF_UP": denominator // 2}[rounding]
    return (value * numerator + bias) // denominator


def no_zeros(amounts):
    return {key: amount for key, amount in sorted(amounts.items()) if amount}


def add(into, amounts, sign=1):
    for key, amount in amounts.items():
        into[key] += sign * amount


class Lots(dict):
    """(end, fund, first end) -> amount, the soonest-ending first."""

    @staticmethod
    def of(posting):
        lots = Lots()
        for fund, end, amount, *first in posting.get("lots", []):
            key = (end, fund, first[0] if first else 0)
            check(key not in lots, "a lot twice in one posting")
            lots[key] = amount
        return lots

    def take(self, points):
        taken = []
        for key in sorted(self):
            part = min(points, self[key])
            if part > 0:
                taken.append((key, part))
                points -= part
        return taken


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


class Sale:
    """A redemption or capture: which points it took, from its last back, and what of them has been given back."""

    def __init__(self, e, taken):
        self.shop, self.owed = e["merchant"], [row[:3] + row[3:] for row in e.get("owed", [])]
        self.positions = [(fund, part) for (_, fund, _), part in reversed(taken)]
        self.points = sum(part for _, part in taken)
        self.cash = sum(line[3] for line in e["lines"])
        self.back = set()  # positions

    def free(self, points):
        return [i for i in range(self.points) if i not in self.back][:points]

    def share(self, positions):
        """[fund, points, fen, rounding?] for these positions, below 0: each fen once, in whatever order they go back."""
        funds = [fund for fund, part in self.positions for _ in range(part)]
        owed = []
        for fund, points, fen, *rounding in self.owed:
            before, gone, back = 0, 0, 0
            for i, of in enumerate(funds):
                if of != fund:
                    continue
                if i in positions:
                    gone, back = gone + 1, back + scale(fen, before + 1, points) - scale(fen, before, points)
                before += 1
            if gone:
                owed.append([fund, -gone, -back, *rounding])
        return owed


class Books:
    def __init__(self, blobs):
        self.contents = blobs  # SHA-256 -> bytes
        self.next, self.last_ms, self.program, self.epoch = 0, 0, None, None
        self.balances = defaultdict(int)  # (account, unit, part)
        self.heads = {}  # (account, unit) -> the last entry that touched it
        self.lots = defaultdict(Lots)  # (member, part) -> lots
        self.funds = defaultdict(lambda: defaultdict(int))  # (account, part) -> fund -> points
        self.totals = defaultdict(lambda: defaultdict(int))  # fund -> column -> points
        self.requests, self.named, self.awards, self.rows = {}, set(), {}, []
        self.sales, self.holds, self.refunds, self.proposals = {}, {}, {}, {}
        self.ends, self.waivers = {}, {}  # fund -> its end; proposal -> (member, fund, points, who)
        self.worth, self.month = defaultdict(lambda: defaultdict(int)), defaultdict(int)
        self.books, self.unread, self.closed = {}, set(), None
        self.days = defaultdict(lambda: defaultdict(lambda: [0] * 6))  # day -> fund -> totals
        self.shops = defaultdict(dict)  # day -> shop -> [leaves, points, fen]

    # --- one entry ------------------------------------------------------------------------------------------------------------------
    def enter(self, line):
        check(line.endswith(b"\n") and len(line) <= 4097, "not one line of at most 4,096 bytes")
        e = json.loads(line)
        check(json.dumps(e, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" == line, "not in canonical form")
        check(e["v"] == 1 and e["seq"] == self.next, f"seq {e['seq']} where {self.next} comes next")
        check(self.program in (None, e["program"]), "of another program")
        if e["kind"] == "epoch" and self.epoch is not None:
            data = e["data"]["epoch"]
            check(e["epoch"] > self.epoch == data["old_epoch"] and data["size"] == e["seq"], "an epoch that does not follow the one before")
        else:
            check(self.epoch in (None, e["epoch"]), "of another epoch")
        # Time falls at one entry alone: where an operator sets a clock back that had been confirmed wrongly.
        is_set_back = e["kind"] == "clock_confirmed" and "last_closed_day" in e["data"]["clock"]
        check(e["recorded_ms"] >= self.last_ms or is_set_back, "recorded before the entry before it")
        recorded = datetime.datetime.fromtimestamp(e["recorded_ms"] // 1000, datetime.timezone.utc)
        check(e["business_day"] == day_of(recorded), "business_day is not that of recorded_ms in Asia/Shanghai")
        if self.next == 0:
            day = datetime.datetime.strptime(str(e["business_day"]), "%Y%m%d") - datetime.timedelta(days=1)
            self.closed = int(day.strftime("%Y%m%d"))
        if is_set_back:
            self.closed = e["data"]["clock"]["last_closed_day"]
        self.check_request(e)
        before = Lots(self.lots[e["member"], "available"]) if e["kind"] in ("redemption", "hold") else None
        self.post(e)
        self.next, self.last_ms, self.program, self.epoch = e["seq"] + 1, e["recorded_ms"], e["program"], e["epoch"]
        self.named.update(e.get("blobs", []))
        leaf = [e.get("terminal", ""), e.get("request_id", "")]
        if e["kind"] in ("redemption", "hold", "capture"):
            leaf = self.sell(e, before) or leaf
        elif e["kind"] in BACK or e["kind"] in ("void", "hold_expired"):
            self.give_back(e)
        elif e["kind"] == "undo_proposed":
            self.proposals[e["seq"]] = e["ref"]
        elif e["kind"] == "fund":
            self.ends[e["data"]["fund"]["code"]] = e["data"]["fund"].get("end_day", NEVER)
        elif e["kind"] == "waiver_proposed":
            self.propose_waiver(e)
        elif e["kind"] == "debt_waived":
            self.waive(e)
        elif e["kind"] == "rulebook":
            self.adopt(e["data"]["rulebook"])
        elif e["kind"] in ("award", "correction"):
            self.deed(e)
        elif e["kind"] == "day_closed":
            self.close(e)
        self.count(e, leaf)

    def check_request(self, e):
        if "request_id" not in e:
            return
        request, place = (e["actor"], e["request_id"]), max(e.get("item", 0), e.get("part", [1])[0] - 1)
        known = self.requests.get(request)
        if place == 0:
            check(known is None, "a request id that was answered before")
        else:
            check(known == (e["seq"] - 1, place - 1, e["fingerprint"]), "a later part of a request that does not follow the part before")
        self.requests[request] = (e["seq"], place, e["fingerprint"])

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
            self.rows.append([str(e["seq"]), account, PARTS[part], unit, str(amount), "" if is_shop else str(balance)])
        check(not any(sums.values()), f"postings sum to {dict(sums)}")
        for side, by_fund in sides.items():
            check(not any(by_fund.values()), f"{side} of funds sum to {no_zeros(by_fund)}")
        check(is_on_chain, f"no posting of {e.get('member')}, whom it is about")
        if not e.get("postings"):
            self.rows.append([str(e["seq"]), "", "", "", "", ""])
        self.heads.update(touched)

    def move_lots(self, e, p, member, part):
        if part == "debt":
            return
        lots = self.lots[member, part]
        for key, amount in Lots.of(p).items():
            end, fund, first = key
            check(first == 0 or first < end, f"lot {fund} {end} of {member} ended first on {first}")
            if part == "available" and end <= e["business_day"]:
                check(e["kind"] == "expiry" and amount < 0, f"lot {fund} {end} of {member} is past")
            lots[key] = lots.get(key, 0) + amount
            check(lots[key] >= 0, f"lot {fund} {end} of {member} {part} below 0")
            if lots[key] == 0:
                del lots[key]
        check(sum(lots.values()) == self.balances[member, "POINT", part], f"the lots of {member} {part} do not add up")

    # --- debts ------------------------------------------------------------------------------------------------------------------------
    def propose_waiver(self, e):
        fund, points = e["data"]["waiver"]["fund"], e["data"]["waiver"]["points"]
        check(self.ends.get(fund, NEVER) <= e["business_day"], f"a debt to {fund} waived, which has not ended")
        owed = -self.funds[e["member"], "debt"][fund]
        check(0 < points <= owed, f"{points} waived of a debt of {owed} to {fund}")
        self.waivers[e["seq"]] = (e["member"], fund, points, e["actor"])

    def waive(self, e):
        check(e["proposal"] in self.waivers, "a waiver of what nobody proposed")
        member, fund, points, who = self.waivers.pop(e["proposal"])
        check(who != e["actor"], "waived by the one who proposed it")
        check(self.ends[fund] <= e["business_day"], f"a debt to {fund} waived, which has not ended")
        moved = {(p["account"], p.get("sub", "available")): funds_of(p) for p in e["postings"]}
        right = {(member, "debt"): {fund: points}, (f"debts:{fund}", "available"): {fund: -points}}
        check(moved == right, f"not the {points} of {fund} that were proposed")

    # --- sales ------------------------------------------------------------------------------------------------------------------------
    def sell(self, e, before):
        """What was taken ends first, and what is owed is the rate of the rulebook. Of a capture: the till and the request of its hold."""
        first = next(p for p in e["postings"] if p["account"] == e["member"] and p["amount"] < 0)
        taken = [(key, -amount) for key, amount in Lots.of(first).items()]
        points, leaf = sum(amount for _, amount in taken), None
        if e["kind"] == "capture":
            hold = self.end_hold(e)
            leaf, before = [hold["terminal"], hold["request_id"]], hold["lots"]
        check(taken == before.take(points), "the lots are not those that end first")
        if e["kind"] == "hold":
            self.holds[e["seq"]] = {"terminal": e["terminal"], "request_id": e["request_id"], "lots": Lots(taken), "member": e["member"]}
            return None
        check(points == sum(line[2] for line in e["lines"]), f"lines of {sum(line[2] for line in e['lines'])} points, {points} taken")
        by_fund = defaultdict(int)
        for (_, fund, _), part in taken:
            by_fund[fund] += part
        check([row[:2] for row in e["owed"]] == [[f, n] for f, n in sorted(by_fund.items())], f"owed is not for {dict(by_fund)}")
        book = self.book(e.get("rate_version", e["rulebook"]))
        for fund, of, fen, *rounding in e["owed"] if book else []:
            rate = next((r for r in book.get("fund_rates", []) if r["fund"] == fund), {"points_denominator": 1, "rounding": "DOWN"})
            right = scale(of, rate.get("fen_numerator", 0), rate["points_denominator"], rate["rounding"])
            check(fen == right, f"fund {fund} owes {fen} fen, by the rate {right}")
            check((rounding or ["down"])[0] == rate["rounding"].lower(), f"fen of {fund} rounded otherwise than the rulebook says")
        self.sales[e["seq"]] = Sale(e, taken)
        return leaf

    def end_hold(self, e):
        check(e["hold"] in self.holds, f"hold {e['hold']} is not open")
        hold, left = self.holds.pop(e["hold"]), defaultdict(int)
        check(hold["member"] == e["member"], "a hold of somebody else")
        for p in e["postings"]:
            if p.get("sub") == "held":
                add(left, Lots.of(p), -1)
        check(left == hold["lots"], "the lots of the hold do not leave it")
        return hold

    def give_back(self, e):
        kind, owed = e["kind"], e.get("owed", [])
        if kind in ("void", "hold_expired"):
            return self.end_hold(e)
        if kind == "undo" and e["ref"] not in self.refunds:
            return check(not owed and self.proposals.get(e["proposal"]) == e["ref"], "an undo of what nobody proposed")
        if kind == "undo":
            check(self.proposals.get(e["proposal"]) == e["ref"], "an undo of what nobody proposed")
            refund = self.refunds.pop(e["ref"])
            sale = self.sales[refund["ref"]]
            right = [[fund, -points, -fen, *rest] for fund, points, fen, *rest in refund["owed"]]
            check(owed == right, f"owed is {owed}, and what the refund took {right}")
            check(e.get("cash_fen", 0) == -refund.get("cash_fen", 0), "cash is not that of the refund")
            sale.cash -= e.get("cash_fen", 0)
            return sale.back.difference_update(self.span(refund))
        if kind == "reversal" and e["effect"] == "undone" and "ref" not in e:
            return self.end_hold(e)
        if kind == "reversal" and e["effect"] != "undone":
            return check(not owed, "fen owed for nothing")
        sale = self.sales[e["ref"]]
        moved = -sum(p["amount"] for p in e.get("postings", []) if p["account"] == sale.shop)
        positions = set(self.span(e)) if kind == "refund" else set(sale.free(sale.points))
        check(len(positions) == moved and not positions & sale.back, f"{moved} points back, and not the free ones of the sale")
        right = sale.share(positions)
        check(owed == right, f"owed is {owed}, the share of the sale {right}")
        sale.back |= positions
        sale.cash -= e.get("cash_fen", 0)
        check(sale.cash >= 0, "more cash back than was paid")
        if kind == "refund":
            self.refunds[e["seq"]] = e
        return None

    @staticmethod
    def span(e):
        return [i for start, end in e["span"] for i in range(start, end)]

    # --- deeds ------------------------------------------------------------------------------------------------------------------------
    def adopt(self, data):
        if data.get("withdrawn"):
            return
        self.named.add(data["sha256"])
        content = self.contents.get(data["sha256"])
        self.books[data["version"]] = content and json.loads(content)

    def book(self, version):
        check(version in self.books, f"rulebook {version} was never adopted")
        if self.books[version] is None:
            self.unread.add(version)
        return self.books[version]

    def deed(self, e):
        """What a deed earned is what its activity pays, or less where a cap was hit; and a correction says what is left of it."""
        earned = defaultdict(int)
        for p in e.get("postings", []):
            if p["account"].startswith(("issuance:", "debts:")):
                earned[p["unit"]] -= p["amount"]
        award = e["seq"] if e["kind"] == "award" else e["ref"]
        add(self.worth[award], earned)
        book = self.book(e["rulebook"])
        activity = next((a for a in book["activities"] if a["code"] == e["activity"]), None) if book else None
        check(not book or activity, f"no activity {e['activity']} in rulebook {e['rulebook']}")
        month = (e["member"], e["activity"], e["rulebook"], e["effective_day"] // 100)
        if e["kind"] == "correction":
            check(award in self.awards, "a correction of no award")
            for unit, amount in e.get("amounts", []):
                check(amount == self.worth[award][unit], f"{unit} left of the award: {amount}, the entries give {self.worth[award][unit]}")
            if e.get("part", [1])[0] == 1:
                was = self.awards[award].get("quantity", 0)
                check(e.get("quantity_before", 0) == was, f"quantity before is {e.get('quantity_before', 0)}, the entries give {was}")
                self.awards[award] = {**self.awards[award], "quantity": e.get("quantity", 0)}
                self.month[month] += e.get("quantity", 0) - was
            return
        self.awards[e["seq"]] = e
        for earning in activity["earnings"] if activity else []:
            step = max(earning.get("step", 1), 1)
            pays = lambda q, of=earning, s=step: scale(q // s * s, of.get("numerator", 0), of["denominator"], of["rounding"])  # noqa: E731
            so_far = self.month[month] if earning.get("carry") else 0
            right, got = pays(so_far + e["quantity"]) - pays(so_far), earned[earning["unit"]]
            check(got == right or got < right and e.get("cap_hit"), f"{e['activity']} {e['quantity']} pays {right} {earning['unit']}, not {got}")
        for p in e.get("postings", []) if activity else []:
            if "lots" in p:
                right = [[activity["fund"], self.lot_end(activity, e["effective_day"])]]
                check([lot[:2] for lot in p["lots"]] == right, f"a lot of {p['lots'][0][:2]} where the rulebook says {right[0]}")
        self.month[month] += e["quantity"]

    @staticmethod
    def lot_end(activity, day):
        if "lot_validity" not in activity:
            return NEVER
        validity = activity["lot_validity"]
        size = {"YEAR": 12, "QUARTER": 3}.get(validity.get("round_up_to"), 1)
        month = day // 10000 * 12 + day // 100 % 100 - 1 + validity.get("months", 0)
        month = month // size * size + size
        return month // 12 * 10000 + (month % 12 + 1) * 100 + 1

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

    def close(self, e):
        said, day = e["data"]["closed"], day_after(self.closed)
        check(said["day"] == day < e["business_day"], f"day {said['day']} is closed where {day} comes next")
        self.closed = day
        totals = [[fund, *of] for fund, of in sorted(self.days[day].items()) if any(of)]
        check(said.get("totals", []) == totals, f"totals of {day} are {said.get('totals', [])}, the entries give {totals}")
        lines = []
        for shop, (leaves, points, fen) in sorted(self.shops[day].items()):
            balance = defaultdict(int, self.funds[shop, "available"])
            for later in [d for d in self.shops if d > day and shop in self.shops[d]]:
                add(balance, self.shops[later][shop][1], -1)
            moved = [[fund, points[fund], fen[fund]] for fund in sorted({*no_zeros(points), *no_zeros(fen)})]
            line = [shop, merkle_root(leaves).hex(), len(leaves), moved, [[f, n] for f, n in no_zeros(balance).items()]]
            lines.append(json.dumps(line, separators=(",", ":")).encode())
        check(said["shops"] == len(lines), f"{said['shops']} shops traded on {day}, the entries give {len(lines)}")
        root = merkle_root(lines).hex()
        check(said["shops_root"] == root, f"root over the shops of {day} is {said['shops_root']}, the entries give {root}")
        blob = b"".join(line + b"\n" for line in lines)
        right = hashlib.sha256(blob).hexdigest() if blob else None
        check(said.get("shops_sha256") == right, f"hash of the shops' lines of {day} is {said.get('shops_sha256')}, the entries give {right}")
        if blob:
            self.contents.setdefault(right, blob)
            self.named.add(right)

    # --- what others say ---------------------------------------------------------------------------------------------------------------
    def compare(self, said):
        """What the server said of a member, against the entries so far."""
        member, today = said["member"].rpartition("/")[2], day_of(datetime.datetime.fromisoformat(said["as_of_time"][:19] + "+00:00"))
        units = {unit for account, unit, _ in self.balances if account == member}
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

    def deeds(self, activity, field):
        return {a.get(field) for a in self.awards.values() if a["activity"] == activity and a.get("quantity", 0) > 0} - {None}

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
            theirs = [row[name].removeprefix("'") for name in ("序号", "账户", "账户部分", "单位", "数额", "余额")]
            check(mine == theirs or not theirs[1] and mine[:2] == theirs[:2], f"CSV line {number}: {theirs}, the entries give {mine}")
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
            except (Difference, ValueError, KeyError, TypeError, IndexError, AttributeError, StopIteration) as error:
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
        print(f"{activity}: {got} {field}s, {sum(e['activity'] == activity for e in books.awards.values())} awards")
    for about in a.about:
        of, to = about.split(":")
        stray = books.deeds(of, "about") - books.deeds(to, "session")
        check(not stray and None not in {e.get("about") for e in books.awards.values() if e["activity"] == of}, f"{about}: {sorted(stray)[:3]}")
    accounts = len({(account, unit) for account, unit, _ in books.balances})
    if books.unread:
        print(f"not recomputed: what deeds earned and funds owe by rulebooks that were not given (--blob): {', '.join(sorted(books.unread))}")
    print(f"{books.next} entries, {accounts} accounts, {compared} balances compared: all agree")
    print(LIMITS)


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
