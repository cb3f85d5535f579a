"""What a server of an earlier time left goes on with the servers of now, and what it answered it answers again: tests/stores/N-server.tar.gz."""
import unittest

from alliance import REDPOINTSD, ROOT, Alliance, day, new_id
from old_store import Asked, lasting, now, unpack


class OldStoreTest(unittest.TestCase):
    def setUp(self):
        self.alliance = Alliance()
        self.addCleanup(self.alliance.close)

    def check(self):
        done = self.alliance.run(REDPOINTSD, "check", "--config", self.alliance.config)
        self.assertNotIn("number lost", done.stdout.decode())

    def test_format_1_goes_on(self):
        a = self.alliance
        old = unpack(ROOT / "tests" / "stores" / "1-server.tar.gz", a)
        self.check()
        a.start()
        # It may have stood for years: what time does waits for somebody's word where nobody keeps the machine's clock.
        a.cli("old-operator", "clock", "confirm", "--time", now())
        ask = Asked(a)
        for caller, method, fields, answer in old["rows"]:
            with self.subTest(method=method, fields=fields):
                again = ask.say("old-" + caller, method, fields)
                if method == "Authorize":  # a hold ends by time
                    again, answer = lasting(again), lasting(answer)
                self.assertEqual(again, answer)
        # Deeds that nobody may see are known by case and session still.
        for deed in old["known"]:
            again = dict(program="programs/minyue", request_id=new_id(), item={**deed, "effective_day": int(day())})
            self.assertEqual(ask.say("old-recorder", "Award", again), "CASE_ALREADY_AWARDED")
        # Its members are found by their numbers, and earn and buy.
        numbers = [row[3]["number"] for row in old["rows"] if row[1] == "ReplaceMemberNumber"]
        self.assertEqual(len(numbers), 4)
        for number in numbers:
            a.cli("old-recorder", "award", "--member", number, "--activity", "PATROL", "--quantity", "1", "--day", day(), "--group", "residents")
            a.cli("old-till-1", "redeem", "--member", number, "--line", "ANY:1:1")
        exported = a.root / "old.jsonl"
        a.cli("old-auditor", "export", "--output", exported)
        self.assertIn(b"all agree", a.run("python3", ROOT / "tests" / "audit_export.py", exported).stdout)
        self.assertEqual(a.stop(), 0)
        self.check()


if __name__ == "__main__":
    unittest.main()
