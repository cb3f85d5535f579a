#!/usr/bin/env python3
"""Invents the people of the sample program and the deeds of its year. Standard library only.

    generate.py holders DIR          writes DIR/holders.csv: households, then organisations
    generate.py persons DIR          reads DIR/holders.json (what importing them answered), writes DIR/persons.csv
    generate.py year DIR YYYYMMDD    reads DIR/holders.json and DIR/persons.json, writes DIR/awards-{1..7}.csv, one for each grid, with
                                     deeds of the 360 days before the given one, and DIR/cast.json: who plays which part in the story

What 民悦社区 published is kept: 7 grids, 1,705 households, 3,627 residents, 52 party members, 56 serving party members on 7 posts, five
groups; 排查 1,024 sessions, 化解 342 cases, 调解 576 cases. Everybody is invented and has a number instead of a name. The same
command gives the same files: only ids and 会员号, which the server draws, and the days differ between runs.
"""

import csv
import datetime
import hashlib
import json
import pathlib
import random
import sys

GRIDS = [f"wangge-{i}" for i in range(1, 8)]
HOUSEHOLDS, RESIDENTS, PARTY, SERVING = 1705, 3627, 52, 56
POSTS = ["wenming-jiandu", "minshi-tiaojie", "huanjing-weisheng", "anquan-xinxi", "bianmin-fuwu", "qiaomen-wenbang", "yifeng-yisu"]
ORGANISATIONS = (
    [("property-companies", f"wuye-{i}") for i in range(1, 4)]
    + [("nearby-merchants", f"shanghu-{i}") for i in range(1, 17)]
    + [("new-organisations", f"liangxin-{i}") for i in range(1, 7)]
)
HERE = pathlib.Path(__file__).parent


