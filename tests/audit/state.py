"""What the entries of an export come to, besides balances, lots and days, and what each next one has to say by it.

The books (audit_export.py) ask Rules.right for the whole entry as it must be and lay it beside the line (compare); then the line counts as
it stands (apply). What several kinds share is here; kinds.py has one function for each.
"""

import json
from collections import defaultdict

from audit.basics import (CLOCK_MS, NEVER, Lots, Unread, check, covers, days_after, dump, earned_by, end_of_period, issued_by, no_zeros, of_funds,
                          of_lots, padded, period_of, posting, put, scale, taken_by)
from audit.stated import BY_TIME, KEEP, RECORDS, REFUSALS, REGISTRATIONS, STATED, TILL_KINDS

BORN_LOTS_MAX = 64


class Sale:
    """A redemption or capture: which points it took, counted from its last one back, and what of them has been given back."""

    def __init__(self, e):
        self.seq, self.shop, self.member, self.owed = e["seq"], e["merchant"], e["member"], e["owed"]
        self.positions = [key for key, amount in reversed(taken_by(e).items()) for _ in range(amount)]
        self.cash = sum(line[3] for line in e["lines"])
        self.back = set()  # positions

    def points(self):
        return len(self.positions)

    def free(self, points):
        """The first that have not been given back, as spans."""
        free = [i for i in range(self.points()) if i not in self.back]
        check(points <= len(free), f"{points} points back, where {len(free)} are left of the sale")
        spans = []
        for i in free[:points]:
            if spans and spans[-1][1] == i:
                spans[-1][1] = i + 1
            else:
                spans.append([i, i + 1])
        return spans

    def pieces(self, spans):
        pieces = []  # (lot, points)
        for start, end in spans:
            for key in self.positions[start:end]:
                if pieces and pieces[-1][0] == key:
                    pieces[-1] = (key, pieces[-1][1] + 1)
                else:
                    pieces.append((key, 1))
        return pieces

    def share(self, spans):
        """[fund, points, fen, rounding?] for these points, below 0: each fen goes back once, in whatever order they go."""
        back = {i for start, end in spans for i in range(start, end)}
        owed = []
        for fund, points, fen, *rounding in self.owed:
            before, gone, fen_back = 0, 0, 0
            for i, (_, of, _) in enumerate(self.positions):
                if of != fund:
                    continue
                if i in back:
                    gone, fen_back = gone + 1, fen_back + scale(fen, before + 1, points) - scale(fen, before, points)
                before += 1
            if gone:
                owed.append([fund, -gone, -fen_back, *rounding])
        return owed


