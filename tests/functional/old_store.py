#!/usr/bin/env python3
"""A store as a server of some time left it, with what was asked of that server and what it answered: tests/stores/N-server.tar.gz.

    REDPOINTS_BIN=build/dev old_store.py FILE.tar.gz     lets the servers of this tree live a life, and keeps what they leave

Each format has one, written by the first program of that format, and never written again. What later programs owe it is in old_store_test.py.
"""
import datetime
import hashlib
import json
import os
import pathlib
import secrets
import subprocess
import sys
import tarfile
import tempfile

import grpc
from google.protobuf import json_format

from alliance import REDPOINTSD, Alliance, Stranger, day, new_id, reason_of


def now():
    """As the command line takes it: of Shanghai, whatever the machine's zone is."""
    shanghai = datetime.timezone(datetime.timedelta(hours=8))
    return datetime.datetime.now(shanghai).strftime("%Y-%m-%d %H:%M")


KEPT = ("ledger", "side", "side.key")

PAST_DAYS = 75  # from the first of the life to the last: lots and holds end in between, and days are closed


class ShiftedClock:
    """The servers and command lines that are started meanwhile live so many days later."""

    def __init__(self, days):
        self.seconds = days * 24 * 3600

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="redpoints-shifted-")
        library = self.directory.name + "/shifted_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, pathlib.Path(__file__).parent / "shifted_clock.c", "-ldl"], check=True)
        os.environ.update(LD_PRELOAD=library, SHIFT_S=str(self.seconds))

    def __exit__(self, *_):
        del os.environ["LD_PRELOAD"], os.environ["SHIFT_S"]
        self.directory.cleanup()


class Asked:
    """Requests over the wire, each kept as [caller, method, fields, answer]: JSON, or the reason of a refusal."""

    def __init__(self, alliance):
        self.alliance = alliance
        self.rows = []
        self._strangers = {}

    def stranger(self, caller):
        at = (caller, self.alliance.server.port)
        if at not in self._strangers:
            self._strangers[at] = Stranger(self.alliance.channel(caller))
        return self._strangers[at]

    def say(self, caller, method, fields):
        """What is answered, as JSON, or the reason of a refusal."""
        if "item" in fields:
            item = {key: bytes.fromhex(part) if key in ("evidence_sha256", "note_commitment") else part for key, part in fields["item"].items()}
            fields = {**fields, "item": item}
        try:
            answer = self.stranger(caller).call(method, **fields)
        except grpc.RpcError as error:
            return reason_of(error)
        return json_format.MessageToDict(answer, preserving_proto_field_name=True)

    def __call__(self, caller, method, expect=None, **fields):
        fields = {"program": "programs/minyue", "request_id": new_id(), **fields}
        if method in ("ReplaceMemberNumber", "ConfirmClock"):
            del fields["program"]
        answer = self.say(caller, method, fields)
        if expect != (answer if isinstance(answer, str) else None):
            raise AssertionError(f"{method} {fields}: {answer}")
        self.rows.append([caller, method, fields, answer])
        return answer


def with_newer_keys(text):
    """A key file in which a newer key seals and makes fingerprints, and the older ones still open and compare."""
    lines = text.splitlines()[:-1]
    for purpose in ("seal", "fingerprint"):
        last = max(i for i, line in enumerate(lines) if line.startswith(purpose + " "))
        lines.insert(last + 1, f"{purpose} {secrets.token_hex(4)} {secrets.token_hex(32)}")
    above = "".join(line + "\n" for line in lines)
    return above + f"sha256 {hashlib.sha256(above.encode()).hexdigest()}\n"


def write(path):
    with ShiftedClock(-PAST_DAYS):
        a = Alliance()
        try:
            asked = begin(a)
        except BaseException:
            a.close()
            raise
    try:
        told = a.root / "asked.json"
        told.write_text(json.dumps(go_on(a, *asked), ensure_ascii=False, indent=0), encoding="utf-8")
        with tarfile.open(path, "w:gz") as file:
            for name in KEPT:
                file.add(a.directory / name, name, filter=lambda info: None if "/LOG" in info.name else info)  # RocksDB's own talk
            file.add(told, "asked.json")
    finally:
        a.close()


