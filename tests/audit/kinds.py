"""Of each kind of entry, all that follows from what it states: one function a kind, in KINDS, and one a registration, in REGISTER.

Each gets the rules so far (r), the entry as far as it was stated (e), which it completes, and the line as it was said: of that it takes only
how many points somebody captured, gave back or gave away, which stands in the postings alone, and what a rulebook would tell that was not
given.
"""

import hashlib
import json
import re
from collections import defaultdict

from audit.basics import (CLOCK_MS, NEVER, Lots, add, check, covers, days_after, has_ended, merkle_root, no_zeros, of_funds, of_lots, posting,
                          put, scale, start_ms, taken_by)
from audit.stated import REFUSABLE, REVERSIBLE, STATED
from audit.state import carrying_of, class_of, groups_on, id_of, keys_of_deed, limits, lot_end, month_of, pays, points_first

PART_LOTS = 24  # as many lots as one entry of a split one takes
QUANTITY_MAX = 1_000_000


# --- deeds ----------------------------------------------------------------------------------------------------------------------------


def award(r, e, said):
    today, day = e["business_day"], e["effective_day"]
    member, version = r.member(e["member"]), r.version_of(day)
    check(version is not None, f"no rulebook holds on {day}")
    e["rulebook"] = version
    if "unique" in e:  # confidential: no group, no grid
        named = [name for name in e["unique"] if re.fullmatch("[0-9a-f]{64}", name)]
        check(len(e["unique"]) == len(set(named)) == 2, "a confidential deed without its two names")
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
    carried = r.month[month_of(e)]
    put(e, "carried", list(carried) if any(carried) else [])
    for earning in points_first(activity):
        unit = earning["unit"]
        earned = pays(earning, e["quantity"], carried)
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
    least, most = activity["min_quantity"], activity.get("max_quantity", 0) or QUANTITY_MAX
    check(least <= quantity <= most, f"{activity['code']} {quantity}, where {least} to {most} are allowed")


def move(r, e, fund, unit, change, end, graced=()):
    """Points that were earned, or more minutes and scores, or fewer."""
    if change and unit == "POINT":
        r.issue(e, fund, change, end, graced)
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
    carried = [0, 0]
    if carrying_of(activity):
        carried = [r.month[month_of(e)][0] - stands["quantity"], r.month[month_of(e)][1] - stands["earned"]]
    put(e, "carried", carried if any(carried) else [])
    done = r.requests.get((e["actor"], e["request_id"]), (0, 0))[1]  # parts of it
    end, is_hit, spent, grows = lot_end(activity, e["effective_day"]), False, 0, False
    e["postings"], e["amounts"], parts = [], [list(row) for row in stands["amounts"]], 1
    for place, (unit, current) in enumerate(stands["amounts"]):
        earning = next(of for of in activity["earnings"] if of["unit"] == unit)
        earned = pays(earning, quantity, carried)
        amount = r.within_caps(activity, e, unit, earned, current)
        is_hit = is_hit or amount < earned
        e["amounts"][place][1] = amount
        if unit != "POINT" or amount >= current:
            grows = grows or unit == "POINT" and amount > current
            move(r, e, activity["fund"], unit, amount - current, end, r.graced[e["ref"]])
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
    take_over(e, hold)
    e["owed"] = r.owed(e["rulebook"], captured, said)
    e["postings"] = [of_lots(e["member"], captured, -1, sub="held"), of_funds(e["merchant"], captured.funds())]
    rest = Lots((lot, held[lot] - captured.get(lot, 0)) for lot in held if held[lot] != captured.get(lot, 0))
    if rest:
        e["postings"].append(of_lots(e["member"], rest, -1, sub="held"))
        r.give_back(e, rest.items())


def take_over(e, sold):
    """Groups and grid are those of the sale."""
    put(e, "groups", sold.get("groups"))
    put(e, "grid", sold.get("grid"))


def cut(lines, points):
    """The lines of a sale for no more than `points`, the last ones less: what has a price by whole pieces, with their share of the cash."""
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
    take_over(e, r.kept[of.seq])
    put(e, "owed", of.share(spans))
    pieces = of.pieces(spans)
    if pieces:
        funds = defaultdict(int)
        for (_, fund, _), amount in pieces:
            funds[fund] += amount
        e["postings"] = [of_funds(of.shop, funds, -1)]
        r.give_back(e, pieces, r.graced[of.seq])


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
    e.update(merchant=of.shop, presentation=target["presentation"])
    e.update(limit_day=sold.get("limit_day", sold["business_day"]), limit_points=of.points())
    sale_back(r, e, of, of.free(of.points() - len(of.back)))


def undo_proposed(r, e, said):
    target = r.kept.get(e["ref"], {})
    check(target.get("kind") in ("donation", "refund"), "a proposal to undo neither donation nor refund")
    e["member"] = target["member"]
    check_undo(r, e, target)
    check(e["ref"] not in r.state, "undone before")


