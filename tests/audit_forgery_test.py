#!/usr/bin/env python3
"""What somebody forges who knows the format and all the rules: audit_export.py names the line, or has said that no export shows it.

REDPOINTS_WRITE_JOURNAL: the program that writes a journal in which every kind of entry occurs."""

import collections
import copy
import itertools
import json
import unittest

import audit_export
from audit.stated import CUT, LIMITS, REFUSALS, STATED
from audit_export_test import JournalTest, first, text_of


def leaves(value, path=()):
    """(path, value) of whatever in a line is no list or object."""
    if isinstance(value, (dict, list)):
        for key, of in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(of, (*path, key))
    else:
        yield path, value


def at(value, path):
    for key in path:
        value = value[key]
    return value


TUPLES = {"lines": ("offer", "quantity", "points", "cash_fen", "kind", "price_points")}


def field_of(path):
    """As STATED calls it: of postings, data and lines also what of them."""
    if path[0] == "data":
        return ".".join(path[:3])
    if path[0] == "postings":
        return ".".join(["postings", *path[2:3]])
    return ".".join([path[0], *(TUPLES[path[0]][i] for i in path[2:3])]) if path[0] in TUPLES else path[0]


def form_of(e):
    """Two lines of one form have the same fields, and postings alike."""
    postings = [(p["account"][0], p.get("sub"), p["unit"], p["amount"] > 0, len(p.get("lots", p.get("funds", []))) > 1) for p in e.get("postings", [])]
    return e["kind"], tuple(e), *map(tuple, e.get("data", {}).values()), tuple(postings), e.get("effect"), e.get("request_kind")


