"""What each entry of a Red Points export has to say: all but what it states is worked out here from the entries before it and from the rulebooks.

audit_export.py asks Rules.right for the whole entry as it must be and lays it beside the line. STATED lists, for each kind, the fields that
nothing else in an export gives, and in plain words what that leaves open; whatever is not listed there is recomputed. One function a kind, in
RULES; whatever several kinds share stands in front of them. Nothing here is of Red Points' own code, and all of it is Python's standard library.
"""

import datetime
import hashlib
import json
from collections import defaultdict

NEVER = 99991231
PART_LOTS = 24  # as many lots as one entry of a split one takes
CLOCK_MS = 10 * 60_000  # as far as a clock may be from the time that somebody states
EPOCHS_BEGIN_MS = 1_577_836_800_000  # 2020-01-01, UTC
QUANTITY_MAX = 1_000_000
BORN_LOTS_MAX = 64


class Difference(Exception):
    pass


class Unread(Exception):
    """A rulebook that was not given is needed to go on."""


def check(good, what):
    if not good:
        raise Difference(what)


# --- days and numbers -----------------------------------------------------------------------------------------------------------------


def day_of(time):
    return int((time.astimezone(datetime.timezone.utc) + datetime.timedelta(hours=8)).strftime("%Y%m%d"))


def date_of(day):
    return datetime.datetime.strptime(str(day), "%Y%m%d")


def days_after(day, days):
    return int((date_of(day) + datetime.timedelta(days=days)).strftime("%Y%m%d"))


def start_ms(day):
    """00:00 in Shanghai."""
    return int(date_of(day).replace(tzinfo=datetime.timezone.utc).timestamp() - 8 * 3600) * 1000


def end_of_period(day, months, period):
    """The first day after the month, quarter or year in which `months` after `day` lie."""
    size = {"YEAR": 12, "QUARTER": 3}.get(period, 1)
    month = day // 10000 * 12 + day // 100 % 100 - 1 + months
    month = month // size * size + size
    return month // 12 * 10000 + (month % 12 + 1) * 100 + 1