def check_undo(r, e, target):
    """Nobody undoes for a member near to them, nor for a shop of theirs: an undo pays the one or the other."""
    days = (target["business_day"], e["business_day"])
    r.check_maker(e["actor"], e["member"], *days)
    person, shop = r.records.get(("member", r.person_behind(e["actor"]))), r.records.get(("merchant", target.get("merchant")))
    is_own = person and shop and any(r.is_of_shop(person, shop, day) for day in days)
    check(not is_own, f"{e['actor']} acts for a shop of their own")


def undo(r, e, said):
    proposal = r.kept.get(e["proposal"], {})
    check(proposal.get("kind") == "undo_proposed", "an undo of what nobody proposed")
    target = r.kept[proposal["ref"]]
    e.update(ref=proposal["ref"], reason=proposal["reason"], member=target["member"])
    check_undo(r, e, target)
    check(e["ref"] not in r.state, "undone before")
    check(not r.is_same_person(e["actor"], proposal["actor"]), f"{e['actor']} undoes what they proposed to undo")
    if target["kind"] == "refund":
        return undo_refund(r, e, target)
    lots = taken_by(target)
    e["postings"] = [of_funds("pool", lots.funds(), -1)]
    return r.give_back(e, lots.items())


def waiver_proposed(r, e, said):
    check_waiver(r, e, e["data"]["waiver"], e["business_day"])


def check_waiver(r, e, waiver, asked_day):
    fund, owed = waiver["fund"], r.debt(e["member"], waiver["fund"])
    r.check_maker(e["actor"], e["member"], asked_day, e["business_day"])
    check(has_ended(r.records.get(("fund", fund), {}), e["business_day"]), f"a debt to {fund} waived, which has not ended")
    check(0 < waiver["points"] <= owed, f"{waiver['points']} waived of a debt of {owed} to {fund}")


def debt_waived(r, e, said):
    proposal = r.kept.get(e["proposal"], {})
    check(proposal.get("kind") == "waiver_proposed", "a waiver of what nobody proposed")
    waiver = proposal["data"]["waiver"]
    e.update(member=proposal["member"], reason=proposal["reason"])
    check(e["proposal"] not in r.state, "waived before")
    check(not r.is_same_person(e["actor"], proposal["actor"]), f"{e['actor']} waives what they proposed to waive")
    check_waiver(r, e, waiver, proposal["business_day"])
    fund, points = waiver["fund"], waiver["points"]
    e["postings"] = [of_funds(e["member"], {fund: points}, sub="debt"), posting(f"debts:{fund}", -points)]


def undo_refund(r, e, refund):
    """The shop has it again. What paid a debt is owed again, what ended comes from there, what was spent since becomes a debt."""
    check(r.state.get(refund["ref"], ("",))[0] != "reversed", "of a sale that is undone nothing is paid")
    e.update(merchant=refund["merchant"], sale=refund["ref"], rulebook=refund["rulebook"])
    e.update(terminal=refund["terminal"], target_request=refund["request_id"])
    take_over(e, refund)
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
    may_owe = not newly or version and r.read(version).get("policies", {}).get("debts_allowed")
    check(may_owe, f"{newly} points are spent, and no debts are allowed")


# --- what time does -------------------------------------------------------------------------------------------------------------------


def expiry(r, e, said):
    lots = r.books.lots[e["member"], "available"]
    past = Lots((lot, lots[lot]) for lot in sorted(lots)[:PART_LOTS] if lot[0] <= e["business_day"])
    check(past, f"nothing of {e['member']} is past")
    e["postings"] = [of_lots(e["member"], past, -1), of_lots("expired", past)]


DAY = {"totals": "totals", "shops": "number of shops", "shops_root": "root over the shops", "shops_sha256": "hash of the shops' lines"}


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
    for key, what in DAY.items():
        check(told.get(key) == right.get(key), f"{what} of {day} is {told.get(key)}, the entries give {right.get(key)}")
    e["data"] = {"closed": right}


def shop_line(books, day, shop):
    """What a shop can prove of its day: its leaves' root and number, points and fen of each fund, and what it had of each when the day ended."""
    leaves, points, fen = books.shops[day][shop]
    balance = defaultdict(int, books.funds[shop, "available"])
    for later in [d for d in books.shops if d > day and shop in books.shops[d]]:
        add(balance, books.shops[later][shop][1], -1)
    moved = [[fund, points[fund], fen[fund]] for fund in sorted({*no_zeros(points), *no_zeros(fen)})]
    line = [shop, merkle_root(leaves).hex(), len(leaves), moved, [list(row) for row in no_zeros(balance).items()]]
    return json.dumps(line, separators=(",", ":")).encode()