class ForgeryTest(JournalTest):
    """Each field of each kind of line is changed, as whoever would hide it changes it: the audit names that line, or says that it can't."""

    WORDS = {"state": ("active", "suspended"), "why": ("restore", "recover"), "presentation": ("card",)}
    # Fields that are in none of the lines, or not often.
    MORE = {"cap_hit": True, "carried": [30, 0], "payer_use": ["d1", 5, 7], "approvals": [["a2", 1]], "withdrawn": True, "external": True, "mood": 1}

    def setUp(self):
        super().setUp()
        self.seen_values = {}  # name of a field -> its values
        for e in self.sound:
            for path, value in leaves(e):
                self.seen_values.setdefault(self.name_of(path), {})[json.dumps(value)] = value

    @staticmethod
    def name_of(path):
        return tuple(key for key in path if isinstance(key, str))[-1:] + tuple(key for key in path[-1:] if not isinstance(key, str))

    def others(self, path, value):
        """Other values that it might have."""
        seen = [v for v in self.seen_values.get(self.name_of(path), {}).values() if v != value]
        if isinstance(value, bool):
            return []
        if isinstance(value, int):
            return [value + 1, value - 1001, *seen[:3]] if path[-1] not in ("balance", "prev") else [value - 1]
        return [*seen[:12], *(w for w in self.WORDS.get(path[-1], ()) if w != value), *([value[::-1]] if len(value) >= 32 else [])]

    def forgeries(self, e):
        """(field, line): one value changed, left out or put in; or an amount on both sides."""
        for path, value in leaves(e):
            for other in self.others(path, value):
                forged = copy.deepcopy(e)
                at(forged, path[:-1])[path[-1]] = other
                if path[0] in ("actor", "terminal") and "terminal" in e:
                    forged["actor"] = forged["terminal"] = other
                yield path, forged
            forged = copy.deepcopy(e)
            at(forged, path[:-1]).pop(path[-1])
            yield path, forged
        for key in ({key for of in self.sound for key in of} | set(self.MORE)) - set(e):
            for value in [of[key] for of in self.sound if key in of][:2] or [self.MORE[key]]:
                yield (key,), {**copy.deepcopy(e), key: value}
        for (kind, data), (key, value) in itertools.product(e.get("data", {}).items(), self.MORE.items()):
            if key not in data and key in ("withdrawn", "external", "mood"):
                yield ("data", kind, key), {**e, "data": {kind: {**data, key: value}}}
        yield from self.shifted(e)

    @staticmethod
    def shifted(e):
        pairs = itertools.permutations(range(len(e.get("postings", []))), 2)
        for (i, j), by in itertools.product(pairs, (1, 1001)):
            forged = copy.deepcopy(e)
            for p, more in ((forged["postings"][i], by), (forged["postings"][j], -by)):
                p["amount"] += more
                for rows, place in ((p.get("lots", []), 2), (p.get("funds", []), 1)):
                    if rows:
                        rows[-1][place] += more
            yield ("postings", i, "amount"), forged

    @staticmethod
    def settled(books, e):
        """With the balances and chains that follow."""
        e, balances, touched = copy.deepcopy(e), dict(books.balances), books.heads
        for p in e.get("postings", []):
            key = (p["account"], p["unit"], p.get("sub", "available"))
            balances[key] = balances.get(key, 0) + p["amount"]
            p.pop("prev", None), p.pop("balance", None)
            rest = {k: p.pop(k) for k in ("lots", "funds") if k in p}
            if not p["account"].startswith("s"):
                p["balance"] = balances[key]
            p.update(rest)
            if key[:2] in touched:
                p["prev"] = touched[key[:2]]
        return e

    def is_named(self, books, e):
        try:
            right = books.rules.right(copy.deepcopy(e))
            books.rules.compare(e, right)
            rules = books.rules
            shallow = (books.rows, books.contents, rules.kept, rules.records, rules.contents)  # nothing within these is changed
            copy.deepcopy(books, {id(of): copy.copy(of) for of in shallow}).enter(text_of([e]).encode())
        except audit_export.FOUND:
            return True
        return False

    def unseen(self, books, e, known):
        """(field, line) that the audit takes for sound, but for fields that are `known` already."""
        for path, forged in self.forgeries(e):
            if field_of(path) in known:
                continue
            candidates = [(field_of(path), forged)]
            try:
                candidates.append((field_of(path), self.settled(books, forged)))
                right = self.settled(books, books.rules.right(forged))  # as somebody would who knows all the rules
                candidates.append(("postings.amount" if path[0] == "postings" else field_of(path), right))
            except audit_export.FOUND:
                pass
            for field, candidate in candidates:
                if field not in known and candidate != e and not self.is_named(books, candidate):
                    known.add(field)
                    yield field, candidate

    def test_each_field_is_recomputed_or_named_as_what_is_not_shown(self):
        books = audit_export.Books(audit_export.read_blobs(self.blobs[1::2]))
        forms, known, found = set(), collections.defaultdict(set), {}
        for e in self.sound:
            if form_of(e) not in forms:
                forms.add(form_of(e))
                found.update({(e["kind"], field): line for field, line in self.unseen(books, e, known[e["kind"]])})
            books.enter(text_of([e]).encode())
        stated = {(kind, field) for kind, fields in STATED.items() for field in fields}
        asked = {("refused", field) for fields in REFUSALS.values() for field in fields}
        for key in sorted(found.keys() - stated - asked):
            with self.subTest(" ".join(key)):
                self.fail(f"changed, and not found: {text_of([found[key]])}")
        # Nothing is said to be unseen that is seen.
        reasons = {STATED[kind][field] for kind, field in found.keys() & stated}
        self.assertEqual(reasons, set(LIMITS) - {CUT})

    def found(self, seq, alter=lambda e: None, given=lambda rules: None):
        """What the audit says of a line that was changed, with balances and chains put right; or of one that was not, after something else
        before it."""
        books = audit_export.Books(audit_export.read_blobs(self.blobs[1::2]))
        for e in self.sound[:seq]:
            books.enter(text_of([e]).encode())
        given(books.rules)
        e = copy.deepcopy(self.sound[seq])
        alter(e)
        try:
            books.enter(text_of([self.settled(books, e)]).encode())
        except audit_export.FOUND as error:
            return str(error)
        return "sound"

    def test_rules_that_a_line_may_not_break(self):
        e = self.sound
        award, visit = first(e, "award"), first(e, "award", lambda x: x["activity"] == "VISIT")
        capped = first(e, "award", lambda x: x.get("cap_hit"))
        meeting, report = (first(e, "award", lambda x, code=code: x["activity"] == code) for code in ("MEETING", "REPORT"))
        hidden, correction = first(e, "award", lambda x: "unique" in x), first(e, "correction")
        parts = first(e, "correction", lambda x: "part" in x)
        sale, hold = first(e, "redemption", lambda x: len(x["lines"]) == 2), first(e, "hold")
        capture = first(e, "capture", lambda x: len(x["postings"]) > 3 and len(x["lines"][0]) == 6)
        void, ended, refund = first(e, "void"), first(e, "hold_expired"), first(e, "refund", lambda x: "cash_fen" in x)
        reversal, proposal, undo = first(e, "reversal", lambda x: "limit_points" in x), first(e, "undo_proposed"), first(e, "undo")
        closed, adopted = first(e, "day_closed"), first(e, "rulebook", lambda x: x["data"]["rulebook"]["version"] == "2025-1")
        till, confirmed, opened = first(e, "terminal"), first(e, "clock_confirmed"), first(e, "epoch")
        withdrawn = first(e, "rulebook", lambda x: "withdrawn" in x["data"]["rulebook"])
        by_a1 = next(x["member"] for x in e if x["kind"] == "award" and x["member"] == "m6")
        own = first(e, "award", lambda x: x["member"] == by_a1)
        person, worker, branch, shop = (first(e, kind, lambda x, kind=kind, has=has: has in x["data"][kind]) for kind, has in
                                        (("member", "memberships"), ("staff", "member"), ("node", "places"), ("merchant", "people")))

        def more(x, points=1001):
            """In each number that stands in the line."""
            for p in x["postings"]:
                if p["unit"] == "POINT":
                    p["amount"] += points if p["amount"] > 0 else -points
                    for lot in p.get("lots", [])[-1:]:
                        lot[2] += points if lot[2] > 0 else -points
            x["amounts"] = [[unit, amount - points] if unit == "POINT" else [unit, amount] for unit, amount in x.get("amounts", [])] or None
            if not x["amounts"]:
                del x["amounts"]

        def line(place, value):
            return lambda x: x["lines"][0].__setitem__(place, value)

        def data(**values):
            return lambda x: next(iter(x["data"].values())).update(values)

        def without(key):
            return lambda x: x.pop(key)

        def to(**values):
            return lambda x: x.update(values)

        cases = {
            # deeds
            "an award of more": (award, more, "postings: .*where the rules give"),
            "an award above its cap": (visit, lambda x: (more(x, 4), x.update(quantity=240)), "cap_hit: null, where the rules give true"),
            "a cap where none is near": (award, to(cap_hit=True), "cap_hit: true, where the rules give null"),
            "no cap where one is hit": (capped, without("cap_hit"), "cap_hit: null"),
            "a correction of 1,001 points": (correction, lambda x: more(x, -1021), "amounts: .*where the rules give"),
            "a correction by who recorded it": (correction, to(actor="a0"), "corrects what they recorded"),
            "a part that is none": (parts, to(part=[1, 3]), r"part: \[1, 3\], where the rules give \[1, 2\]"),
            "an award to oneself": (own, to(actor="a1"), "acts for themselves: m6"),
            "an award to one's household": (award, to(actor="a1", member="m5", group="residents"), "acts for themselves: m5"),
            "an award to nobody": (award, to(member="m99"), "m99 was never registered"),
            "by nobody": (award, to(actor="a99"), "a99 is nobody who may ask for it"),
            "an activity that is in no book": (award, to(activity="SLEEP"), "no activity SLEEP"),
            "a deed to come": (award, to(effective_day=20240316), "which is to come"),
            "a deed long ago": (meeting, to(effective_day=20200101), "days ago|was past"),
            "a lot that was past": (visit, to(effective_day=20230101), "was past"),
            "a day before all rulebooks": (award, to(effective_day=20191231), "no rulebook holds"),
            "another group": (award, to(group="new_organisations"), "was not in group new_organisations"),
            "a group that it is not for": (meeting, to(group="residents"), "MEETING is not for group residents"),
            "another grid": (award, to(grid="grid-2"), "grid: .*where the rules give"),
            "no session": (meeting, without("session"), "MEETING without session"),
            "no case": (report, without("case"), "REPORT without case"),
            "no evidence": (report, without("evidence_sha256"), "REPORT without evidence_sha256"),
            "a quantity of none": (visit, to(quantity=29), "VISIT 29, where 30 to 1000000 are allowed"),
            "another unit": (award, lambda x: [p.update(unit="DUTY") for p in x["postings"][2:]], "postings: .*DUTY.*where the rules give .*MINUTE"),
            # sales
            "pieces for another price": (sale, line(1, 3), "3 of RICE for 60 points, where one is 30"),
            "no piece": (sale, lambda x: x["lines"][1].__setitem__(1, 0), "0 of ANY"),
            "an offer of nobody": (sale, line(0, "GOLD"), "no offer GOLD at s1"),
            "another kind of offer": (sale, line(4, "bill"), "lines: .*where the rules give"),
            "the groups of somebody else": (sale, to(groups=["residents"]), "groups: .*where the rules give"),
            "a grid where they are not": (sale, without("grid"), "grid: null"),
            "a till of nobody": (sale, to(terminal="t9", actor="t9"), "may ask for it"),
            "a till of another shop": (sale, to(terminal="t2", actor="t2"), 'merchant: "s1", where the rules give "s2"'),
            "a sale at one's own shop": (sale, to(terminal="t3", actor="t3", merchant="s3", member="m4"), "m4 buys at a shop of their own"),
            "what nobody may pay with": (sale, to(presentation="card"), "nothing may be paid by card"),
            "a hold for longer": (hold, lambda x: x.update(hold_until_ms=x["hold_until_ms"] + 1), "hold_until_ms"),
            "a capture of half a piece": (capture, lambda x: more(x, -1), "not by whole pieces"),
            "a hold that is not open": (void, to(hold=0), "hold 0 is not open"),
            "the hold of another shop": (void, to(terminal="t2", actor="t2", merchant="s2"), "a hold of another shop"),
            "a hold that ends too soon": (ended, lambda x: x.update(recorded_ms=e[ended - 1]["recorded_ms"]), "ends at"),
            # what goes back
            "the refund of another shop": (refund, to(terminal="t2", actor="t2", merchant="s2"), "a refund of no sale of this shop"),
            "more cash back": (refund, to(cash_fen=10**6), "more cash back"),
            "other points of the sale": (refund, lambda x: x["span"][0].__setitem__(0, x["span"][0][0] + 1), "span"),
            "limits given back": (reversal, lambda x: x.update(limit_points=x["limit_points"] - 1), "limit_points"),
            "a reversal that did nothing": (reversal, to(effect="tombstone"), "effect"),
            "an undo by who proposed it": (undo, to(actor=e[proposal]["actor"]), "undoes what they proposed"),
            "an undo of no proposal": (undo, to(proposal=award), "an undo of what nobody proposed"),
            "a proposal to undo an award": (proposal, to(ref=award), "a proposal to undo neither"),
            "another reason than was proposed": (undo, to(reason="other"), "reason"),
            # time
            "a day too many": (closed, data(day=20240316), "is closed where"),
            "a clock that is ahead": (confirmed, lambda x: data(stated_ms=x["recorded_ms"] + 1_200_001)(x), "is not the one stated"),
            "a clock that is behind": (confirmed, lambda x: data(stated_ms=x["recorded_ms"] - 1_200_001)(x), "is not the one stated"),
            "an epoch that is none": (opened, to(epoch=0), "epoch 0 after 0"),
            "an epoch after another": (opened, data(old_epoch=1), "does not follow"),
            "by somebody but the ledger": (ended, to(actor="a0"), 'actor: "a0", where the rules give "ledger"'),
            # registrations
            "the rulebook of another day": (adopted, data(effective_day=20250102), "another rulebook's"),
            "a rulebook that begins today": (adopted, data(effective_day=20240315), "begins on"),
            "withdrawn by who adopted it": (withdrawn, to(actor="a0"), "withdraws what they adopted"),
            "a till of no shop": (till, data(merchant="s9"), "no shop s9"),
            "a membership of a person": (person, data(memberships=[["m1", 20240101]]), "a membership that is not"),
            "a staff person and external": (worker, data(external=True), "a member, or external"),
            "a worker who is a household": (worker, data(member="m5"), "who is no person"),
            "a grid that is not there": (person, data(grid="grid-9"), "no place grid-9"),
            "a place that is a branch": (branch, data(places=["b-1"]), "no place b-1"),
            "a shop of nobody": (shop, data(people=[["m99", "owner"]]), "m99 was never registered"),
            "one's own record": (worker, to(actor="a2") and data(id="a0"), "concerns themselves"),
            "a field that is not known": (award, to(mood="good"), 'mood: "good", where the rules give null'),
        }
        for name, (seq, alter, what) in cases.items():
            with self.subTest(name):
                self.assertRegex(self.found(seq, alter), what)

    def test_rules_that_what_came_before_may_break(self):
        e = self.sound
        award, sale, donation, capture = (first(e, kind) for kind in ("award", "redemption", "donation", "capture"))
        fall, rise = (first(e, "correction", lambda x, n=n: x.get("quantity", 0) == n) for n in (3, 4))
        debt = first(e, "correction", lambda x: any(p.get("sub") == "debt" for p in x["postings"]))
        item, late = first(e, "award", lambda x: "item" in x) + 1, first(e, "reversal", lambda x: "limit_points" in x)
        target = e[late].get("hold", e[late]["ref"])
        refund, proposal, undo = first(e, "refund"), first(e, "undo_proposed"), first(e, "undo")
        owing = first(e, "undo", lambda x: "sale" in x and any(p["account"].startswith("issuance") for p in x["postings"]))
        proposed, waived = first(e, "waiver_proposed"), first(e, "debt_waived")
        reversal, tombstone = first(e, "reversal", lambda x: "ref" in x), first(e, "reversal", lambda x: x["effect"] == "tombstone")
        expiry, closed, founding, node = (first(e, kind) for kind in ("expiry", "day_closed", "program", "node"))
        confirmed, opened, refused, offer = (first(e, kind) for kind in ("clock_confirmed", "epoch", "refused", "offer"))
        branch, fund = first(e, "node", lambda x: "places" in x["data"]["node"]), first(e, "fund")
        again = first(e, "member", lambda x: x["seq"] > sale or x["data"]["member"]["id"] == "m2" and x["seq"] > branch)
        worker = first(e, "staff", lambda x: "member" in x["data"]["staff"])
        adopted = first(e, "rulebook", lambda x: x["rulebook"] == "2025-1")
        withdrawn = first(e, "rulebook", lambda x: "withdrawn" in x["data"]["rulebook"])

        def record(what, name, **values):
            return lambda rules: rules.records.setdefault((what, name), {}).update(values)

        def limits(**values):
            return lambda rules: rules.contents["2024-1"]["limits"].update(values)

        def policies(**values):
            return lambda rules: rules.contents["2024-1"]["policies"].update(values)

        def state(seq):
            return lambda rules: rules.state.update({self.sound[seq]["ref"]: ("reversed", 0)})

        def data(**values):
            return lambda x: next(iter(x["data"].values())).update(values)

        def nothing(x):
            x["postings"] = [{"account": x["member"], "unit": "POINT", "amount": 0}]

        def more_than_there_are(x):
            x["postings"][0]["amount"] = x["postings"][0]["lots"][0][2] = -1000

        def many_lots(rules):
            rules.books.lots["m1", "available"].update({(20300101 + i, "street", 0): 0 for i in range(64)})

        def awarded_since(rules):
            of = rules.kept[e[fall]["ref"]]
            of["session"] = "x"
            rules.stands[of["seq"]]["quantity"] = 0
            rules.deeds[of["member"], of["activity"], "session", "x"] = 99

        def same(_):
            """Neither the line nor what came before it is another."""

        cases = {
            "suspended": (award, same, record("member", "m1", state="suspended"), "m1 is suspended"),
            "suspended who buys": (sale, same, record("member", "m3", state="suspended"), "m3 is suspended"),
            "a suspended shop": (sale, same, record("merchant", "s1", state="suspended"), "s1 suspended"),
            "suspended who gives": (donation, same, record("member", "m1", state="suspended"), "m1 is suspended"),
            "an ended fund": (award, same, record("fund", "street", end_day=20240315), "fund street has ended"),
            "more of an ended fund": (rise, same, record("fund", "street", end_day=20240315), "fund street has ended"),
            "too old": (award, lambda x: x.update(effective_day=20240301), policies(late_days=13), "more than 13 days ago"),
            "too many lots": (award, same, many_lots, "m1 has 65 lots"),
            "a correction of a sale": (fall, lambda x: x.update(ref=award - 1), same, "a correction of no award"),
            "awarded since": (fall, same, awarded_since, "x was awarded since"),
            "no debts": (debt, same, policies(debts_allowed=False), "the rulebook allows no debts"),
            "no debts by undo": (owing, same, policies(debts_allowed=False), "no debts are allowed"),
            "a lot twice": (award, lambda x: x["postings"][1].update(lots=x["postings"][1]["lots"] * 2), same, "a lot twice"),
            "an item of another request": (item, lambda x: x.update(fingerprint=e[award]["fingerprint"]), same, "a later part of a request"),
            "no request": (award, lambda x: x.pop("request_id"), same, "of no request"),
            "no rulebook": (sale, same, lambda rules: rules.versions.clear(), "no rulebook holds"),
            "one sale": (sale, same, limits(max_points_per_redemption=39), "40 points in one sale, 39 is the most"),
            "a member's day": (sale, same, limits(max_points_per_member_day=39), "limit member_day: 40"),
            "a member's month": (sale, same, limits(max_points_per_member_month=39), "limit member_month: 40"),
            "a shop's day": (sale, same, limits(max_points_per_merchant_day=39), "limit merchant_day: 40"),
            "a class's day": (sale, same, limits(classes=[{"presentation": "number", "max_points_per_member_day": 39}]), "limit presentation: 40"),
            "a class's sale": (sale, same, limits(classes=[{"presentation": "number", "max_points_per_redemption": 39}]), "39 is the most"),
            "a count": (sale, same, lambda rules: (limits(counts=[{"period": "QUARTER", "max_count": 1}])(rules),
                                                   rules.spent.update({("count", "m3", (2024, 1)): 1})), "limit count: 2, 1 is the most"),
            "too few to pay with": (sale, same, limits(min_balance_to_redeem=41), "40 points are too few"),
            "more of an offer": (sale, same, record("offer", "ANY", max_points=39), "ANY for 40 points, where 39 is the most"),
            "more than there are": (donation, more_than_there_are, same, "points more than there are"),
            "a donation of nothing": (donation, nothing, same, "a donation of nothing"),
            "a capture of nothing": (capture, nothing, same, "a capture of nothing"),
            "a refund of nothing": (refund, nothing, same, "a refund of nothing"),
            "a refund of more": (refund, same, lambda rules: rules.sales[e[refund]["ref"]].back.update(range(11)), "where 29 are left"),
            "a refund after a reversal": (refund, same, state(refund), "that was reversed"),
            "reversed twice": (reversal, same, lambda rules: rules.reversed.add(e[reversal]["ref"]), "or has been"),
            "reversed late": (late, same, policies(reversal_window_ms=-1), "a reversal after its time"),
            "never, twice": (tombstone, same, lambda rules: rules.requests.update({("t1", e[tombstone]["target_request"]): None}), "ever came"),
            "a reversal of a refund": (late, same, lambda rules: rules.kept.update({target: {**e[target], "kind": "refund"}}), "a reversal of a refund"),
            "proposed twice": (proposal, same, state(proposal), "undone before"),
            "undone twice": (undo, same, state(undo), "undone before"),
            "an award while a hold is over": (award, same, lambda rules: rules.holds.update({0: {"member": e[award]["member"], "hold_until_ms": 0}}),
                                              "should have ended before"),
            "an award while points are past": (award, same, lambda rules: rules.books.lots[e[award]["member"], "available"].update({(20200101, "street", 0): 1}),
                                               "should have ended before"),
            "waived twice": (waived, same, lambda rules: rules.state.update({e[waived]["proposal"]: ("done", 0)}), "waived before"),
            "a waiver by who is near": (waived, lambda x: x.update(actor="a1"), record("staff", "a1", member="m3"), "acts for themselves: m3"),
            "a waiver that was proposed by who is near": (proposed, lambda x: x.update(actor="a1"), record("staff", "a1", member="m3"), "acts for themselves"),
            "an undo for one's own shop": (owing, lambda x: x.update(actor="a1"), record("merchant", "s1", people=[["m6", "clerk"]]), "a shop of their own"),
            "points of an award": (refused, lambda x: x.update(points=5), same, "points asked of a award"),
            "undone of nothing": (owing, same, lambda rules: rules.state.update({e[owing]["sale"]: ("reversed", 0)}), "nothing is paid"),
            "nothing is past": (expiry, lambda x: x.update(member="m5"), same, "nothing of m5 is past"),
            "lots that ended": (closed, same, lambda rules: rules.books.ends.update({20240101: 1}), "lots that ended"),
            "holds that ended": (closed, same, lambda rules: rules.holds.update({0: {"hold_until_ms": 0}}), "holds that ended"),
            "no kind": (award, lambda x: x.update(kind="gift"), same, "no kind gift"),
            "refused of no kind": (refused, lambda x: x.update(request_kind="gift"), same, "nobody asks for a gift"),
            "refused of a refusal": (refused, lambda x: x.update(request_kind="refused"), same, "nobody asks for a refused"),
            "refused of what time does": (refused, lambda x: x.update(request_kind="expiry"), same, "nobody asks for a expiry"),
            "refused of a program": (refused, lambda x: x.update(request_kind="program", actor="o1") or x.pop("item", 0), same, "refuses another"),
            "a clock of another kind": (confirmed, lambda x: x["data"].update(e[opened]["data"]), same, "a record of another kind"),
            "an epoch of another kind": (opened, lambda x: x["data"].update(e[confirmed]["data"]), same, "a record of another kind"),
            "a fund of another kind": (fund, lambda x: x.update(data=e[node]["data"]), same, "a record of another kind"),
            "a field of a record": (fund, data(colour="red"), same, "a fund has no .*colour"),
            "another program": (founding, data(id="other"), same, "the founding of another program"),
            "an ended node": (branch, same, record("node", "grid-1", end_day=20240315), "node grid-1 has ended"),
            "another kind of node": (branch, same, record("node", "b-1", kind="place"), "b-1 was a place"),
            "above itself": (branch, data(parent="b-0"), record("node", "b-0", kind="branch", parent="b-1"), "b-1 is above itself"),
            "a place with places": (branch, data(kind="place"), same, "a place that looks after places"),
            "another kind of member": (again, same, record("member", e[again]["data"]["member"]["id"], kind="household"), "was a household"),
            "a till that moves": (first(e, "terminal"), same, record("terminal", "t1", merchant="s2"), "moves to another shop"),
            "an operator": (worker, data(grants=[["operator"]]), same, "operators are the system program's"),
            "an offer of no shop": (offer, data(merchant="s9"), same, "no shop s9"),
            "a version twice": (adopted, data(version="2024-1"), same, "rulebook 2024-1 is there"),
            "another format": (adopted, data(format=2), same, "in format 2"),
            "another withdrawn": (withdrawn, data(format=2), same, "the withdrawal of another"),
            "withdrawn late": (withdrawn, same, record("rulebook", "2025-1", effective_day=20240315), "yet to begin"),
        }
        for name, (seq, alter, given, what) in cases.items():
            with self.subTest(name):
                self.assertRegex(self.found(seq, alter, given), what)

    def test_without_rulebooks_the_points_that_funds_owe_for_are_seen(self):
        sale = first(self.sound, "redemption")
        self.entries[sale]["owed"][0][1] -= 1
        self.assertRegex(self.audit(blobs=[]), f"^line {sale + 1}: owed is not for")

    def test_a_session_a_case_and_a_confidential_deed_count_once(self):
        for key in ("session", "case", "unique"):
            seq = first(self.sound, "award", lambda x, key=key: key in x)
            again = next(x["seq"] for x in self.sound[seq + 1:] if x["kind"] == "award")
            twice = {**copy.deepcopy(self.sound[seq]), **self.when(again - 1)}
            with self.subTest(key):
                self.assertRegex(self.found(again, lambda x, twice=twice: (x.clear(), x.update(twice))), "was awarded before")

    def test_a_fund_issues_within_its_budget(self):
        fund = first(self.sound, "fund")
        self.entries[fund]["data"]["fund"]["budget_points"] = 500
        self.assertRegex(self.audit(), "^line [0-9]+: [0-9]{3} points issued of issuance:street, its budget is 500")
        later = first(self.sound, "fund", lambda x: x["data"]["fund"]["code"] == "gift")
        again = {"fund": {"code": "street", "budget_points": 500}}
        seq = self.sound[-1]["seq"]
        line = {**self.sound[later], **self.when(seq - 1), "data": again}
        self.assertRegex(self.found(seq, lambda x: (x.clear(), x.update(line))), "a budget of 500, ")
        again["fund"]["budget_points"] = 2**53 - 1
        self.assertRegex(self.found(seq, lambda x: (x.clear(), x.update(line))), "budgets of [0-9]+ together")

    def when(self, seq):
        """A next line after `seq`."""
        e = self.sound[seq]
        return {"seq": seq + 1, "epoch": e["epoch"], "recorded_ms": e["recorded_ms"], "business_day": e["business_day"], "request_id": "0" * 32}

    def test_offers_hold_at_their_shop_and_on_their_days(self):
        offer = first(self.sound, "offer", lambda x: x["data"]["offer"]["code"] == "OIL")
        sale = first(self.sound, "redemption", lambda x: x["lines"][0][0] == "OIL")
        for change, what in (({"merchant": "s2"}, "no offer OIL at s1"), ({"to": 20240315}, "no offer OIL at s1 on 20240315"),
                             ({"from": 20240316}, "no offer OIL"), ({"price_points": 26}, "where one is 26"), ({"kind": "service"}, "lines")):
            with self.subTest(change):
                self.entries = copy.deepcopy(self.sound)
                self.entries[offer]["data"]["offer"].update(change)
                self.assertRegex(self.audit() or "all agree", f"^line {sale + 1}: .*{what}")


if __name__ == "__main__":
    unittest.main()
