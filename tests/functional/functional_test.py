"""The real programs over mutual TLS: what a street's engineer, a till and an auditor see, from an empty directory to a restored backup."""
import csv
import io
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import grpc

from alliance import REDPOINTSD, ROOT, RULEBOOK, Alliance, Stranger, day, new_id, reason_of


class FunctionalTest(unittest.TestCase):
    def setUp(self):
        self.alliance = Alliance()
        self.addCleanup(self.alliance.close)
        self.alliance.start()
        self.alliance.settle()

    def tearDown(self):
        if self.alliance.server:
            self.assertEqual(self.alliance.stop(), 0)
        # Whatever happened, it may be told to whoever reads the log.
        self.assertEqual(self.alliance.secrets_in_log(), [])
        self.check()

    def check(self):
        done = self.alliance.run(REDPOINTSD, "check", "--config", self.alliance.config)
        self.assertIn(b"minyue:", done.stdout)
        for line in done.stdout.decode().splitlines():
            if "sum of" in line:
                self.assertEqual(line.split()[-1], "0", line)

    def stranger(self, caller):
        return Stranger(self.alliance.channel(caller))

    def sale(self, number, points, request_id=None):
        return dict(program="programs/minyue", request_id=request_id or new_id(), presentation={"member_number": number},
                    offer_lines=[{"offer": "ANY", "quantity": 1, "points": points}])

    # --- the life of a point ------------------------------------------------------------------------------------------------------
    def test_points_from_the_deed_to_the_auditor(self):
        a = self.alliance
        member = a.members[0]
        award = a.award(member, 10)["result"]
        self.assertEqual(award["outcome"]["state"], "DONE")
        self.assertEqual(a.points(member), 100)
        sale = a.cli("till-1", "redeem", "--member", member["number"], "--line", "RICE:1:30:250", "--clerk", "c1", "--till-number", "0001")
        self.assertEqual(a.points(member), 70)
        hold = a.cli("till-1", "authorize", "--member", member["number"], "--line", "ANY:1:20")["hold"]
        self.assertEqual(a.points(member), 50)
        a.cli("till-1", "capture", hold, "--points", "15")
        self.assertEqual(a.points(member), 55)
        released = a.cli("till-1", "authorize", "--member", member["number"], "--line", "ANY:1:20")["hold"]
        a.cli("till-1", "void", released)
        refund = a.cli("till-1", "refund", sale["redemption"], "--points", "30", "--clerk", "c1")
        self.assertEqual(refund["outcome"]["state"], "DONE")
        self.assertEqual(a.points(member), 85)
        request_id = new_id()
        a.cli("till-1", "--request-id", request_id, "redeem", "--member", member["number"], "--line", "ANY:1:5")
        a.cli("till-1", "reverse", request_id)
        a.cli("corrector", "correct", award["award"], "--quantity", "9", "--reason", "wrong-quantity")
        a.cli("recorder", "donate", "--member", member["number"], "--points", "5")
        self.assertEqual(a.points(member), 70)
        # The first answer for ever, the state now.
        outcome = a.cli("till-1", "outcome", request_id, expect=None)["outcome"]
        self.assertEqual((outcome["first_state"], outcome["state"]), ("DONE", "REVERSED"))

        statement = a.cli("helper", "statement", member["number"])
        statement = statement if isinstance(statement, str) else json.dumps(statement)
        self.assertIn("donation", statement)
        own = self.stranger("member").call("GetBalance", member=member["name"])
        self.assertEqual({b.unit: b.available for b in own.balances}["POINT"], 70)

        # A refusal is one exit code, one reason, one sentence.
        refused = a.cli("till-2", "redeem", "--member", member["number"], "--line", "ANY:1:9000", expect=2)
        self.assertIn("INSUFFICIENT_POINTS", refused)
        self.assertIn("积分不足", refused)
        self.assertNotIn("70", refused)  # a shop does not learn what they hold
        self.assertNotIn("还差", refused)
        self.assertIn("还差 5", a.cli("till-2", "redeem", "--member", member["number"], "--line", "ANY:1:75", expect=2))  # only when it is little
        self.assertIn("HOLD_NOT_FOUND", a.cli("till-2", "capture", hold, expect=2))

        # The export is the ledger: one line of JSON an entry, contiguous, balanced, the same twice.
        exported = a.root / "ledger.jsonl"
        a.cli("auditor", "export", "--output", exported)
        entries = [json.loads(line) for line in exported.read_text(encoding="utf-8").splitlines()]
        self.assertEqual([entry["seq"] for entry in entries], list(range(len(entries))))
        sums = {}
        for entry in entries:
            for posting in entry.get("postings", []):
                sums[posting["unit"]] = sums.get(posting["unit"], 0) + posting["amount"]
        self.assertEqual(set(sums.values()), {0})
        again = a.root / "again.jsonl"
        a.cli("settler", "export", "--through", str(len(entries) - 1), "--output", again)
        self.assertEqual(exported.read_bytes(), again.read_bytes())
        table = a.root / "ledger.csv"
        a.cli("auditor", "export", "--format", "csv", "--output", table)
        rows = list(csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig"))))
        self.assertGreater(len(rows), len(entries))

        # Somebody who has nothing of ours comes to the same figures.
        sha = next(entry["data"]["rulebook"]["sha256"] for entry in entries if entry["kind"] == "rulebook")
        a.cli("auditor", "blob", sha, "--output", a.root / "book")
        balance = a.root / "balance.jsonl"
        balance.write_text(json.dumps(a.cli("auditor", "balance", member["number"])) + "\n", encoding="utf-8")
        audited = a.run("python3", ROOT / "tests" / "audit_export.py", exported, "--csv", table, "--blob", a.root / "book", "--balance", balance)
        self.assertIn(b"1 balances compared: all agree", audited.stdout)

    def test_what_administrators_register_can_end(self):
        a = self.alliance
        # A rulebook that does not hold yet is taken back by somebody else than the one who adopted it.
        book = a.root / "next.json"
        book.write_text(json.dumps({**RULEBOOK, "version": "2099-1", "effective_day": 20990101}), encoding="utf-8")
        a.cli("administrator", "rulebook", "adopt", book)
        a.issue("second", a.cli("administrator", "staff", "create", "--grant", "administrator", "--external")["staff"]["name"])
        self.assertIn("MAKER_IS_CHECKER", a.cli("administrator", "rulebook", "withdraw", "2099-1", expect=2))
        a.cli("second", "rulebook", "withdraw", "2099-1")
        self.assertIn("RULEBOOK_HOLDS", a.cli("second", "rulebook", "withdraw", "2024-1", expect=2))
        books = [r["rulebook"] for r in a.cli("second", "list", "rulebooks")["registrations"]]
        self.assertEqual({b["name"].rpartition("/")[2]: b["withdrawn"] for b in books}, {"2024-1": False, "2099-1": True})
        # An offer, a place and a fund.
        a.award(a.members[0], 10)
        buy = lambda expect=0: a.cli("till-1", "redeem", "--member", a.members[0]["number"], "--line", "RICE:1:30", expect=expect)
        buy()
        a.cli("second", "offer", "set", "RICE", "--kind", "item", "--price", "30", "--to", day())
        self.assertIn("OFFER_NOT_FOUND", buy(expect=2))
        a.cli("second", "node", "set", "grid-2", "--kind", "place", "--end", day())
        self.assertIn("NODE_ENDED", a.cli("second", "member", "create", "--kind", "person", "--group", "residents", "--grid", "grid-2", expect=2))
        a.cli("second", "fund", "set", "street", "--budget", "1000000000", "--end", day())
        self.assertIn("FUND_ENDED", a.award(a.members[0], 1, expect=2))

    def test_entries_hold_no_number_of_a_member(self):
        a = self.alliance
        a.award(a.members[0], 10)
        a.cli("till-1", "redeem", "--member", a.members[0]["number"], "--line", "ANY:1:5")
        lines = a.cli("auditor", "export")
        for line in lines.splitlines():
            if '"kind":"member"' not in line:
                self.assertFalse([n for n in a.numbers if n in line], line)

    # --- a client that is not ours ------------------------------------------------------------------------------------------------
    def test_a_stranger_finds_everything_by_reflection(self):
        a = self.alliance
        auditor = self.stranger("auditor")
        for service in ("Account", "Award", "Journal", "Operator", "Redemption", "Registry"):
            self.assertIn(f"redpoints.v1.{service}Service", auditor.services)
        self.assertIn("grpc.health.v1.Health", auditor.services)
        self.assertEqual(len(auditor.methods), 45)
        a.award(a.members[0], 10)
        till = auditor.on(a.channel("till-1"))
        request = self.sale(a.members[0]["number"], 5)
        first = till.call("Redeem", **request)
        self.assertEqual(first.outcome.points, 5)
        again = till.call("Redeem", **request)
        self.assertTrue(again.outcome.replayed)
        self.assertEqual(again.redemption, first.redemption)
        with self.assertRaises(grpc.RpcError) as refused:
            till.call("Redeem", **self.sale(a.members[0]["number"], 5000))
        self.assertEqual(refused.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
        self.assertEqual(reason_of(refused.exception), "INSUFFICIENT_POINTS")
        journal = auditor.call("GetJournal", program="programs/minyue")
        data = b"".join(m.data for m in auditor.call("ExportEntries", program="programs/minyue", format=1))
        self.assertEqual(data.count(b"\n"), journal.end_sequence)

    def test_a_follow_goes_on_where_it_was_cut(self):
        a = self.alliance
        a.award(a.members[0], 100)
        auditor = self.stranger("auditor")
        till = auditor.on(a.channel("till-1"))
        followed, last = [], ""
        sales = threading.Thread(target=lambda: [till.call("Redeem", **self.sale(a.members[0]["number"], 1)) for _ in range(60)])
        sales.start()
        end = auditor.call("GetJournal", program="programs/minyue").end_sequence + 40
        while len(followed) < end:
            stream = auditor.call("FollowEntries", program="programs/minyue", after=last)
            for message in stream:
                followed += message.lines
                last = message.last
                self.assertEqual(last, f"programs/minyue/entries/{len(followed) - 1}")
                stream.cancel()  # cut after every message
                break
        sales.join()
        data = b"".join(m.data for m in auditor.call("ExportEntries", program="programs/minyue", through=last, format=1))
        self.assertEqual(b"".join(line + b"\n" for line in followed), data)

    def test_health(self):
        channel = self.alliance.channel("till-1")
        check = channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=lambda b: b, response_deserializer=lambda b: b)
        name = b"redpoints.v1.RedemptionService"
        self.assertEqual(check(b"", timeout=20), b"\x08\x01")  # SERVING
        self.assertEqual(check(b"\x0a" + bytes([len(name)]) + name, timeout=20), b"\x08\x01")

    def test_deadlines(self):
        path = "/redpoints.v1.JournalService/GetJournal"
        ask = self.alliance.channel("auditor").unary_unary(path, request_serializer=lambda b: b, response_deserializer=lambda b: b)
        request = b"\x0a\x0fprograms/minyue"
        for timeout, reason in ((None, "DEADLINE_REQUIRED"), (3600, "DEADLINE_REQUIRED")):
            with self.assertRaises(grpc.RpcError) as refused:
                ask(request, timeout=timeout)
            self.assertEqual(reason_of(refused.exception), reason)
        self.assertTrue(ask(request, timeout=20))

    # --- certificates -------------------------------------------------------------------------------------------------------------
    def test_whoever_is_not_ours_is_not_heard(self):
        a = self.alliance
        with tempfile.TemporaryDirectory() as elsewhere:
            a.run(REDPOINTSD, "init", "--directory", f"{elsewhere}/x", "--program", "minyue")
            foreign = pathlib.Path(elsewhere) / "x" / "certificates"
            path, empty = "/redpoints.v1.JournalService/GetJournal", b""
            raw = lambda channel: channel.unary_unary(path, request_serializer=lambda b: b, response_deserializer=lambda b: b)
            with self.assertRaises(grpc.RpcError) as error:
                raw(a.channel("administrator", foreign))(empty, timeout=20)
            self.assertEqual(error.exception.code(), grpc.StatusCode.UNAVAILABLE)
            bare = grpc.secure_channel(f"127.0.0.1:{a.server.port}", grpc.ssl_channel_credentials(a.certificate("ca.crt").read_bytes()))
            with self.assertRaises(grpc.RpcError) as error:
                raw(bare)(empty, timeout=20)
            self.assertEqual(error.exception.code(), grpc.StatusCode.UNAVAILABLE)
            with self.assertRaises(grpc.RpcError) as error:
                raw(grpc.insecure_channel(f"127.0.0.1:{a.server.port}"))(empty, timeout=20)
            self.assertEqual(error.exception.code(), grpc.StatusCode.UNAVAILABLE)
            # And the client does not talk to a server that is not ours.
            strange = grpc.secure_channel(f"127.0.0.1:{a.server.port}", grpc.ssl_channel_credentials(
                (foreign / "ca.crt").read_bytes(), a.certificate("auditor.key").read_bytes(), a.certificate("auditor.crt").read_bytes()))
            with self.assertRaises(grpc.RpcError) as error:
                raw(strange)(empty, timeout=20)
            self.assertEqual(error.exception.code(), grpc.StatusCode.UNAVAILABLE)
        a.issue("ghost", "programs/minyue/merchants/s0000000000000/terminals/t0000000000000")
        self.assertIn("TERMINAL_NOT_ENROLLED", a.cli("ghost", "redeem", "--member", a.members[0]["number"], "--line", "ANY:1:1", expect=2))
        a.issue("server-as-client", "programs/other/staff/a0000000000000")
        self.assertIn("PERMISSION_DENIED", a.cli("server-as-client", "journal", expect=2))

    # --- starting and stopping ----------------------------------------------------------------------------------------------------
    def load(self, threads, stop_after, stop):
        """Sales from many tills until each is refused or the server is gone; `stop` is called after some answers. The answers by request id,
        None where there is none, and how each till ended: id, code, reason."""
        a = self.alliance
        for member in a.members:
            a.award(member, 1000)
        knowledge = self.stranger("till-1")
        answers, ends, lock, is_stopped = {}, [], threading.Lock(), threading.Event()

        def till(number, channel):
            stranger = knowledge.on(channel)
            while True:
                request = self.sale(number, 1)
                with lock:
                    answers[request["request_id"]] = (request, None)
                try:
                    response = stranger.call("Redeem", **request)
                except grpc.RpcError as error:
                    reason = reason_of(error)
                    with lock:
                        ends.append((request["request_id"], error.code(), reason))
                    return
                with lock:
                    answers[request["request_id"]] = (request, response)
                    if sum(1 for _, r in answers.values() if r) >= stop_after:
                        is_stopped.set()

        workers = [threading.Thread(target=till, args=(a.members[i % 4]["number"], a.channel("till-1"))) for i in range(threads)]
        for worker in workers:
            worker.start()
        self.assertTrue(is_stopped.wait(60))
        status = stop()
        for worker in workers:
            worker.join()
        self.assertEqual(len(ends), threads)
        return status, answers, ends

    def expect_all_there(self, answers, refused):
        a = self.alliance
        a.start()
        till = self.stranger("till-1")
        carried_out = 0
        for request_id, (request, response) in answers.items():
            try:
                found = till.call("GetOutcome", program="programs/minyue", request_id=request_id)
            except grpc.RpcError as error:
                self.assertEqual(reason_of(error), "REQUEST_NOT_FOUND")
                self.assertIsNone(response)
                continue
            carried_out += 1
            self.assertNotIn(request_id, refused)
            if response:
                self.assertEqual(found.outcome.sequence, response.outcome.sequence)
                self.assertEqual(found.redemption, response.redemption)
        # Each of them once.
        self.assertEqual(sum(a.points(member) for member in a.members), 4 * 10000 - carried_out)
        for request, _ in answers.values():
            self.assertEqual(till.call("Redeem", **request).outcome.state, 2)
        self.assertEqual(sum(a.points(member) for member in a.members), 4 * 10000 - len(answers))

    def test_sigterm_under_load_loses_no_answer(self):
        a = self.alliance
        a.stop()
        with open(a.config, "a", encoding="utf-8") as file:
            file.write("drain_ms: 40000\n")  # a till may come again late on a busy machine
        a.start()
        status, answers, ends = self.load(8, 200, a.stop)
        self.assertEqual(status, 0)
        for _, code, reason in ends:
            # Told why, or too late to be heard at all; never cut off in the middle.
            self.assertIn((code, reason), ((grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN"), (grpc.StatusCode.UNAVAILABLE, "")))
        self.assertIn("SHUTTING_DOWN", [reason for _, _, reason in ends])
        self.expect_all_there(answers, {request_id for request_id, _, reason in ends if reason})

    def test_kill_under_load_loses_no_answer(self):
        everything = {}
        for _ in range(3):
            status, answers, ends = self.load(8, random.randrange(20, 150), lambda: self.alliance.stop("kill"))
            self.assertEqual(status, -9)
            self.assertEqual({reason for _, _, reason in ends}, {""})
            everything.update(answers)
            self.alliance.start()
        a = self.alliance
        till = self.stranger("till-1")
        for request_id, (request, response) in everything.items():
            again = till.call("Redeem", **request)
            if response:
                self.assertTrue(again.outcome.replayed)
                self.assertEqual(again.redemption, response.redemption)
        self.assertEqual(sum(a.points(member) for member in a.members), 3 * 4 * 10000 - len(everything))

    def test_a_backup_is_verified_and_restored(self):
        a = self.alliance
        a.award(a.members[0], 10)
        before = a.cli("auditor", "export")
        backup = a.root / "backup"
        # Not beside a running server.
        self.assertNotEqual(a.run(REDPOINTSD, "backup", "--config", a.config, "--to", backup, expect=None).returncode, 0)
        self.assertFalse((backup / "SHA256SUMS").exists())
        subprocess.run(["rm", "-rf", backup], check=True)
        a.stop()
        a.run(REDPOINTSD, "backup", "--config", a.config, "--to", backup)
        a.start()
        a.award(a.members[0], 3)
        a.award(a.members[0], 4)
        held = a.root / "auditor.jsonl"
        a.cli("auditor", "export", "--output", held)  # of what will be lost, too
        lost = held.read_bytes()
        a.stop()
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=backup, check=True)

        ledger = a.directory / "ledger"
        self.assertNotEqual(a.run(REDPOINTSD, "restore", "--config", a.config, "--from", backup, expect=None).returncode, 0)  # it is there
        ledger.rename(a.root / "lost")
        (a.directory / "side").rename(a.root / "lost-side")
        table = next(backup.rglob("*.sst"))
        whole = table.read_bytes()
        table.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        altered = a.run(REDPOINTSD, "restore", "--config", a.config, "--from", backup, expect=None)
        self.assertNotEqual(altered.returncode, 0)
        self.assertIn(table.name, altered.stderr.decode())
        self.assertFalse(ledger.exists())
        table.write_bytes(whole)
        a.run(REDPOINTSD, "restore", "--config", a.config, "--from", backup)
        a.start()
        # All that was there, and then that this is another copy of the ledger.
        restored = a.cli("auditor", "export")
        self.assertEqual(restored[:len(before)], before)
        epoch = json.loads(restored[len(before):])
        self.assertEqual((epoch["kind"], epoch["data"]["epoch"]["old_epoch"], epoch["data"]["epoch"]["why"]), ("epoch", 0, "restore"))
        # A table has each entry's number in one cell, as it is named everywhere.
        rows = list(csv.DictReader(io.StringIO(a.cli("auditor", "export", "--format", "csv").lstrip("\ufeff"), newline="")))
        self.assertEqual([rows[i]["编号"] for i in (0, -1)], ["'0", f"'{epoch['epoch']}.{epoch['seq']}"])
        # Who has more of the old history than this one does not go on with it, and is told from where on they differ.
        for table in ("jsonl", "csv"):
            self.assertIn("没有此编号", a.cli("auditor", "export", "--format", table, "--after", str(lost.count(b"\n") - 1), expect=2))
        refused = a.cli("auditor", "export", "--output", held, "--resume", expect=2)
        self.assertIn(f"从此条起不同 programs/minyue/entries/{epoch['epoch']}.{epoch['seq']}", refused)
        self.assertEqual(held.read_bytes(), lost)
        a.award(a.members[0], 10)
        self.assertEqual(a.points(a.members[0]), 200)

    def test_a_lost_key_is_replaced(self):
        a = self.alliance
        member = a.members[0]
        a.award(member, 10)
        rekey = lambda expect=0: a.run(REDPOINTSD, "rekey", "--config", a.config, expect=expect)
        self.assertIn(b"LEDGER_IN_USE", rekey(expect=1).stderr)  # the server runs
        self.assertFalse((a.directory / "side.aside").exists())
        a.stop()
        (a.directory / "side.key").unlink()
        self.assertIn(b"KEY_FILE_MISSING", a.run(REDPOINTSD, "--config", a.config, expect=1).stderr)
        # A wrong file is no new key: somebody may still find the right one.
        a.run(REDPOINTSD, "init", "--directory", a.root / "another", "--program", "another", "--listen", "127.0.0.1:0")
        shutil.copy(a.root / "another" / "side.key", a.directory / "side.key")
        refused = rekey(expect=1)
        self.assertIn(b"KEY_FILE_FOREIGN", refused.stderr)
        self.assertEqual(refused.stdout, b"")
        self.assertFalse((a.directory / "side.aside").exists())
        (a.directory / "side.key").unlink()
        said = rekey().stdout.decode()
        self.assertIn("side.aside", said)
        self.assertEqual(said.count("丢失 / lost"), 4)
        self.assertIn(b"nothing to do", rekey().stdout)
        checked = a.run(REDPOINTSD, "check", "--config", a.config).stdout.decode()
        lost = [line for line in checked.splitlines() if "number lost of member" in line]
        self.assertEqual(len(lost), len(a.members))
        a.start()
        self.assertIn("INSUFFICIENT_POINTS", a.cli("till-1", "redeem", "--member", member["number"], "--line", "ANY:1:1", expect=2))
        name = member["name"].rpartition("/")[2]
        member["number"] = a.cli("administrator", "member", "number", name, "--replace")["number"]
        a.numbers.append(member["number"])
        self.assertEqual(a.points(member), 100)
        a.cli("till-1", "redeem", "--member", member["number"], "--line", "ANY:1:1")
        # The auditor sees it, and nothing else has changed.
        exported = a.root / "rekeyed.jsonl"
        a.cli("auditor", "export", "--output", exported)
        self.assertIn(b"all agree", a.run("python3", ROOT / "tests" / "audit_export.py", exported).stdout)
        keys = [e["data"]["program"]["side_key"] for e in a.entries() if e["kind"] == "program"]
        self.assertEqual(len(set(keys)), 2)

    def test_a_flood_of_connections_keeps_out_neither_tills_nor_the_ledger(self):
        a = self.alliance
        a.stop()
        a.start(descriptors=700)
        a.award(a.members[0], 100)
        bounds = next(json.loads(line) for line in reversed(a.log) if '"event":"connections"' in line)
        self.assertEqual(bounds["open_files_max"], 700)
        self.assertLess(bounds["connections_max"], 525)
        busy = a.channel("till-1")  # there before, and not cut
        Stranger(busy).call("Redeem", **self.sale(a.members[0]["number"], 1))

        hello = bytes([22, 3, 1, 2, 0]) + bytes(512)
        done = threading.Event()
        flooded = threading.Event()

        def connect():
            connection = socket.create_connection(("127.0.0.1", a.server.port))
            connection.setblocking(False)
            return connection

        def is_open(connection):
            try:
                return connection.recv(1) != b""
            except BlockingIOError:
                return True
            except ConnectionError:
                return False

        def feed(connection, byte):
            try:
                connection.send(byte)
            except OSError:
                pass  # closed; replaced in the next round

        def flood():
            # 900 that are silent, and come again when they are thrown out; 300 that send their hello a byte at a time, and a new one each round.
            silent = [connect() for _ in range(900)]
            slow = [connect() for _ in range(300)]
            position = 0
            while not done.wait(0.01):
                for i, connection in enumerate(silent):
                    if not is_open(connection):
                        connection.close()
                        silent[i] = connect()
                for connection in slow:
                    feed(connection, hello[position % 500:position % 500 + 1])
                slow.pop(0).close()
                slow.append(connect())
                position += 1
                flooded.set()
            for connection in silent + slow:
                connection.close()

        attacker = threading.Thread(target=flood)
        attacker.start()
        self.addCleanup(done.set)
        self.assertTrue(flooded.wait(60))
        for _ in range(10):
            till = Stranger(a.channel("till-2"))  # a connection of its own
            self.assertEqual(till.call("Redeem", **self.sale(a.members[0]["number"], 1)).outcome.state, 2)
        Stranger(busy).call("Redeem", **self.sale(a.members[0]["number"], 1))
        # The store opens files: a copy flushes what it has in memory to new ones.
        a.cli("operator", "--timeout-ms", "30000", "backup", "during-the-flood")
        a.award(a.members[1], 1)
        descriptors = [int(name) for name in os.listdir(f"/proc/{a.server.process.pid}/fd")]
        done.set()
        attacker.join()
        self.assertLess(len(descriptors), 525)
        turned = [json.loads(line) for line in a.log if '"event":"connections_turned_away"' in line]
        self.assertTrue(turned)
        self.assertLess(len(turned), 20)

    def test_two_servers_do_not_share_a_ledger(self):
        second = self.alliance.run(REDPOINTSD, "--config", self.alliance.config, expect=1)
        self.assertTrue(second.stderr.startswith(b"redpointsd: ") or b"\nredpointsd: " in second.stderr, second.stderr)
        self.assertEqual(self.alliance.points(self.alliance.members[0]), 0)  # the first one serves

    def test_a_wrong_configuration_is_explained(self):
        a = self.alliance
        wrong = a.root / "wrong.textproto"
        wrong.write_text('shard { directory: "x" } plaintext_loopback: true colour: "red"\n', encoding="utf-8")
        done = a.run(REDPOINTSD, "--config", wrong, expect=1)
        self.assertIn(b"wrong.textproto:1:", done.stderr)
        self.assertIn(b"colour", done.stderr)
        missing = a.run(REDPOINTSD, "--config", a.root / "none.textproto", expect=1)
        self.assertIn(b"none.textproto", missing.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