def item(number, activity="PATROL", quantity=5, offset=0, **more):
    return {"member": f"members/{number}", "activity": activity, "quantity": quantity, "effective_day": int(day(offset)), "group": 2, **more}


def pay(number, points):
    return {"presentation": {"member_number": number}, "offer_lines": [{"offer": "ANY", "quantity": 1, "points": points}]}


def begin(a):
    """A deed of each kind and what follows from deeds; sales of each kind and what follows from sales."""
    callers = {}
    issue = a.issue
    a.issue = lambda caller, name: (callers.__setitem__(caller, name), issue(caller, name))
    a.start()
    a.settle()
    for caller, program in (("operator", "system"), ("administrator", "minyue")):
        staff = [one["staff"] for one in a.cli(caller, "--program", program, "list", "staff")["registrations"]]
        callers[caller] = next(one["name"] for one in staff if one["grants"][0]["role"] == caller.upper())
    ask = Asked(a)

    # A second program, and another corrector.
    other = a.cli("operator", "program", "create", "kaiyuan")
    a.issue("kaiyuan", other["administrator"]["name"])
    a.cli("kaiyuan", "--program", "kaiyuan", "node", "set", "grid-9", "--kind", "place", "--type", "grid")
    a.issue("corrector-2", a.cli("administrator", "staff", "create", "--grant", "corrector", "--external")["staff"]["name"])

    # The key is lost: everybody gets another number under a new one.
    a.stop()
    (a.directory / "side.key").unlink()
    a.run(REDPOINTSD, "rekey", "--config", a.config)
    a.start()
    numbers = [ask("administrator", "ReplaceMemberNumber", name=member["name"])["number"] for member in a.members]
    deed = lambda i, *what, **more: item(numbers[i], *what, offset=-PAST_DAYS, **more)

    award = ask("recorder", "Award", item=deed(0))
    ask("recorder", "Award", item=deed(0, "TIP", 2, case="tip-1"))
    ask("recorder", "Award", item=deed(1, "MEDIATION", 1, session="talk-1"))
    ask("recorder", "Award", item=deed(2, "TIP", 1, case="tip-3", session="walk-1", about="a-gas-pipe", tags=["gas", "night"],
                                       evidence_sha256="e" * 64, note_commitment="c" * 64))
    ask("recorder", "Award", item=deed(1, "WATCH", 90))
    ask("recorder", "AwardBatch", items=[deed(i, q, n) for i, q, n in ((0, "PATROL", 3), (1, "VISIT", 90), (2, "HELP", 20), (3, "VISIT", 120))] +
        [deed(3, "TIP", 1, case="tip-2")])
    known = [(0, "TIP", 3, {"case": "tip-1"}), (1, "MEDIATION", 2, {"session": "talk-1"}), (2, "TIP", 3, {"case": "tip-4", "session": "walk-1"})]
    for i, activity, quantity, names in known:
        ask("recorder", "Award", expect="CASE_ALREADY_AWARDED", item=deed(i, activity, quantity, **names))
    ask("corrector", "Correct", award=award["result"]["award"], new_quantity=4, reason=1)
    donation = ask("recorder", "Donate", member=f"members/{numbers[0]}", points=2)
    proposal = ask("corrector", "ProposeUndo", entry=f"programs/minyue/entries/{donation['outcome']['sequence']}", reason=1)
    ask("corrector-2", "Undo", proposal=proposal["proposal"])

    sale = ask("till-1", "Redeem", clerk="c1", till_number="0001", **pay(numbers[0], 10))
    ask("till-1", "Refund", redemption=sale["redemption"], points=3, clerk="c1")
    hold = ask("till-1", "Authorize", **pay(numbers[0], 8))
    ask("till-1", "Capture", hold=hold["hold"], points=5)
    ask("till-2", "Void", hold=ask("till-2", "Authorize", **pay(numbers[2], 4))["hold"])
    ask("till-2", "Authorize", **pay(numbers[2], 5))  # it ends by time
    ask("till-1", "Redeem", **pay(numbers[1], 2))
    ask("till-1", "Reverse", target_request_id=ask.rows[-1][2]["request_id"])
    ask("till-1", "Reverse", target_request_id=new_id())
    ask("till-1", "Redeem", expect="INSUFFICIENT_POINTS", **pay(numbers[3], 5000))
    ask("administrator", "CreateMember", member={"kind": 1, "groups": [{"group": 2}], "grid": "grid-1"})
    # What was spent is taken back: a debt, which the next deed pays a part of.
    spent = ask("recorder", "Award", item=deed(3, "HELP", 30))
    ask("till-2", "Redeem", **pay(numbers[3], 35))
    ask("corrector", "Correct", award=spent["result"]["award"], new_quantity=0, reason=1)
    a.stop()
    return callers, ask, numbers, known