class Rules:
    """What the entries so far come to, besides balances, lots and days, which are the books'."""

    def __init__(self, books, kinds):
        self.books, self.kinds = books, kinds
        self.records = {}  # (kind, id) -> what was registered of it last
        self.adopted, self.contents, self.versions = {}, {}, {}  # version -> entry; version -> rulebook; effective day -> version
        self.unread = set()
        self.requests = {}  # (actor, request id) -> [its first entry, how many, fingerprint]; None where it may never come
        self.kept = {}  # sequence -> entry
        self.stands = {}  # award -> what it is since its last correction: quantity, amounts, issued, earned before caps where it carries on
        self.deeds = {}  # (member, activity, "session" or "case", its id), or (unique,) -> award
        self.capped = defaultdict(int)
        self.month = defaultdict(lambda: [0, 0])  # quantity and earnings before caps, of activities that carry on what is left over
        self.graced = defaultdict(dict)  # award or sale -> (fund, end) of lots that had grace -> until when
        self.ended = defaultdict(int)  # (member, fund, first end) -> points that ended unspent
        self.spent = defaultdict(int)  # against limits
        self.holds, self.sales = {}, {}  # that are open; all
        self.ended_by = {}  # sequence -> (member, lots that ended by it and did not come back)
        self.clock_by = None  # who confirmed the clock last
        self.state = {}  # sequence -> (captured, reversed or, of a waiver that was proposed, done; by which entry)
        self.reversed = set()

    # --- one entry, before and after -----------------------------------------------------------------------------------------------
    def right(self, e):
        """The entry as it has to be, but for balances and chains. None where that takes a rulebook that was not given."""
        check(e["kind"] in self.kinds, f"no kind {e['kind']}")
        self.check_due(e)
        right = self.stated(e)
        try:
            self.kinds[e["kind"]](self, right, e)
        except Unread:
            return None
        postings = right.pop("postings", [])
        if "member" in right and not any(p["account"] == right["member"] for p in postings):
            postings.append(posting(right["member"], 0))  # whatever is about a member is on their chain
        put(right, "postings", postings)
        return right

    def check_due(self, e):
        """What time has ended for a member is written before anything else about them."""
        member = e.get("member")
        if not member or e["kind"] in BY_TIME:
            return
        due = [of for of, hold in self.holds.items() if hold["member"] == member and hold["hold_until_ms"] <= e["recorded_ms"]]
        check(not due, f"hold {due} of {member} should have ended before")
        past = any(end <= e["business_day"] for (end, _, _), points in self.books.lots[member, "available"].items() if points)
        check(not past, f"points of {member} should have ended before")

    def stated(self, e):
        kind = e["kind"]
        fields = {*STATED[kind], *(REFUSALS.get(e["request_kind"], ()) if kind == "refused" else ())}
        keys = {"v", "program", "epoch", "seq", "business_day", "kind", *(field.split(".")[0] for field in fields)} - {"postings"}
        stated = {key: e[key] for key in e if key in keys and ("terminal" in e or key not in ("clerk", "till"))}
        if kind in BY_TIME:
            stated["actor"] = "ledger"
        else:
            self.check_origin(stated)
        for of, data in stated.get("data", {}).items():
            check(set(data) <= set(RECORDS[of]), f"a {of} has no {sorted(set(data) - set(RECORDS[of]))}")
        return stated

    def check_origin(self, e):
        """A till stands in the shop for which it was registered; each request is answered once, and its entries follow each other."""
        check(self.may_ask(e), f"{e['actor']} is nobody who may ask for it")
        if "terminal" in e:
            e["merchant"] = self.records["terminal", e["terminal"]]["merchant"]
        if "request_id" not in e:
            is_ledgers = e["kind"] == "epoch" or e["kind"] == "program" and e["actor"] == "ledger"  # said while no server could
            return check(is_ledgers, "of no request")
        record = self.requests.get((e["actor"], e["request_id"]), ())
        item = e.get("item", 0)
        if item > 0:
            known = record and record[1:] == [item, e["fingerprint"]] and record[0] + item == e["seq"]
            return check(known, "a later part of a request that does not follow the part before")
        is_part = record and e["kind"] == "correction" and record[2] == e["fingerprint"] and record[0] + record[1] == e["seq"]
        return check(record == () or is_part, "a request id that was answered before")

    def may_ask(self, e):
        """Whether who asked can be one who may: not whether they stood as they should and had the role, which is asked at the front door."""
        asked, actor = e.get("request_kind", e["kind"]), e["actor"]
        is_staff = ("staff", actor) in self.records
        if "terminal" in e:
            return asked in TILL_KINDS and actor == e["terminal"] and ("terminal", actor) in self.records
        if asked == "epoch":
            return actor == "ledger"
        if asked in TILL_KINDS:
            return is_staff and e["kind"] in ("refused", "reversal")  # which move nothing of theirs
        if asked not in ("program", "clock_confirmed") and not self.is_founding(e):
            return is_staff or asked == "donation" and actor == e["member"]
        if actor == "ledger":
            return e["kind"] == "program" and not self.is_founding(e)
        if e["program"] == "system":
            return is_staff or self.is_founding(e)
        return not any((kind, actor) in self.records for kind in ("staff", "member", "terminal", "merchant"))

    def is_founding(self, e):
        """The program itself, and the first of its staff, whom it names."""
        program = self.records.get(("program", e["program"]))
        staff = e["data"]["staff"]["id"] if e["kind"] == "staff" else None
        return not program or staff == program["administrator"] and ("staff", staff) not in self.records

    def compare(self, e, right):
        for key in {**right, **e}:
            said, by_rules = e.get(key), right.get(key)
            if key == "postings":
                bare = [{k: v for k, v in p.items() if k not in ("balance", "prev")} for p in said or []]
                pairs = zip(bare + [None], (by_rules or []) + [None])
                said, by_rules = next((pair for pair in pairs if dump(pair[0]) != dump(pair[1])), (None, None))
            check(dump(said) == dump(by_rules), f"{key}: {dump(said)}, where the rules give {dump(by_rules)}")

    def apply(self, e):
        """From here on the line counts as it stands."""
        kind, seq = e["kind"], e["seq"]
        if "request_id" in e:
            record = self.requests.setdefault((e["actor"], e["request_id"]), [seq, 0, e["fingerprint"]])
            record[1] += 1
        if kind in KEEP:
            self.kept[seq] = e
        for p in e.get("postings", []):
            for (end, fund, first), amount in Lots.of(p).items() if p["account"] == "expired" else ():
                self.ended[e["member"], fund, first or end] += amount
                if amount > 0:
                    self.ended_by.setdefault(seq, (e["member"], Lots()))[1][end, fund, first] = amount
                elif kind == "expiry_undone":
                    self.ended_by[e["ref"]][1][end, fund, first] += amount
        if kind == "clock_confirmed":
            self.clock_by = e["actor"]
            if "last_closed_day" in e["data"]["clock"]:  # holds made by the wrong clock go on for as long as they had left
                fell = self.books.last_ms - e["recorded_ms"]
                wrong = {of: hold for of, hold in self.holds.items() if hold["recorded_ms"] - e["recorded_ms"] > CLOCK_MS}
                self.holds |= {of: {**hold, "hold_until_ms": hold["hold_until_ms"] - fell, "recorded_ms": hold["recorded_ms"] - fell}
                               for of, hold in wrong.items()}
        if kind in REGISTRATIONS:
            self.register(e)
        elif kind in ("award", "correction"):
            self.apply_deed(e)
        elif kind in ("redemption", "hold"):
            self.count_sale(e, taken_by(e).points(), 1)
        if kind == "hold":
            self.holds[seq] = e
        elif kind in ("capture", "void", "hold_expired"):
            self.end_hold(e, "captured" if kind == "capture" else "reversed", taken_by(e).points() if kind == "capture" else 0)
        if kind in ("redemption", "capture"):
            self.sales[seq] = Sale(e)
        elif kind == "refund":
            self.sales[e["ref"]].back.update(i for start, end in e["span"] for i in range(start, end))
            self.sales[e["ref"]].cash -= e.get("cash_fen", 0)
            self.mark_grace(e["ref"], e)
        elif kind == "reversal":
            self.apply_reversal(e)
        elif kind == "undo":
            self.state[e["ref"]] = ("reversed", seq)
            if "sale" in e:
                self.sales[e["sale"]].back.difference_update(i for start, end in e["span"] for i in range(start, end))
                self.sales[e["sale"]].cash -= e.get("cash_fen", 0)
        elif kind == "debt_waived":
            self.state[e["proposal"]] = ("done", seq)

    def register(self, e):
        (kind, data), = e["data"].items()
        if kind == "rulebook":
            if data.get("withdrawn"):
                del self.versions[data["effective_day"]]
            else:
                content = self.books.contents.get(data["sha256"])
                self.contents[data["version"]] = content and json.loads(content)
                self.versions[data["effective_day"]] = data["version"]
                self.adopted[data["version"]] = e
        self.records[kind, id_of(data)] = data

    def apply_deed(self, e):
        activity = self.activity(e)
        award = e["seq"] if e["kind"] == "award" else e["ref"]
        if e["kind"] == "award":
            units = [earning["unit"] for earning in points_first(activity)] if activity else []
            amounts = [[unit, earned_by(e, unit)] for unit in units]
            self.stands[award] = {"quantity": e["quantity"], "amounts": amounts, "issued": issued_by(e), "earned": 0}
        else:
            issued = self.stands[award]["issued"] + issued_by(e)
            self.stands[award] = {"quantity": e.get("quantity", 0), "amounts": e["amounts"], "issued": issued, "earned": 0}
            self.mark_grace(award, e)
        quantity = e.get("quantity", 0)
        for key in keys_of_deed(e):
            if quantity > 0:
                self.deeds[key] = award
            elif self.deeds.get(key) == award:  # another award may have taken it since
                del self.deeds[key]
        for cap in activity.get("caps", []) if activity else []:
            self.capped[cap_key(cap, e)] += earned_by(e, cap["unit"])
        carrying = activity and carrying_of(activity)
        if carrying:
            others, earned = e.get("carried", (0, 0))
            self.stands[award]["earned"] = pays(carrying, quantity, (others, earned))
            self.month[month_of(e)] = [others + quantity, earned + self.stands[award]["earned"]]

    def mark_grace(self, of, e):
        """Grace counts from the first time that a lot of an award or sale had it."""
        for p in e.get("postings", []):
            for end, fund, first in Lots.of(p) if p["account"] == e["member"] and "sub" not in p and p["amount"] > 0 else ():
                if first:
                    self.graced[of].setdefault((fund, first), end)

    def apply_reversal(self, e):
        seq, ref, hold = e["seq"], e.get("ref"), e.get("hold")
        if e["effect"] == "tombstone":
            self.requests[e["actor"], e["target_request"]] = None
        elif e["effect"] == "undone" and ref is None:
            self.end_hold(e, "reversed", 0)
        elif e["effect"] == "undone":
            sale = self.sales[ref]
            sale.back.update(range(sale.points()))
            self.count_limits(e["rulebook"], e["presentation"], sale.member, sale.shop, e["limit_day"], -sale.points(), -1)
        for of in (ref, hold):
            if of is not None:
                self.state[of] = ("reversed", seq)
                self.reversed.add(of)

    def end_hold(self, e, state, captured):
        hold = self.holds.pop(e["hold"])
        self.state[e["hold"]] = (state, e["seq"])
        self.count_sale(hold, captured - taken_by(hold).points(), 0 if captured else -1)

    def count_sale(self, e, points, sales):
        self.count_limits(e["rulebook"], e["presentation"], e["member"], e["merchant"], e["business_day"], points, sales)

    def count_limits(self, version, presentation, member, shop, day, points, sales):
        for _, counter, _, is_of_sales in limits(self.contents[version], presentation, member, shop, day):
            self.spent[counter] += sales if is_of_sales else points

    def leaf(self, e):
        """The till and the request under which a shop can prove an entry: of a capture those of its hold, of an undo those of the refund."""
        hold = self.holds.get(e.get("hold")) if e["kind"] == "capture" else None
        request = e.get("target_request", "") if e["kind"] == "undo" and "sale" in e else (hold or e).get("request_id", "")
        return [(hold or e).get("terminal", ""), request]

    # --- rulebooks -------------------------------------------------------------------------------------------------------------------
    def version_of(self, day):
        return next((self.versions[begin] for begin in sorted(self.versions, reverse=True) if begin <= day), None)

    def book(self, version):
        """None where it was not given."""
        if self.contents[version] is None:
            self.unread.add(version)
        return self.contents[version]

    def read(self, version):
        book = self.book(version)
        if book is None:
            raise Unread(version)
        return book

    def activity(self, e):
        book = self.book(e["rulebook"])
        return book and next((a for a in book.get("activities", []) if a["code"] == e["activity"]), None)

    def floor(self, unit):
        """As low as a member's balance may be: below 0 for scores alone."""
        units = [u for version in self.versions.values() for u in (self.book(version) or {}).get("units", []) if u["code"] == unit]
        return min([0] + [u.get("floor", 0) for u in units if u["kind"] == "SCORE"])

    # --- people ----------------------------------------------------------------------------------------------------------------------
    def member(self, member):
        check(("member", member) in self.records, f"{member} was never registered")
        return self.records["member", member]

    def person_behind(self, actor):
        if ("staff", actor) in self.records:
            return self.records["staff", actor].get("member")
        return actor if actor.startswith("m") else None

    def are_near(self, a, b, day):
        """The same, one the other's household or organisation, or of one household."""
        homes_a, homes_b = homes(a, day), homes(b, day)
        return (a["id"] == b["id"] or b["id"] in homes_a or a["id"] in homes_b
                or any(self.member(home)["kind"] == "household" for home in homes_a & homes_b))

    def check_maker(self, actor, member, *days):
        """Nobody acts for themselves, their household or an organisation of theirs, as it was on the day of the deed and as it is today."""
        person = self.person_behind(actor)
        if person and person != actor:
            near = any(self.are_near(self.member(person), self.member(member), day) for day in days)
            check(not near, f"{actor} acts for themselves: {member}")

    def is_same_person(self, a, b):
        person = self.person_behind(a)
        return a == b or person is not None and person == self.person_behind(b)

    def is_of_shop(self, person, shop, day):
        """Owns it or works there, or is near to somebody who does."""
        people = [padded(row, 4) for row in shop.get("people", [])]
        return any(covers(start, end, day) and self.are_near(self.member(member), person, day) for member, _, start, end in people)

    # --- points that are given, taken and given back ----------------------------------------------------------------------------------
    def debt(self, member, fund):
        return -self.books.funds[member, "debt"][fund]

    def living(self, lot, today, graced=()):
        """A lot as it comes back: as it was, or, where it is past, with the grace that it had before or that today's rulebook gives once; None:
        it has ended."""
        end, fund, first = lot
        version = self.version_of(today)
        if end > today:
            return lot
        if not first and (fund, end) in graced:
            return (graced[fund, end], fund, end) if graced[fund, end] > today else None
        policies = self.read(version).get("policies", {}) if version else {}
        if first or policies.get("past_lot") != "GRACE":
            return None
        return end_of_period(days_after(today, policies["grace_days"]), 0, "MONTH"), fund, end

    def give_back(self, e, pieces, graced=()):
        """What comes back pays the member's debt to its fund first; then past lots follow the policy, and the rest is there again."""
        member, today = e["member"], e["business_day"]
        paid, ended, available = defaultdict(int), defaultdict(int), defaultdict(int)
        for lot, amount in sorted(pieces, key=lambda piece: piece[0][0]):
            fund = lot[1]
            pays = min(amount, self.debt(member, fund) - paid[fund])
            paid[fund] += pays
            if amount > pays:
                living = self.living(lot, today, graced)
                (available if living else ended)[living or lot] += amount - pays
        paid = no_zeros(paid)
        for fund, points in paid.items():
            e["postings"] += [posting(f"issuance:{fund}", points), posting(f"debts:{fund}", -points)]
        if paid:
            e["postings"].append(of_funds(member, paid, sub="debt"))
        if ended:
            e["postings"].append(of_lots("expired", no_zeros(ended)))
        if available:
            e["postings"].append(of_lots(member, no_zeros(available)))

    def take_back(self, e, fund, points, origins, ended_max):
        """(available, ended, spent) of points that somebody should not have: what ended unspent of these lots, then what is left of them,
        then of other lots of the fund; the rest has been spent."""
        member, today = e["member"], e["business_day"]
        ended, available = Lots(), Lots()
        for origin in origins:
            part = min(self.ended[member, fund, origin], points, ended_max) if origin <= today else 0
            if part > 0:
                ended[origin, fund, 0] = part
                points, ended_max = points - part, ended_max - part
        lots = self.books.lots[member, "available"]
        for own in (True, False):
            for lot in sorted(lots):
                part = min(lots[lot], points)
                if lot[1] == fund and ((lot[2] or lot[0]) in origins) == own and part > 0:
                    available[lot] = part
                    points -= part
        return available, ended, points

    def issue(self, e, fund, points, lot_end, graced=()):
        """What somebody earns pays their debt to the fund first, for which nothing is issued; the rest is a lot."""
        pays = min(points, self.debt(e["member"], fund))
        issued = points - pays
        if pays:
            e["postings"] += [of_funds(e["member"], {fund: pays}, sub="debt"), posting(f"debts:{fund}", -pays)]
        if issued:
            lot = (lot_end, fund, 0)
            living = self.living(lot, e["business_day"], graced)
            e["postings"] += [posting(f"issuance:{fund}", -issued), of_lots(e["member"] if living else "expired", {living or lot: issued})]
            if living and not living[2]:
                born = [key for key in {*self.books.lots[e["member"], "available"], living} if not key[2]]
                check(len(born) <= BORN_LOTS_MAX, f"{e['member']} has {len(born)} lots")

    def within_caps(self, activity, e, unit, amount, current):
        """What caps leave of `amount`, where `current` of what was counted is this award's own."""
        for cap in activity.get("caps", []):
            if cap["unit"] == unit:
                amount = min(amount, max(cap.get("max_amount", 0) - self.capped[cap_key(cap, e)] + current, 0))
        return amount

    def owed(self, version, lots, said):
        """What funds owe the shop for these lots. As it was said where the rulebook was not given."""
        book = self.book(version)
        if book is None:
            check([row[:2] for row in said["owed"]] == [list(row) for row in lots.funds().items()], f"owed is not for {lots.funds()}")
            return said["owed"]
        rows = []
        for fund, points in lots.funds().items():
            rate = next((r for r in book.get("fund_rates", []) if r["fund"] == fund), {"points_denominator": 1, "rounding": "DOWN"})
            fen = scale(points, rate.get("fen_numerator", 0), rate["points_denominator"], rate["rounding"])
            rows.append([fund, points, fen, *([rate["rounding"].lower()] if rate["rounding"] != "DOWN" else [])])
        return rows


