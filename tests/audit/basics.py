"""Days, numbers, lots and postings, as the format of Red Points' entries has them."""

import datetime
import hashlib
import json
from collections import defaultdict

NEVER = 99991231
CLOCK_MS = 10 * 60_000  # as far as a clock may be from the time that somebody states, and the last entry ahead of it


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


def dump(value):
    return json.dumps(value, ensure_ascii=False)