def go_on(a, callers, ask, numbers, known):
    """Weeks later: what time has ended ends, and hundreds of commits follow. What unpack() gives: callers' names, what was
    asked with its last answer, and the deeds that are known."""
    a.start()
    a.cli("operator", "clock", "confirm", "--time", now())

    # The start in between puts what was written into files of its own.
    for i in range(150):
        ask("recorder", "Award", item=item(numbers[i % 4]))
        ask(f"till-{i % 2 + 1}", "Redeem", **pay(numbers[i % 4], 1 + i % 30))
        if i == 90:
            a.stop()
            a.start()

    # A backup is put back: what came after it is lost, and another epoch begins.
    a.stop()
    backup = a.root / "backup"
    a.run(REDPOINTSD, "backup", "--config", a.config, "--to", backup)
    a.start()
    Asked(a)("recorder", "Award", item=item(numbers[0]))
    a.stop()
    for name in ("ledger", "side"):
        (a.directory / name).rename(a.root / ("lost-" + name))
    a.run(REDPOINTSD, "restore", "--config", a.config, "--from", backup)
    # From now on another key seals and makes fingerprints.
    key = a.directory / "side.key"
    key.write_text(with_newer_keys(key.read_text()))
    a.start()
    for i in range(20):
        ask("recorder", "Award", item=item(numbers[i % 4], "TIP", 1, case=f"tip-{i + 10}"))
        ask("till-1", "Redeem", **pay(numbers[i % 4], 2))
    ask("administrator", "CreateMember", member={"kind": 1, "groups": [{"group": 2}], "grid": "grid-1"})
    # What each is answered when it comes again: how far things have got since is in it.
    for row in ask.rows:
        caller, method, fields, first = row
        row[3] = ask.say(caller, method, fields)
        if lasting(row[3]) != lasting(first):
            raise AssertionError(f"{row} where {first} was answered")
    a.stop()
    known = [item(numbers[i], activity, quantity, **names) for i, activity, quantity, names in known]
    return {"callers": callers, "rows": ask.rows, "known": known}


def lasting(answer):
    """Without what changes as things go on."""
    if isinstance(answer, list):
        return [lasting(part) for part in answer]
    if isinstance(answer, dict):
        changes = ("replayed", "state", "state_sequence", "state_epoch", "refunded_points", "ledger_epoch")
        return {key: lasting(part) for key, part in answer.items() if key not in changes}
    return answer


def unpack(path, alliance):
    """Puts the store in the place of the alliance's own, and certificates beside it. What was asked of it."""
    with tarfile.open(path) as file:
        file.extractall(alliance.root / "old")
    for name in KEPT:
        place = alliance.directory / name
        place.rename(alliance.root / ("own-" + name))
        (alliance.root / "old" / name).rename(place)
    kept = json.loads((alliance.root / "old" / "asked.json").read_text(encoding="utf-8"))
    for caller, name in kept["callers"].items():
        alliance.issue("old-" + caller, name)
    return kept


if __name__ == "__main__":
    write(sys.argv[1])