def id_of(data):
    return data.get("id") or data.get("code") or data.get("version")


def homes(person, day):
    rows = [padded(row, 3) for row in person.get("memberships", [])]
    return {home for home, start, end in rows if covers(start, end, day)}


def groups_on(member, day):
    return [group for group, start, end in (padded(row, 3) for row in member["groups"]) if covers(start, end, day)]


def points_first(activity):
    return sorted(activity["earnings"], key=lambda earning: earning["unit"] != "POINT")


def carrying_of(activity):
    return next((earning for earning in activity["earnings"] if earning.get("carry")), None)


def pays(earning, quantity, carried=(0, 0)):
    """What a quantity earns before caps. Where it carries on: what all quantity of the month earns, less what the others earned."""
    step = max(earning.get("step", 1), 1)
    of = lambda q: scale(q // step * step, earning.get("numerator", 0), earning["denominator"], earning["rounding"])  # noqa: E731
    return max(of(carried[0] + quantity) - carried[1], 0) if earning.get("carry") else of(quantity)


def month_of(e):
    return e["member"], e["activity"], e["rulebook"], e["effective_day"] // 100


def cap_key(cap, e):
    return cap["period"], e["member"], e["activity"], cap["unit"], period_of(cap["period"], e["effective_day"], e.get("session", ""))


def keys_of_deed(e):
    """What a deed is counted once for."""
    keys = [(e["member"], e["activity"], what, e[what]) for what in ("session", "case") if what in e]
    return keys + [(unique,) for unique in e.get("unique", [])]


def lot_end(activity, day):
    validity = activity.get("lot_validity")
    return NEVER if validity is None else end_of_period(day, validity.get("months", 0), validity.get("round_up_to"))


def class_of(book, presentation):
    return next((c for c in book.get("limits", {}).get("classes", []) if c["presentation"] == presentation), None)


def limits(book, presentation, member, shop, day):
    """(name, counter, at most, whether it counts sales and not points) for all that a sale counts against over time."""
    of, of_class = (book or {}).get("limits", {}), class_of(book or {}, presentation) or {}
    rows = [("presentation", ("class", presentation, member, day), of_class.get("max_points_per_member_day", 0), False),
            ("merchant_day", ("points", shop, day), of.get("max_points_per_merchant_day", 0), False),
            ("member_day", ("points", member, day), of.get("max_points_per_member_day", 0), False),
            ("member_month", ("points", member, day // 100), of.get("max_points_per_member_month", 0), False)]
    rows += [("count", ("count", member, period_of(c["period"], day)), c["max_count"], True) for c in of.get("counts", [])]
    return [row for row in rows if row[2]]