def period_of(period, day, session=""):
    return {"SESSION": session, "DAY": day, "MONTH": day // 100, "QUARTER": (day // 10000, (day // 100 % 100 + 2) // 3),
            "YEAR": day // 10000}.get(period, "ever")


def covers(start, end, day):
    return start <= day and (end == 0 or day < end)


def has_ended(record, today):
    return 0 < record.get("end_day", 0) <= today


def scale(value, numerator, denominator, rounding="DOWN"):
    bias = {"DOWN": 0, "UP": denominator - 1, "HALF_UP": denominator // 2}[rounding]
    return (value * numerator + bias) // denominator


def padded(row, length, absent=0):
    return row + [absent] * (length - len(row))


def put(entry, key, value):
    """Absent fields are not in a line."""
    if value:
        entry[key] = value


def no_zeros(amounts):
    return {key: amount for key, amount in sorted(amounts.items()) if amount}


def add(into, amounts, sign=1):
    for key, amount in amounts.items():
        into[key] += sign * amount


def merkle_root(leaves):
    """RFC 6962, 2.1."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + merkle_root(leaves[:k]) + merkle_root(leaves[k:])).digest()


# --- lots and postings ----------------------------------------------------------------------------------------------------------------


class Lots(dict):
    """(end, fund, first end) -> amount."""

    @staticmethod
    def of(posting, sign=1):
        lots = Lots()
        for fund, end, amount, *first in posting.get("lots", []):
            key = (end, fund, first[0] if first else 0)
            check(key not in lots, "a lot twice in one posting")
            lots[key] = sign * amount
        return lots

    def take(self, points):
        """The soonest-ending first."""
        taken = Lots()
        for key in sorted(self):
            part = min(points, self[key])
            if part > 0:
                taken[key] = part
                points -= part
        check(points == 0, f"{points} points more than there are")
        return taken

    def points(self):
        return sum(self.values())

    def funds(self):
        funds = defaultdict(int)
        for (_, fund, _), amount in self.items():
            funds[fund] += amount
        return no_zeros(funds)


def posting(account, amount, unit="POINT", sub="", **rows):
    return {"account": account, **({"sub": sub} if sub else {}), "unit": unit, "amount": amount, **rows}


def of_lots(account, lots, sign=1, sub=""):
    rows = [[fund, end, sign * amount, *([first] if first else [])] for (end, fund, first), amount in lots.items()]
    return posting(account, sign * sum(lots.values()), sub=sub, lots=rows)


def of_funds(account, funds, sign=1, sub=""):
    rows = [[fund, sign * amount] for fund, amount in no_zeros(funds).items()]
    return posting(account, sum(amount for _, amount in rows), sub=sub, funds=rows)


def taken_by(e):
    """The lots that an entry took from its member first."""
    return next((Lots.of(p, -1) for p in e["postings"] if p["account"].startswith("m") and p["amount"] < 0 and "lots" in p), Lots())


def earned_by(e, unit):
    return -sum(p["amount"] for p in e.get("postings", []) if p["unit"] == unit and p["account"].startswith(("issuance:", "debts:")))


def issued_by(e):
    return -sum(p["amount"] for p in e.get("postings", []) if p["unit"] == "POINT" and p["account"].startswith("issuance:"))


# --- what an entry states ---------------------------------------------------------------------------------------------------------------
# By kind the fields whose values nothing else in an export gives, each with what that leaves open, as it is printed: another value, with all that
# follows from it changed as well, makes another sound entry. Whatever is not here is recomputed. What was asked of a capture, refund and donation
# stands in its postings alone.

WHEN = "when, between the entries before and after"
CUT = "that entries are missing at the end"
ASKED = "whether what was asked for is what was meant: another member, deed, day, group, quantity, sale or amount that the rules allow as well"
ASKER = "who asked: somebody else who might have, from another till of theirs, as another clerk, under another request id"
SHOWN = "how it was shown who pays: another kind of presentation that the rulebook allows, another code, card or slip"
COUNTER = "what went over the counter: cash, pieces, and the points for what has no price"
KEPT = "what is only named here and kept elsewhere: evidence, notes, tags, what a deed was about, ids of other systems"
WHY = "the reason that somebody gave for a correction or undo"
TRUE = "whether what was registered is true of people, shops, tills, funds and offers"
REFUSED = "what was refused, and whether it had to be: a refusal moves nothing"
OPERATOR = "what an operator said of a clock, within ten minutes, or of a log that was restored"


def rows(reason, *fields):
    return dict.fromkeys(fields, reason)


# What a record of each kind can have.
RECORDS = {
    "program": ("id", "administrator"),
    "node": ("code", "kind", "parent", "places", "type", "end_day"),
    "fund": ("code", "budget_points", "end_day"),
    "member": ("id", "number_commitment", "kind", "groups", "grid", "memberships", "state"),
    "merchant": ("id", "people", "place", "state"),
    "terminal": ("id", "merchant", "state"),
    "staff": ("id", "member", "external", "grants", "state"),
    "rulebook": ("version", "effective_day", "sha256", "format", "withdrawn"),
    "offer": ("code", "name_zh_cn", "kind", "merchant", "price_points", "max_points", "from", "to"),
    "clock": ("stated_ms", "last_closed_day"),
    "epoch": ("old_epoch", "size", "root", "origin", "signed_size", "lost", "why"),
}


def record(reason, kind, but=()):
    return {f"data.{kind}.{field}": reason for field in RECORDS[kind] if field not in but}


ORIGIN = rows(ASKER, "request_id", "item", "fingerprint", "actor")
TILL = rows(ASKER, "terminal", "clerk", "till")
LINES = rows(COUNTER, "lines.offer", "lines.quantity", "lines.points", "lines.cash_fen")
SALE = rows(ASKED, "member") | rows(SHOWN, "presentation", "payer_use") | LINES | TILL
DEED = (rows(ASKED, "member", "effective_day", "group", "activity", "quantity", "session", "case")
        | rows(KEPT, "about", "tags", "evidence_sha256", "note_commitment", "unique", "external_id"))
STATED = {
    **{kind: record(TRUE, kind) for kind in ("program", "node", "fund", "member", "merchant", "terminal", "offer")},
    "staff": record(TRUE, "staff", but=("external",)),
    "rulebook": record(TRUE, "rulebook", but=("version", "effective_day", "format", "withdrawn")),
    "award": DEED,
    "correction": rows(ASKED, "ref", "quantity") | rows(WHY, "reason"),
    "donation": rows(ASKED, "member", "postings.amount"),
    "redemption": SALE,
    "hold": SALE,
    "capture": rows(ASKED, "hold", "postings.amount") | TILL,
    "void": rows(ASKED, "hold") | TILL,
    "hold_expired": rows(ASKED, "hold"),
    "refund": rows(ASKED, "ref", "postings.amount") | rows(COUNTER, "cash_fen") | TILL,
    "reversal": rows(ASKED, "target_request") | TILL,
    "undo_proposed": rows(ASKED, "ref") | rows(WHY, "reason"),
    "undo": rows(ASKED, "proposal"),
    "expiry": rows(ASKED, "member"),
    "day_closed": {},
    "clock_confirmed": record(OPERATOR, "clock", but=("last_closed_day",)),
    "epoch": record(OPERATOR, "epoch", but=("old_epoch", "size")),
    "refused": rows(REFUSED, "member", "refusal", "request_kind", "facts") | TILL,
}
BY_TIME = {"hold_expired", "expiry", "day_closed"}  # the ledger writes these by itself
for of_kind, fields in STATED.items():
    fields.update(rows(WHEN, "recorded_ms") | ({} if of_kind in BY_TIME else ORIGIN))
LIMITS = [WHEN, CUT, ASKED, ASKER, SHOWN, COUNTER, KEPT, WHY, TRUE, REFUSED, OPERATOR]
REGISTRATIONS = {kind for kind, fields in STATED.items() if TRUE in fields.values()}
KEEP = {"award", "donation", "redemption", "hold", "capture", "refund", "undo_proposed", "refused"}  # what later entries name
REVERSIBLE = {"redemption", "hold", "capture"}


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

    def __init__(self, books):
        self.books = books
        self.records = {}  # (kind, id) -> what was registered of it last
        self.adopted, self.contents, self.versions = {}, {}, {}  # version -> entry; version -> rulebook; effective day -> version
        self.unread = set()
        self.requests = {}  # (actor, request id) -> [its first entry, how many, fingerprint]; None where it may never come
        self.kept = {}  # sequence -> entry
        self.stands = {}  # award -> what it is since its last correction: quantity, amounts, issued
        self.deeds = {}  # (member, activity, "session" or "case", its id), or (unique,) -> award
        self.capped, self.month = defaultdict(int), defaultdict(int)
        self.ended = defaultdict(int)  # (member, fund, first end) -> points that ended unspent
        self.spent = defaultdict(int)  # against limits
        self.holds, self.sales = {}, {}  # that are open; all
        self.state = {}  # sequence -> (captured or reversed, by which entry)
        self.reversed = set()

    # --- one entry, before and after -----------------------------------------------------------------------------------------------
    def right(self, e):
        """The entry as it has to be, but for balances and chains. None where that takes a rulebook that was not given."""
        check(e["kind"] in RULES, f"no kind {e['kind']}")
        right = self.stated(e)
        try:
            RULES[e["kind"]](self, right, e)
        except Unread:
            return None
        postings = right.pop("postings", [])
        if "member" in right and not any(p["account"] == right["member"] for p in postings):
            postings.append(posting(right["member"], 0))  # whatever is about a member is on their chain
        put(right, "postings", postings)
        return right

    def stated(self, e):
        kind = e["kind"]
        fields = {**STATED[kind], **(STATED.get(e["request_kind"], {}) if kind == "refused" else {})}  # of a refusal, too, what was asked
        keys = {"v", "program", "epoch", "seq", "business_day", "kind", *(field.split(".")[0] for field in fields)} - {"postings"}
        stated = {key: e[key] for key in e if key in keys and ("terminal" in e or key not in ("clerk", "till"))}
        if kind in BY_TIME:
            stated["actor"] = "ledger"
        else:
            self.check_origin(stated)
        for record, data in stated.get("data", {}).items():
            check(set(data) <= set(RECORDS[record]), f"a {record} has no {sorted(set(data) - set(RECORDS[record]))}")
        return stated

    def check_origin(self, e):
        """A till stands in the shop for which it was registered; each request is answered once, and its entries follow each other."""
        if "terminal" in e:
            check(e["actor"] == e["terminal"] and ("terminal", e["terminal"]) in self.records, "asked from another terminal")
            e["merchant"] = self.records["terminal", e["terminal"]]["merchant"]
        elif e["kind"] not in ("epoch", "clock_confirmed", "program") and e["seq"] > 1:  # an operator's; and the founding
            check(any((kind, e["actor"]) in self.records for kind in ("staff", "member")), f"{e['actor']} is nobody who was registered")
        if "request_id" not in e:
            return check(e["kind"] == "epoch", "of no request")
        record = self.requests.get((e["actor"], e["request_id"]), ())
        item = e.get("item", 0)
        if item > 0:
            known = record and record[1:] == [item, e["fingerprint"]] and record[0] + item == e["seq"]
            return check(known, "a later part of a request that does not follow the part before")
        is_part = record and e["kind"] == "correction" and record[2] == e["fingerprint"] and record[0] + record[1] == e["seq"]
        return check(record == () or is_part, "a request id that was answered before")

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
        elif kind == "reversal":
            self.apply_reversal(e)
        elif kind == "undo":
            self.state[e["ref"]] = ("reversed", seq)
            if "sale" in e:
                self.sales[e["sale"]].back.difference_update(i for start, end in e["span"] for i in range(start, end))
                self.sales[e["sale"]].cash -= e.get("cash_fen", 0)

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
            self.stands[award] = {"quantity": e["quantity"], "amounts": [[unit, earned_by(e, unit)] for unit in units], "issued": issued_by(e)}
        else:
            stands = self.stands[award]
            self.stands[award] = {"quantity": e.get("quantity", 0), "amounts": e["amounts"], "issued": stands["issued"] + issued_by(e)}
        quantity = e.get("quantity", 0)
        for key in keys_of_deed(e):
            if quantity > 0:
                self.deeds[key] = award
            elif self.deeds.get(key) == award:  # another award may have taken it since
                del self.deeds[key]
        for cap in activity.get("caps", []) if activity else []:
            self.capped[cap_key(cap, e)] += earned_by(e, cap["unit"])
        if activity and any(earning.get("carry") for earning in activity["earnings"]):
            self.month[month_of(e)] += quantity - e.get("quantity_before", 0)

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
        """The till and the request under which a shop can prove an entry: of a capture those of its hold."""
        hold = self.holds.get(e.get("hold")) if e["kind"] == "capture" else None
        return [(hold or e).get("terminal", ""), (hold or e).get("request_id", "")]

    # --- rulebooks -------------------------------------------------------------------------------------------------------------------
    def version_of(self, day):
        return next((self.versions[begin] for begin in sorted(self.versions, reverse=True) if begin <= day), None)

    def book(self, version):
        """None where it was not given."""
        check(version in self.contents, f"rulebook {version} was never adopted")
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

    def living(self, lot, today):
        """A lot as it comes back: as it was, or, where it is past, with the grace that today's rulebook gives once; None: it has ended."""
        end, fund, first = lot
        version = self.version_of(today)
        if end > today:
            return lot
        policies = self.read(version).get("policies", {}) if version else {}
        if first or policies.get("past_lot") != "GRACE":
            return None
        return end_of_period(days_after(today, policies["grace_days"]), 0, "MONTH"), fund, end

    def give_back(self, e, pieces):
        """What comes back pays the member's debt to its fund first; then past lots follow the policy, and the rest is there again."""
        member, today = e["member"], e["business_day"]
        paid, ended, available = defaultdict(int), defaultdict(int), defaultdict(int)
        for lot, amount in sorted(pieces, key=lambda piece: piece[0][0]):
            fund = lot[1]
            pays = min(amount, self.debt(member, fund) - paid[fund])
            paid[fund] += pays
            if amount > pays:
                living = self.living(lot, today)
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
        """(available, ended, spent) of points that somebody should not have: what ended unspent of these lots, then what is left of them, then
        of other lots of the fund; the rest has been spent."""
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

    def issue(self, e, fund, points, lot_end):
        """What somebody earns pays their debt to the fund first, for which nothing is issued; the rest is a lot."""
        pays = min(points, self.debt(e["member"], fund))
        issued = points - pays
        if pays:
            e["postings"] += [of_funds(e["member"], {fund: pays}, sub="debt"), posting(f"debts:{fund}", -pays)]
        if issued:
            lot = (lot_end, fund, 0)
            living = self.living(lot, e["business_day"])
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


def dump(value):
    return json.dumps(value, ensure_ascii=False)


def id_of(data):
    return data.get("id") or data.get("code") or data.get("version")


def homes(person, day):
    rows = [padded(row, 3) for row in person.get("memberships", [])]
    return {home for home, start, end in rows if covers(start, end, day)}


def groups_on(member, day):
    return [group for group, start, end in (padded(row, 3) for row in member["groups"]) if covers(start, end, day)]


def points_first(activity):
    return sorted(activity["earnings"], key=lambda earning: earning["unit"] != "POINT")


def pays(earning, quantity):
    step = max(earning.get("step", 1), 1)
    return scale(quantity // step * step, earning.get("numerator", 0), earning["denominator"], earning["rounding"])


def month_of(e):
    return e["member"], e["activity"], e["rulebook"], e["effective_day"] // 100


def cap_key(cap, e):
    return cap["period"], e["member"], e["activity"], cap["unit"], period_of(cap["period"], e["effective_day"], e.get("session", ""))


def keys_of_deed(e):
    """What a deed is counted once for."""
    keys = [(e["member"], e["activity"], what, e[what]) for what in ("session", "case") if what in e]
    return keys + ([(e["unique"],)] if "unique" in e else [])


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


# --- deeds ----------------------------------------------------------------------------------------------------------------------------


def award(r, e, said):
    today, day = e["business_day"], e["effective_day"]
    member, version = r.member(e["member"]), r.version_of(day)
    check(version is not None, f"no rulebook holds on {day}")
    e["rulebook"] = version
    if "unique" in e:  # confidential: no group, no grid
        e.pop("group", None)
    else:
        put(e, "grid", member.get("grid"))
        check(e.get("group") in groups_on(member, day), f"{e['member']} was not in group {e.get('group')} on {day}")
    r.check_maker(e["actor"], e["member"], day, today)
    check(member["state"] == "active", f"{e['member']} is {member['state']}")
    for key in keys_of_deed(e):
        check(key not in r.deeds, f"{key[-1]} was awarded before")
    r.read(version)
    activity = r.activity(e)
    check(activity and "shown_as" not in activity, f"no activity {e['activity']} in rulebook {version}")
    check_day(r, activity, day, today)
    check_details(activity, e)
    check_quantity(activity, e["quantity"])
    e["postings"], is_hit = [], False
    so_far = r.month[month_of(e)]
    for earning in points_first(activity):
        unit = earning["unit"]
        earned = pays(earning, so_far + e["quantity"]) - pays(earning, so_far) if earning.get("carry") else pays(earning, e["quantity"])
        amount = r.within_caps(activity, e, unit, earned, current=0)
        is_hit = is_hit or amount < earned
        move(r, e, activity["fund"], unit, amount, lot_end(activity, day))
    put(e, "cap_hit", is_hit)
    check(not has_ended(r.records.get(("fund", activity["fund"]), {}), today), f"fund {activity['fund']} has ended")


def check_day(r, activity, day, today):
    check(day <= today, f"a deed on {day}, which is to come")
    late_days = r.read(r.version_of(today)).get("policies", {}).get("late_days", 30)
    check(days_after(day, late_days) >= today, f"a deed on {day}, more than {late_days} days ago")
    is_past = lot_end(activity, day) <= today
    check(not is_past or points_first(activity)[0]["unit"] != "POINT", f"the lot of a deed on {day} was past")


def check_details(activity, e):
    for field, key in (("session_required", "session"), ("case_required", "case"), ("evidence_required", "evidence_sha256")):
        check(not activity.get(field) or key in e, f"{e['activity']} without {key}")
    groups = [group.lower() for group in activity.get("groups", [])]
    check(not groups or "unique" in e or e["group"] in groups, f"{e['activity']} is not for group {e.get('group')}")


def check_quantity(activity, quantity):
    most = activity.get("max_quantity", 0) or QUANTITY_MAX
    check(activity["min_quantity"] <= quantity <= most, f"{activity['code']} {quantity}, where {activity['min_quantity']} to {most} are allowed")


def move(r, e, fund, unit, change, end):
    """Points that were earned, or more minutes and scores, or fewer."""
    if change and unit == "POINT":
        r.issue(e, fund, change, end)
    elif change:
        e["postings"] += [posting(f"issuance:{fund}", -change, unit), posting(e["member"], change, unit)]


def correction(r, e, said):
    check(e["ref"] in r.stands, "a correction of no award")
    award, stands = r.kept[e["ref"]], r.stands[e["ref"]]
    for key in ("member", "grid", "effective_day", "group", "activity", "rulebook", "session", "case", "unique"):
        put(e, key, award.get(key))
    put(e, "quantity_before", stands["quantity"])
    today, quantity = e["business_day"], e.get("quantity", 0)
    r.check_maker(e["actor"], e["member"], e["effective_day"], today)
    check(not r.is_same_person(e["actor"], award["actor"]), f"{e['actor']} corrects what they recorded")
    for key in keys_of_deed(e) if stands["quantity"] == 0 < quantity else ():
        check(key not in r.deeds, f"{key[-1]} was awarded since")
    book, activity = r.read(e["rulebook"]), r.activity(e)
    if quantity:
        check_quantity(activity, quantity)
    so_far = r.month[month_of(e)] - stands["quantity"]
    done = r.requests.get((e["actor"], e["request_id"]), (0, 0))[1]  # parts of it
    end, is_hit, spent, grows = lot_end(activity, e["effective_day"]), False, 0, False
    e["postings"], e["amounts"], parts = [], [list(row) for row in stands["amounts"]], 1
    for place, (unit, current) in enumerate(stands["amounts"]):
        earning = next(of for of in activity["earnings"] if of["unit"] == unit)
        earned = pays(earning, so_far + quantity) - pays(earning, so_far) if earning.get("carry") else pays(earning, quantity)
        amount = r.within_caps(activity, e, unit, earned, current)
        is_hit = is_hit or amount < earned
        e["amounts"][place][1] = amount
        if unit != "POINT" or amount >= current:
            grows = grows or unit == "POINT" and amount > current
            move(r, e, activity["fund"], unit, amount - current, end)
            continue
        available, ended, spent = r.take_back(e, activity["fund"], current - amount, [end], stands["issued"])
        parts = (max(len(available), 1) - 1) // PART_LOTS + 1
        if parts > 1:  # so many lots; all else is the next part's
            available, ended, spent = Lots(list(available.items())[:PART_LOTS]), Lots(), 0
            e["amounts"][place][1] = current - available.points()
        undo_earned(e, activity["fund"], available, ended, spent)
        if parts > 1:
            e["amounts"][place + 1:] = [list(row) for row in stands["amounts"][place + 1:]]
            break
    if done + parts > 1:
        e["part"] = [done + 1, done + parts]
    put(e, "cap_hit", is_hit)
    check(not spent or book.get("policies", {}).get("debts_allowed"), f"{spent} points are spent, and the rulebook allows no debts")
    check(not grows or not has_ended(r.records.get(("fund", activity["fund"]), {}), today), f"fund {activity['fund']} has ended")


def undo_earned(e, fund, available, ended, spent):
    if available:
        e["postings"].append(of_lots(e["member"], available, -1))
    if ended:
        e["postings"].append(of_lots("expired", ended, -1))
    if available or ended:
        e["postings"].append(posting(f"issuance:{fund}", available.points() + ended.points()))
    if spent:
        e["postings"] += [of_funds(e["member"], {fund: -spent}, sub="debt"), posting(f"debts:{fund}", spent)]


def donation(r, e, said):
    member = r.member(e["member"])
    r.check_maker(e["actor"], e["member"], e["business_day"])
    check(member["state"] == "active", f"{e['member']} is {member['state']}")
    put(e, "on_behalf", e["member"] if e["actor"] != e["member"] else "")
    put(e, "grid", member.get("grid"))
    points = taken_by(said).points()
    check(points > 0, "a donation of nothing")
    lots = r.books.lots[e["member"], "available"].take(points)
    e["postings"] = [of_lots(e["member"], lots, -1), of_funds("pool", lots.funds())]


# --- sales ------------------------------------------------------------------------------------------------------------------------------


def sale(r, e, said):
    today = e["business_day"]
    shop, member, version = r.records["merchant", e["merchant"]], r.member(e["member"]), r.version_of(today)
    check(version is not None, f"no rulebook holds on {today}")
    e["rulebook"] = version
    put(e, "groups", groups_on(member, today))
    put(e, "grid", member.get("grid"))
    e["lines"] = [priced(r, line, e["merchant"], today) for line in e["lines"]]
    check_max(r, e["lines"])
    points = sum(line[2] for line in e["lines"])
    check(not r.is_of_shop(member, shop, today), f"{e['member']} buys at a shop of their own")
    check(member["state"] == "active" and shop["state"] == "active", f"{e['member']} is {member['state']}, {e['merchant']} {shop['state']}")
    available = r.books.lots[e["member"], "available"]
    check_limits(r, e, points, available.points())
    lots = available.take(points)
    e["postings"] = [of_lots(e["member"], lots, -1)]
    if e["kind"] == "redemption":
        e["owed"] = r.owed(version, lots, said)
        e["postings"].append(of_funds(e["merchant"], lots.funds()))
    else:
        ttl = (r.book(version) or {}).get("policies", {}).get("hold_ttl_ms", 180_000)
        e["hold_until_ms"] = e["recorded_ms"] + ttl if r.book(version) else said["hold_until_ms"]
        e["postings"].append(of_lots(e["member"], lots, sub="held"))


def priced(r, line, shop, today):
    """[offer, quantity, points, cash, kind?, price?] by the offer as it is registered."""
    code, quantity, points, cash = line[:4]
    offer = r.records.get(("offer", code))
    is_valid = offer and offer.get("merchant", shop) == shop and covers(offer.get("from", 0), offer.get("to", 0), today)
    check(is_valid, f"no offer {code} at {shop} on {today}")
    price = offer.get("price_points", 0)
    check(price == 0 or points == price * quantity, f"{quantity} of {code} for {points} points, where one is {price}")
    check(quantity > 0 and points >= 0 and cash >= 0, f"{quantity} of {code} for {points} points and {cash} fen")
    if price:
        return [code, quantity, points, cash, offer["kind"], price]
    return [code, quantity, points, cash, *([offer["kind"]] if offer["kind"] != "item" else [])]


def check_max(r, lines):
    for code in {line[0] for line in lines}:
        offer, points = r.records["offer", code], sum(line[2] for line in lines if line[0] == code)
        most = offer.get("max_points", 0) if not offer.get("price_points") else 0
        check(most == 0 or points <= most, f"{code} for {points} points, where {most} is the most")


def check_limits(r, e, points, available):
    book = r.book(e["rulebook"])
    if book is None:
        return
    of, of_class = book.get("limits", {}), class_of(book, e["presentation"])
    check(of_class, f"nothing may be paid by {e['presentation']}")
    for most in (of_class.get("max_points_per_redemption"), of.get("max_points_per_redemption")):
        check(not most or points <= most, f"{points} points in one sale, {most} is the most")
    for name, counter, most, is_of_sales in limits(book, e["presentation"], e["member"], e["merchant"], e["business_day"]):
        count = r.spent[counter] + (1 if is_of_sales else points)
        check(count <= most, f"limit {name}: {count}, {most} is the most")
    check(available >= of.get("min_balance_to_redeem", 0), f"{available} points are too few to pay with")


def open_hold(r, e):
    check(e["hold"] in r.holds, f"hold {e['hold']} is not open")
    hold = r.holds[e["hold"]]
    is_due = hold["hold_until_ms"] <= e["recorded_ms"]
    check(is_due == (e["kind"] == "hold_expired"), f"hold {e['hold']} ends at {hold['hold_until_ms']}")
    check(is_due or hold["merchant"] == e["merchant"], "a hold of another shop")
    e["member"] = hold["member"]
    return hold


def capture(r, e, said):
    hold = open_hold(r, e)
    held, points = taken_by(hold), taken_by(said).points()
    check(points > 0, "a capture of nothing")
    captured = held.take(points)
    e.update(presentation=hold["presentation"], limit_day=hold["business_day"], rulebook=hold["rulebook"], lines=cut(hold["lines"], points))
    e["owed"] = r.owed(e["rulebook"], captured, said)
    e["postings"] = [of_lots(e["member"], captured, -1, sub="held"), of_funds(e["merchant"], captured.funds())]
    rest = Lots((lot, held[lot] - captured.get(lot, 0)) for lot in held if held[lot] != captured.get(lot, 0))
    if rest:
        e["postings"].append(of_lots(e["member"], rest, -1, sub="held"))
        r.give_back(e, rest.items())


def cut(lines, points):
    """The lines of a sale for no more than `points`, the last ones less: by whole pieces, with their share of the cash, where one has a price."""
    lines = [list(line) for line in lines]
    over = sum(line[2] for line in lines) - points
    while over > 0:
        last = lines[-1]
        if over >= last[2]:
            over -= lines.pop()[2]
        elif len(last) < 6:
            last[2], over = last[2] - over, 0
        else:
            check(over % last[5] == 0, "captured in part, not by whole pieces")
            left = last[1] - over // last[5]
            last[1:4], over = [left, left * last[5], scale(last[3], left, last[1])], 0
    return lines


def hold_end(r, e, said):
    lots = taken_by(open_hold(r, e))
    e["postings"] = [of_lots(e["member"], lots, -1, sub="held")]
    r.give_back(e, lots.items())


# --- what goes back ------------------------------------------------------------------------------------------------------------------


def sale_back(r, e, of, spans):
    put(e, "owed", of.share(spans))
    pieces = of.pieces(spans)
    if pieces:
        funds = defaultdict(int)
        for (_, fund, _), amount in pieces:
            funds[fund] += amount
        e["postings"] = [of_funds(of.shop, funds, -1)]
        r.give_back(e, pieces)


def refund(r, e, said):
    check(e["ref"] in r.sales and r.sales[e["ref"]].shop == e["merchant"], "a refund of no sale of this shop")
    of, sold = r.sales[e["ref"]], r.kept[e["ref"]]
    check(r.state.get(e["ref"], ("",))[0] != "reversed", "a refund of a sale that was reversed")
    check(0 <= e.get("cash_fen", 0) <= of.cash, "more cash back than was paid")
    points = -sum(p["amount"] for p in said["postings"] if p["account"] == of.shop)
    check(points > 0, "a refund of nothing")
    e.update(member=of.member, rulebook=sold["rulebook"])
    put(e, "span", of.free(points))
    sale_back(r, e, of, e.get("span", []))


def reversal(r, e, said):
    record = r.requests.get((e["actor"], e["target_request"]), ())
    if record == ():
        e["effect"] = "tombstone"
        return
    check(record is not None, "reversed before it ever came, twice")
    target = r.kept.get(record[0])
    check(target and record[0] not in r.reversed, "a reversal of what can't be reversed, or has been")
    put(e, "member", target.get("member"))
    if target["kind"] == "refused" and record[1] == 1:
        e.update(effect="refused", ref=record[0])
        return
    check(target["kind"] in REVERSIBLE, f"a reversal of a {target['kind']}")
    state, by = r.state.get(record[0], (None, None))
    is_hold = target["kind"] == "hold"
    if is_hold and state == "reversed":
        e.update(effect="ended", hold=record[0])
        return
    e.update(effect="undone", rulebook=target["rulebook"])
    if is_hold or "hold" in target:
        e["hold"] = record[0] if is_hold else target["hold"]
    book = r.book(target["rulebook"])
    window = book and book.get("policies", {}).get("reversal_window_ms", 15 * 86_400_000)
    check(not book or e["recorded_ms"] - target["recorded_ms"] <= window, "a reversal after its time")
    if is_hold and state is None:
        lots = taken_by(target)
        e["postings"] = [of_lots(e["member"], lots, -1, sub="held")]
        r.give_back(e, lots.items())
        return
    e["ref"] = by if is_hold else record[0]
    sold, of = r.kept[e["ref"]], r.sales[e["ref"]]
    e.update(merchant=of.shop, presentation=target["presentation"], limit_day=sold.get("limit_day", sold["business_day"]), limit_points=of.points())
    sale_back(r, e, of, of.free(of.points() - len(of.back)))


def undo_proposed(r, e, said):
    target = r.kept.get(e["ref"], {})
    check(target.get("kind") in ("donation", "refund"), "a proposal to undo neither donation nor refund")
    e["member"] = target["member"]
    r.check_maker(e["actor"], e["member"], target["business_day"], e["business_day"])
    check(e["ref"] not in r.state, "undone before")


def undo(r, e, said):
    proposal = r.kept.get(e["proposal"], {})
    check(proposal.get("kind") == "undo_proposed", "an undo of what nobody proposed")
    target = r.kept[proposal["ref"]]
    e.update(ref=proposal["ref"], reason=proposal["reason"], member=target["member"])
    r.check_maker(e["actor"], e["member"], target["business_day"], e["business_day"])
    check(e["ref"] not in r.state, "undone before")
    check(not r.is_same_person(e["actor"], proposal["actor"]), f"{e['actor']} undoes what they proposed to undo")
    if target["kind"] == "refund":
        return undo_refund(r, e, target)
    lots = taken_by(target)
    e["postings"] = [of_funds("pool", lots.funds(), -1)]
    return r.give_back(e, lots.items())


def undo_refund(r, e, refund):
    """The shop has it again. What paid a debt is owed again, what ended comes from there, what was spent since becomes a debt."""
    check(r.state.get(refund["ref"], ("",))[0] != "reversed", "of a sale that is undone nothing is paid")
    e.update(merchant=refund["merchant"], sale=refund["ref"], rulebook=refund["rulebook"])
    put(e, "span", refund.get("span"))
    put(e, "cash_fen", -refund.get("cash_fen", 0))
    put(e, "owed", [[fund, -points, -fen, *rest] for fund, points, fen, *rest in refund.get("owed", [])])
    paid = {fund: amount for p in refund["postings"] if p.get("sub") == "debt" for fund, amount in p["funds"]}
    given = [lot for p in refund["postings"] if p["amount"] > 0 and "sub" not in p and "lots" in p for lot in Lots.of(p)]
    available, ended, owes, newly = Lots(), Lots(), defaultdict(int), 0
    for fund, points in sorted((row[0], row[1]) for row in e.get("owed", [])):
        origins = sorted({first or end for end, of, first in given if of == fund})
        left = points - paid.get(fund, 0)
        of_fund = r.take_back(e, fund, left, origins, left)
        available.update(of_fund[0])
        ended.update(of_fund[1])
        owes[fund], newly = of_fund[2] + paid.get(fund, 0), newly + of_fund[2]
    owes = no_zeros(owes)
    e["postings"] = [of_funds(e["merchant"], {row[0]: row[1] for row in e["owed"]})]
    if available:
        e["postings"].append(of_lots(e["member"], available, -1))
    if ended:
        e["postings"].append(of_lots("expired", no_zeros(ended), -1))
    if owes:
        e["postings"].append(of_funds(e["member"], owes, -1, sub="debt"))
    for fund, points in owes.items():
        e["postings"] += [posting(f"issuance:{fund}", -points), posting(f"debts:{fund}", points)]
    version = r.version_of(e["business_day"])
    check(not newly or version and r.read(version).get("policies", {}).get("debts_allowed"), f"{newly} points are spent, and no debts are allowed")


# --- what time does -------------------------------------------------------------------------------------------------------------------


def expiry(r, e, said):
    lots = r.books.lots[e["member"], "available"]
    past = Lots((lot, lots[lot]) for lot in sorted(lots)[:PART_LOTS] if lot[0] <= e["business_day"])
    check(past, f"nothing of {e['member']} is past")
    e["postings"] = [of_lots(e["member"], past, -1), of_lots("expired", past)]


def day_closed(r, e, said):
    books, told = r.books, said["data"]["closed"]
    day = days_after(books.closed, 1)
    check(told["day"] == day < e["business_day"], f"day {told['day']} is closed where {day} comes next")
    check(min(books.ends, default=NEVER) > days_after(day, 1), "lots that ended are still there")
    check(all(hold["hold_until_ms"] > start_ms(days_after(day, 1)) for hold in r.holds.values()), "holds that ended are still open")
    right = {"day": day}
    put(right, "totals", [[fund, *of] for fund, of in sorted(books.days[day].items()) if any(of)])
    lines = [shop_line(books, day, shop) for shop in sorted(books.shops[day])]
    right.update(shops=len(lines), shops_root=merkle_root(lines).hex())
    blob = b"".join(line + b"\n" for line in lines)
    if blob:
        right["shops_sha256"] = hashlib.sha256(blob).hexdigest()
        books.contents.setdefault(right["shops_sha256"], blob)
        e["blobs"] = [right["shops_sha256"]]
    for key, what in (("totals", "totals"), ("shops", "number of shops"), ("shops_root", "root over the shops"), ("shops_sha256", "hash of the shops' lines")):
        check(told.get(key) == right.get(key), f"{what} of {day} is {told.get(key)}, the entries give {right.get(key)}")
    e["data"] = {"closed": right}


def shop_line(books, day, shop):
    """What a shop can prove of its day: its leaves' root, how many, points and fen of each fund, and what it had of each when the day ended."""
    leaves, points, fen = books.shops[day][shop]
    balance = defaultdict(int, books.funds[shop, "available"])
    for later in [d for d in books.shops if d > day and shop in books.shops[d]]:
        add(balance, books.shops[later][shop][1], -1)
    moved = [[fund, points[fund], fen[fund]] for fund in sorted({*no_zeros(points), *no_zeros(fen)})]
    line = [shop, merkle_root(leaves).hex(), len(leaves), moved, [list(row) for row in no_zeros(balance).items()]]
    return json.dumps(line, separators=(",", ":")).encode()


def clock_confirmed(r, e, said):
    check(set(e["data"]) == {"clock"}, "a record of another kind")
    check(e["data"]["clock"]["stated_ms"] <= e["recorded_ms"] + CLOCK_MS, "a clock confirmed that is not the one stated")


def epoch(r, e, said):
    check(set(e["data"]) == {"epoch"}, "a record of another kind")
    data = e["data"]["epoch"]
    check(data["old_epoch"] == r.books.epoch and data["size"] == e["seq"], "an epoch that does not follow the one before")
    e["epoch"] = max((e["recorded_ms"] - EPOCHS_BEGIN_MS) // 60_000, r.books.epoch + 1)


def refused(r, e, said):
    check(e["request_kind"] in STATED, f"no kind {e['request_kind']}")


# --- registrations --------------------------------------------------------------------------------------------------------------------


def registration(r, e, said):
    (kind, data), = e["data"].items()
    check(kind == e["kind"], "a record of another kind")
    REGISTER[kind](r, e, data, r.records.get((kind, id_of(data)), {}))
    if e["seq"] > 1:
        check(not concerns_themselves(r, e["actor"], kind, data, e["business_day"]), f"{e['actor']} registers what concerns themselves")


def concerns_themselves(r, actor, kind, data, today):
    person = r.records.get(("member", r.person_behind(actor)))
    near = lambda member: person and member and r.are_near(person, r.member(member), today)  # noqa: E731
    own = lambda shop: person and shop and r.is_of_shop(person, shop, today)  # noqa: E731
    old = r.records.get((kind, id_of(data)))
    if kind == "staff":
        return data["id"] == actor or near((old or {}).get("member")) or near(data.get("member"))
    if kind == "member":
        return old and near(data["id"]) or person and r.are_near(person, data, today)
    if kind == "merchant":
        return own(old) or own(data)
    return own(r.records.get(("merchant", data.get("merchant")))) if kind in ("terminal", "offer") else False


def check_node(r, code, kind, today, old):
    """A node under which something may begin, or did before."""
    node = r.records.get(("node", code))
    check(not code or node and kind in (None, node["kind"]), f"no {kind or 'node'} {code}")
    check(not code or code == old or not has_ended(node, today), f"node {code} has ended")


def program(r, e, data, old):
    check(e["program"] == "system" or data["id"] == e["program"], "the founding of another program")


def node(r, e, data, old):
    check(not old or old["kind"] == data["kind"], f"{data['code']} was a {old.get('kind')}")
    check_node(r, data.get("parent"), data["kind"], e["business_day"], old.get("parent"))
    parent = data.get("parent")
    while parent:
        check(parent != data["code"], f"{parent} is above itself")
        parent = r.records["node", parent].get("parent")
    check(data["kind"] == "branch" or "places" not in data, "a place that looks after places")
    for place in data.get("places", []):
        check_node(r, place, "place", e["business_day"], place if place in old.get("places", []) else None)


def fund(r, e, data, old):
    issued = -r.books.balances[f"issuance:{data['code']}", "POINT", "available"]
    check(data["budget_points"] >= issued, f"a budget of {data['budget_points']}, {issued} are issued")


def member(r, e, data, old):
    check(not old or old["kind"] == data["kind"], f"{data['id']} was a {old.get('kind')}")
    check_node(r, data.get("grid"), "place", e["business_day"], old.get("grid"))
    for home, *_ in data.get("memberships", []):
        check(data["kind"] == "person" and r.member(home)["kind"] != "person", "a membership that is not a person's, of a household or organisation")


def merchant(r, e, data, old):
    for person, *_ in data.get("people", []):
        r.member(person)
    check_node(r, data.get("place"), "place", e["business_day"], old.get("place"))


def terminal(r, e, data, old):
    check(("merchant", data["merchant"]) in r.records, f"no shop {data['merchant']}")
    check(not old or old["merchant"] == data["merchant"], "a till that moves to another shop")


def staff(r, e, data, old):
    check(data.get("external") == (None if "member" in data else True), "a staff person is a member, or external")
    check("member" not in data or r.member(data["member"])["kind"] == "person", "a staff person who is no person")
    for role, *scope in data.get("grants", []):
        check_node(r, scope[0] if scope else None, None, e["business_day"], None)
        check((role == "operator") == (e["program"] == "system"), "operators are the system program's alone")


def rulebook(r, e, data, old):
    version, day, today = data["version"], data["effective_day"], e["business_day"]
    e["rulebook"] = version
    if data.get("withdrawn"):
        check(old and not old.get("withdrawn") and old["effective_day"] > today, f"rulebook {version} is not one that is yet to begin")
        check(data == {**old, "withdrawn": True}, "the withdrawal of another rulebook")
        e["ref"] = r.adopted[version]["seq"]
        return check(not r.is_same_person(e["actor"], r.adopted[version]["actor"]), f"{e['actor']} withdraws what they adopted")
    check(not old and data["format"] == 1, f"rulebook {version} is there, or in format {data['format']}")
    holds_today = r.version_of(today) is not None
    check(not r.versions or day > max(r.versions) and day >= (days_after(today, 1) if holds_today else today), f"rulebook {version} begins on {day}")
    e["blobs"] = [data["sha256"]]
    content = r.books.contents.get(data["sha256"])
    book = content and json.loads(content)
    return check(not book or (book["version"], book["effective_day"]) == (version, day), f"the content of {version} is another rulebook's")


def offer(r, e, data, old):
    check("merchant" not in data or ("merchant", data["merchant"]) in r.records, f"no shop {data.get('merchant')}")


REGISTER = {f.__name__: f for f in (program, node, fund, member, merchant, terminal, staff, rulebook, offer)}
RULES = {
    **dict.fromkeys(REGISTER, registration), "redemption": sale, "hold": sale, "void": hold_end, "hold_expired": hold_end,
    **{f.__name__: f for f in (award, correction, donation, capture, refund, reversal, undo_proposed, undo, expiry, day_closed, clock_confirmed,
                               epoch, refused)},
}