def clock_confirmed(r, e, said):
    check(set(e["data"]) == {"clock"}, "a record of another kind")
    clock = e["data"]["clock"]
    if "last_closed_day" not in clock:
        return check(abs(clock["stated_ms"] - e["recorded_ms"]) <= 2 * CLOCK_MS, "a clock confirmed that is not the one stated")
    check(abs(clock["stated_ms"] - e["recorded_ms"]) <= CLOCK_MS, "a clock set back to another time than the one stated")
    check(r.books.last_ms - e["recorded_ms"] > CLOCK_MS, "a clock set back that is not ahead")
    return check(not r.is_same_person(e["actor"], r.clock_by), f"{e['actor']} sets back the clock that they confirmed")


def expiry_undone(r, e, said):
    """Right behind a set-back lots come back, once, that had ended though their day is yet to come."""
    check(r.books.is_undoing, "lots come back, and not behind a clock that is set back")
    e["member"], ended = r.ended_by.get(e["ref"], (None, Lots()))
    early, left = Lots(), dict(r.ended)
    for lot in sorted(ended, reverse=True):
        key = e["member"], lot[1], lot[2] or lot[0]
        amount = min(ended[lot], left.get(key, 0))
        if lot[0] > e["business_day"] and amount > 0 and len(early) < PART_LOTS:
            early[lot], left[key] = amount, left[key] - amount
    check(early, f"nothing ended too early by {e['ref']}")
    e["postings"] = [of_lots("expired", early, -1), of_lots(e["member"], early)]


def epoch(r, e, said):
    check(set(e["data"]) == {"epoch"}, "a record of another kind")
    data = e["data"]["epoch"]
    check(data["old_epoch"] == r.books.epoch and data["size"] == e["seq"], "an epoch that does not follow the one before")
    check(e["epoch"] > r.books.epoch, f"epoch {e['epoch']} after {r.books.epoch}")
    check(e["seq"] == 0 or e["recorded_ms"] == r.books.last_ms, "an epoch that has a time of its own")


def refused(r, e, said):
    check(e["request_kind"] in REFUSABLE, f"nobody asks for a {e['request_kind']}")
    check(e["request_kind"] != "program" or e["program"] == "system", "a program that refuses another")
    records = {f.split(".")[1] for f in STATED[e["request_kind"]] if f.startswith("data.")} if e["request_kind"] not in REGISTER else set()
    check(set(e.get("data", {})) == records, "a record of another kind")
    check("points" not in e or "postings.amount" in STATED[e["request_kind"]], f"points asked of a {e['request_kind']}")
    if "lines" in e:
        e["lines"] = [line[:4] for line in e["lines"]]


# --- registrations --------------------------------------------------------------------------------------------------------------------


def registration(r, e, said):
    (kind, data), = e["data"].items()
    check(kind == e["kind"], "a record of another kind")
    REGISTER[kind](r, e, data, r.records.get((kind, id_of(data)), {}))
    if any(of == "staff" for of, _ in r.records):  # the first of the staff is the operator's word
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
    is_rekeyed = e["actor"] == "ledger" and "side_key" in data and data["administrator"] == old.get("administrator")
    check(not old or is_rekeyed and data["id"] == e["program"], "a program that changes in more than its side key")


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
    others = sum(known["budget_points"] for (kind, code), known in r.records.items() if kind == "fund" and code != data["code"])
    check(others + data["budget_points"] < 2**53, f"budgets of {others + data['budget_points']} together")


def member(r, e, data, old):
    check(not old or old["kind"] == data["kind"], f"{data['id']} was a {old.get('kind')}")
    check_node(r, data.get("grid"), "place", e["business_day"], old.get("grid"))
    for home, *_ in data.get("memberships", []):
        is_right = data["kind"] == "person" and r.member(home)["kind"] != "person"
        check(is_right, "a membership that is not a person's, of a household or organisation")


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
    earliest = days_after(today, 1) if r.version_of(today) else today
    check(not r.versions or day > max(r.versions) and day >= earliest, f"rulebook {version} begins on {day}")
    e["blobs"] = [data["sha256"]]
    content = r.books.contents.get(data["sha256"])
    book = content and json.loads(content)
    return check(not book or (book["version"], book["effective_day"]) == (version, day), f"the content of {version} is another rulebook's")


def offer(r, e, data, old):
    check("merchant" not in data or ("merchant", data["merchant"]) in r.records, f"no shop {data.get('merchant')}")


REGISTER = {f.__name__: f for f in (program, node, fund, member, merchant, terminal, staff, rulebook, offer)}
KINDS = {
    **dict.fromkeys(REGISTER, registration),
    "award": award,
    "correction": correction,
    "donation": donation,
    "redemption": sale,
    "hold": sale,
    "capture": capture,
    "void": hold_end,
    "hold_expired": hold_end,
    "refund": refund,
    "reversal": reversal,
    "undo_proposed": undo_proposed,
    "undo": undo,
    "waiver_proposed": waiver_proposed,
    "debt_waived": debt_waived,
    "expiry": expiry,
    "day_closed": day_closed,
    "clock_confirmed": clock_confirmed,
    "expiry_undone": expiry_undone,
    "epoch": epoch,
    "refused": refused,
}