def read_table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_table(path, header, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def holders():
    """[(kind, group, grid, ref)]: households, then organisations."""
    rows = [("household", "residents", GRIDS[i * 7 // HOUSEHOLDS], f"hu-{i + 1:04}") for i in range(HOUSEHOLDS)]
    return rows + [("organisation", group, GRIDS[i % 7], ref) for i, (group, ref) in enumerate(ORGANISATIONS)]


def persons():
    """Residents, then the serving party members: dicts of ref, groups, grid, household and organisation (indices into holders)."""
    draw = random.Random("minyue: persons")
    sizes = [1] * HOUSEHOLDS
    left = RESIDENTS - HOUSEHOLDS
    while left:
        i = draw.randrange(HOUSEHOLDS)
        if sizes[i] < 5:
            sizes[i] += 1
            left -= 1
    of = [i for i, size in enumerate(sizes) for _ in range(size)]
    homes = holders()
    people = [
        {"ref": f"ren-{n + 1:04}", "groups": ["residents"], "grid": homes[home][2], "household": home, "organisation": None}
        for n, home in enumerate(of)
    ]
    # Not from one household: a party member's and a shop owner's neighbours are then other households.
    chosen = draw.sample(sorted({home: n for n, home in enumerate(of)}.values()), PARTY + len(ORGANISATIONS))
    for n in chosen[:PARTY]:
        people[n]["groups"] = ["party-vanguard:20210701", "residents"]
    for k, n in enumerate(chosen[PARTY:]):  # who stands for an organisation
        people[n]["organisation"] = HOUSEHOLDS + k
    for n in range(SERVING):
        people.append(
            {"ref": f"zaizhi-{n + 1:02}", "groups": ["party-vanguard:20210701"], "grid": GRIDS[n % 7], "household": None, "organisation": None}
        )
    return people


def staff_of(people):
    """Staff code to the index of the resident who does it: an ordinary resident of the grid, or of the first for those of all. Who comes from
    outside is no member."""
    draw = random.Random("minyue: staff")
    taken, parts = set(), {}
    for row in read_table(HERE / "staff.csv"):
        if row["who"] == "external":
            continue
        scope = row["grants"].partition(":")[2]
        grid = scope if scope in GRIDS else GRIDS[0]
        able = [
            n
            for n, p in enumerate(people)
            if p["grid"] == grid and p["household"] is not None and p["household"] not in taken and p["organisation"] is None
        ]
        n = draw.choice(able)
        taken.add(people[n]["household"])
        parts[row["code"]] = n
    return parts


def write_persons(directory):
    made = json.loads((directory / "holders.json").read_text(encoding="utf-8"))["members"]
    rows = []
    for p in persons():
        of = [made[i]["name"].rpartition("/")[2] for i in (p["household"], p["organisation"]) if i is not None]
        rows.append(("person", ";".join(p["groups"]), p["grid"], ";".join(f"{id}:20200101" for id in of), p["ref"]))
    write_table(directory / "persons.csv", ["kind", "groups", "grid", "memberships", "ref"], rows)


class Year:
    """The deeds: awards for (member, activity, quantity, day, group, session, case, evidence, tags, about)."""

    def __init__(self, members, today):
        self.draw = random.Random("minyue: year")
        self.today = today
        self.members = members  # dicts of number, grid, group, kind
        self.awards = []
        self.zeal = {m["number"]: self.draw.paretovariate(1.3) for m in members}  # few do much
        self.by_grid = {grid: [m for m in members if m["grid"] == grid] for grid in GRIDS}

    def day(self, first=1, last=360):
        return self.today - datetime.timedelta(days=self.draw.randint(first, last))

    def crew(self, size):
        """People of one grid, and now and then somebody from elsewhere."""
        own = self.by_grid[self.draw.choice(GRIDS)]
        crew = sorted(own, key=lambda m: self.draw.random() ** (1 / self.zeal[m["number"]]), reverse=True)[:size]
        guest = self.draw.choice(self.members)
        if size > 1 and guest not in crew and self.draw.random() < 0.3:
            crew[-1] = guest
        return crew

    def award(self, member, activity, quantity, day, session="", case="", evidence="", tags="", about=""):
        self.awards.append(
            (member["grid"], [member["number"], activity, quantity, day.strftime("%Y%m%d"), member["group"], session, case, evidence, tags, about])
        )

    def session(self, activity, prefix, n, sizes, minutes=None):
        crew, day = self.crew(self.draw.choice(sizes)), self.day()
        quantity = self.draw.choice(minutes) if minutes else 1
        name = f"{prefix}-{n:04}"
        for member in crew:
            self.award(member, activity, quantity, day, session=name)
        return name, day, crew

    def play(self):
        rounds = [self.session("PAICHA", "paicha", n, [1, 2, 2, 3, 3, 4, 5, 6, 8]) for n in range(1, 1025)]
        for n, (name, day, crew) in enumerate(self.draw.sample(rounds, 342), start=1):
            solved = min(day + datetime.timedelta(days=self.draw.randint(0, 20)), self.today - datetime.timedelta(days=1))
            for member in crew[: self.draw.choice([1, 1, 2, 3])]:
                self.award(member, "HUAJIE", 1, solved, case=f"huajie-{n:04}", about=name)
        people = [m for m in self.members if m["kind"] == "person"]
        for _ in range(576):  # a random case id: who quarrelled stays between them
            case, day = f"t-{self.draw.getrandbits(64):016x}", self.day()
            for member in self.draw.sample(people, self.draw.choice([1, 1, 2])):
                self.award(member, "TIAOJIE", 1, day, case=case)
        for _ in range(160):
            case = f"b-{self.draw.getrandbits(64):016x}"
            evidence = hashlib.sha256(f"photo of {case}".encode()).hexdigest()
            self.award(self.draw.choice(people), "BAOLIAO", 1, self.day(), case=case, evidence=evidence)
        for n in range(1, 161):  # twelve on one patrol are one patrol
            self.session("XUNLUO", "xunluo", n, [12] if n == 1 else [4, 6, 8, 10, 12], [60, 90, 120])
        for activity, prefix, count, sizes in [
            ("XUANCHUAN", "xuanchuan", 60, [3, 5, 8]),
            ("ZHUCAN", "zhucan", 120, [1, 2, 3]),
            ("WEILAO", "weilao", 150, [1, 2, 4]),
            ("WENYI", "wenyi", 40, [6, 10]),
            ("YILIAO", "yiliao", 24, [2, 4]),
        ]:
            for n in range(1, count + 1):
                self.session(activity, prefix, n, sizes, [60, 90, 120, 180])
        serving = [m for m in self.members if m["ref"].startswith("zaizhi-")]
        companies = [m for m in self.members if m["group"] == "property-companies"]
        for quarter in range(1, 5):
            day = self.today - datetime.timedelta(days=90 * (4 - quarter) + 1)
            for i, member in enumerate(serving):
                self.award(member, "SIDING", self.draw.randint(70, 100), day, session=f"siding-{quarter}", tags=POSTS[i % 7])
            for member in companies:
                self.award(member, "WUYE_KAOPING", self.draw.randint(60, 100), day, session=f"kaoping-{quarter}")


POINTS = {  # roughly, for choosing who plays which part; what is awarded the rulebook decides
    "PAICHA": lambda q: 1, "HUAJIE": lambda q: 3, "TIAOJIE": lambda q: 3, "BAOLIAO": lambda q: 3, "XUNLUO": lambda q: q // 60,
    "XUANCHUAN": lambda q: q // 60, "ZHUCAN": lambda q: q // 40, "WEILAO": lambda q: q // 40, "WENYI": lambda q: q // 120,
    "YILIAO": lambda q: q // 60, "SIDING": lambda q: 0, "WUYE_KAOPING": lambda q: 0,
}  # fmt: skip


def write_year(directory, today):
    made_holders = json.loads((directory / "holders.json").read_text(encoding="utf-8"))["members"]
    made_persons = json.loads((directory / "persons.json").read_text(encoding="utf-8"))["members"]
    people = persons()
    staff = staff_of(people)
    apart = {people[n]["household"] for n in staff.values()}  # nobody records for self or own household
    draw = random.Random("minyue: active")
    active = []
    for n, p in enumerate(people):
        is_party = any(group.startswith("party-vanguard") for group in p["groups"])
        if p["household"] in apart or p["organisation"] is not None or not (is_party or draw.random() < 0.08):
            continue
        group = "party-vanguard" if is_party else "residents"
        active.append({"ref": p["ref"], "number": made_persons[n]["number"], "grid": p["grid"], "group": group, "kind": "person"})
    for i, (kind, group, grid, ref) in enumerate(holders()):
        if kind == "organisation":
            active.append({"ref": ref, "number": made_holders[i]["number"], "grid": grid, "group": group, "kind": kind})

    year = Year(active, today)
    year.play()
    header = ["member", "activity", "quantity", "effective_day", "group", "session", "case", "evidence_sha256", "tags", "about"]
    for i, grid in enumerate(GRIDS, start=1):
        rows = [row for at, row in year.awards if at == grid]
        rows.sort(key=lambda row: row[3])
        write_table(directory / f"awards-{i}.csv", header, rows)

    points = {m["number"]: 0 for m in active}
    for _, row in year.awards:
        points[row[0]] += POINTS[row[1]](row[2])
    persons_only = [m for m in active if m["kind"] == "person"]
    shops = read_table(HERE / "shops.csv")
    # Each shop's owner stands for an organisation of the alliance: the property company's for the last, traders' for the others.
    owners = {
        shop["code"]: next(
            n for n, p in enumerate(people) if p["organisation"] == HOUSEHOLDS + (0 if shop["code"] == "wuye" else 3 + i)
        )
        for i, shop in enumerate(shops)
    }
    cast = {
        "awards": len(year.awards),
        "confidential": sum(row[1] in ("TIAOJIE", "BAOLIAO") for _, row in year.awards),
        "active": len(active),
        "owners": {code: made_persons[n] for code, n in owners.items()},
        "staff": {code: made_persons[n] for code, n in staff.items()},
        "rich": sorted(persons_only, key=lambda m: (-points[m["number"]], m["ref"]))[:40],
        "poor": next(m for m in persons_only if 10 <= points[m["number"]] <= 20 and m["group"] == "residents"),
    }
    (directory / "cast.json").write_text(json.dumps(cast, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "holders":
        rows = [(kind, group, grid, ref) for kind, group, grid, ref in holders()]
        write_table(pathlib.Path(arguments[1]) / "holders.csv", ["kind", "groups", "grid", "ref"], rows)
    elif len(arguments) == 2 and arguments[0] == "persons":
        write_persons(pathlib.Path(arguments[1]))
    elif len(arguments) == 3 and arguments[0] == "year":
        write_year(pathlib.Path(arguments[1]), datetime.datetime.strptime(arguments[2], "%Y%m%d").date())
    else:
        print(__doc__, file=sys.stderr)
        return 64
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
