"""Troubles of real alliances, each played with the real programs: what must come of it."""
import csv
import json
import pathlib
import threading
import unittest

import grpc

from alliance import SAMPLE, Alliance, Stranger, day, new_id, reason_of


class CasesTest(unittest.TestCase):
    def setUp(self):
        self.alliance = Alliance()
        self.addCleanup(self.alliance.close)
        self.alliance.start()
        with open(SAMPLE / "offers.csv", encoding="utf-8", newline="") as file:
            offers = [{**offer, "merchant": ""} for offer in csv.DictReader(file)]  # every shop gives all of it
        self.alliance.settle(json.loads((SAMPLE / "rulebook-2024.json").read_text(encoding="utf-8")), offers)

    def redeem(self, till, member, *lines, expect=0):
        return self.alliance.cli(till, "redeem", "--member", member["number"], *[word for line in lines for word in ("--line", line)], expect=expect)

    def earn(self, member, minutes, activity="ZHUCAN", on=None):
        return self.alliance.award(member, minutes, activity, on, "--session", new_id())["result"]

    # A grid worker hands in the same table of solved problems again, with another request id.
    def test_one_case_is_paid_once_to_a_member(self):
        a = self.alliance
        table = a.root / "awards.csv"
        table.write_text("member,activity,quantity,effective_day,group,case\n"
                         f"{a.members[3]['number']},HUAJIE,1,{day()},residents,anjian-0001\n", encoding="utf-8")
        self.assertEqual(a.cli("recorder", "award-batch", table)["results"][0]["state"], "DONE")
        again = a.run_cli("recorder", "award-batch", table, expect=2)
        self.assertEqual(json.loads(again)["results"][0]["refusal"]["reason"], "CASE_ALREADY_AWARDED")
        self.assertEqual(a.points(a.members[3]), 3)
        a.award(a.members[2], 1, "HUAJIE", None, "--case", "anjian-0001")  # somebody else helped, too
        self.assertEqual(a.points(a.members[2]), 3)

    def test_a_refund_pays_the_debt_first(self):
        a = self.alliance
        member = a.members[0]
        award = self.earn(member, 480)
        sale = self.redeem("till-1", member, "HAIRCUT:1:10")
        a.cli("corrector", "correct", award["award"], "--quantity", "0", "--reason", "deed-not-done")
        self.assertEqual((a.points(member), a.points(member, "debt")), (0, 10))
        a.cli("till-1", "refund", sale["redemption"], "--points", "10", "--clerk", "c1")
        self.assertEqual((a.points(member), a.points(member, "debt")), (0, 0))
        self.assertIn("INSUFFICIENT_POINTS", self.redeem("till-1", member, "BREAKFAST:2:10", expect=2))

    def test_ones_spouses_shop_is_ones_own(self):
        a = self.alliance
        household = a.join(kind="household")
        of = ("--membership", household["name"].rpartition("/")[2] + ":20240101")
        owner, spouse = a.join(*of), a.join(*of)
        for member in (owner, spouse, household):
            self.earn(member, 480)
        till = a.open_shop(owner["number"] + ":owner:20240101")
        for member in (owner, spouse, household):
            self.assertIn("SELF_DEALING", self.redeem(till, member, "HAIRCUT:1:10", expect=2))
            self.redeem("till-1", member, "HAIRCUT:1:10")

    def test_a_lost_number_is_replaced_and_the_points_stay(self):
        a = self.alliance
        member = a.members[0]
        self.earn(member, 480)
        new = {"number": a.cli("administrator", "member", "number", member["number"], "--replace")["number"]}
        a.numbers.append(new["number"])
        self.assertNotEqual(new["number"], member["number"])
        self.assertIn("INSUFFICIENT_POINTS", self.redeem("till-1", member, "HAIRCUT:1:10", expect=2))  # a till is not told more
        self.assertEqual(a.points(new), 12)
        self.redeem("till-1", new, "HAIRCUT:1:10")
        self.assertEqual(a.points(new), 2)

    def test_the_cash_of_a_refund_is_in_the_books(self):
        a = self.alliance
        member = a.members[0]
        for _ in range(4):
            self.earn(member, 480)
        sale = self.redeem("till-1", member, "PROPERTY_FEE:1:40:5000")["redemption"]
        give_back = lambda cash, expect=0: a.cli("till-1", "refund", sale, "--points", "20", "--cash-fen", str(cash), "--clerk", "c1", expect=expect)
        give_back(2500)
        self.assertIn("REFUND_CASH_EXCEEDS", give_back(2501, expect=2))
        give_back(2500)
        self.assertEqual([entry["cash_fen"] for entry in a.entries() if entry["kind"] == "refund"], [2500, 2500])

    def test_half_hours_are_carried_on(self):
        a = self.alliance
        patrol, thrice, once = a.members[:3]
        # Eight days of the month before.
        last = int(day(-int(day()[6:])))
        month = last // 100 * 100
        for number in range(1, 9):
            self.earn(patrol, 30, "XUNLUO", str(month + number))
        self.assertEqual(a.points(patrol), 4)
        for number in range(1, 4):
            self.earn(thrice, 30, "ZHUCAN", str(month + number))
        self.earn(once, 90, "ZHUCAN", str(month + 1))
        self.assertEqual((a.points(thrice), a.points(once)), (2, 2))

    # --- holds worth keeping ------------------------------------------------------------------------------------------------------------
    def test_refunds_in_small_parts_owe_back_each_fen_once(self):
        a = self.alliance
        member = a.members[0]
        for activity in ("WEILAO", "WEILAO", "YILIAO", "YILIAO"):
            self.earn(member, 480, activity)
        self.assertEqual(a.points(member), 40)  # 24 of the donor, for 250 fen each three, and 16 of the community
        sale = self.redeem("till-1", member, "PROPERTY_FEE:1:40")["redemption"]
        for points in (7, 7, 7, 7, 7, 5):
            a.cli("till-1", "refund", sale, "--points", str(points), "--clerk", "c1")
        owed = {}
        for entry in a.entries():
            for fund, _, fen, *_ in entry.get("owed", []):
                owed.setdefault((entry["kind"], fund), []).append(fen)
        self.assertEqual((owed["redemption", "donor"], owed["redemption", "community"]), ([2000], [1600]))
        self.assertEqual((sum(owed["refund", "donor"]), sum(owed["refund", "community"])), (-2000, -1600))
        self.assertEqual(a.points(member), 40)

    def test_a_hold_ends_once_and_for_its_own_shop(self):
        a = self.alliance
        member = a.members[0]
        self.earn(member, 480)
        hold = lambda: a.cli("till-1", "authorize", "--member", member["number"], "--line", "BREAKFAST:1:5")["hold"]
        first, second = hold(), hold()
        self.assertIn("HOLD_NOT_FOUND", a.cli("till-2", "capture", first, expect=2))
        a.cli("till-1", "capture", first)
        self.assertIn("HOLD_ALREADY_CAPTURED", a.cli("till-1", "capture", first, expect=2))
        a.cli("till-1", "void", second)
        self.assertIn("HOLD_ALREADY_VOIDED", a.cli("till-1", "void", second, expect=2))
        self.assertIn("HOLD_ALREADY_VOIDED", a.cli("till-1", "capture", second, expect=2))
        self.assertEqual((a.points(member), a.points(member, "held")), (7, 0))

    def test_a_table_of_thousands_is_recorded_once(self):
        a = self.alliance
        table = a.root / "awards.csv"
        rows = [f"{a.members[i % 4]['number']},PAICHA,1,{day()},residents,s-{i}" for i in range(5000)]
        table.write_text("member,activity,quantity,effective_day,group,session\n" + "\n".join(rows) + "\n", encoding="utf-8")
        arguments = ("--timeout-ms", "30000", "--request-id", new_id(), "award-batch", table)
        first, again = a.cli("recorder", *arguments), a.cli("recorder", *arguments)
        self.assertEqual((len(first["results"]), first["replayed"], again["replayed"]), (5000, False, True))
        self.assertEqual(first["results"], again["results"])
        self.assertEqual(sum(entry["kind"] == "award" for entry in a.entries()), 5000)
        self.assertEqual([a.points(member) for member in a.members], [4, 4, 4, 4])  # the month's cap

    def test_two_tills_can_not_spend_the_same_points(self):
        # Of the second what is left would still be enough to redeem at all.
        for member, deeds, pieces, left in ((self.alliance.members[0], 1, 1, 2), (self.alliance.members[1], 3, 3, 6)):
            for _ in range(deeds):
                self.earn(member, 480)
            self.sell_at_once(member, pieces)
            self.assertEqual(self.alliance.points(member), left)

    def sell_at_once(self, member, pieces):
        tills = [Stranger(self.alliance.channel(f"till-{1 + i % 2}")) for i in range(8)]
        ends = []

        def sell(till):
            try:
                till.call("Redeem", program="programs/minyue", request_id=new_id(), presentation={"member_number": member["number"]},
                          offer_lines=[{"offer": "BREAKFAST", "quantity": pieces, "points": 5 * pieces}])
                ends.append("sold")
            except grpc.RpcError as error:
                ends.append(reason_of(error))

        threads = [threading.Thread(target=sell, args=(till,)) for till in tills]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(ends), ["INSUFFICIENT_POINTS"] * 6 + ["sold"] * 2)

    def test_a_flipped_byte_in_the_log_is_refused(self):
        a = self.alliance
        for _ in range(3):
            self.earn(a.members[0], 480)
        a.stop("kill")  # what it wrote is in its log alone
        log = max((path for path in pathlib.Path(a.directory).rglob("*.log") if path.name[0].isdigit()), key=lambda path: path.stat().st_size)
        whole = log.read_bytes()
        middle = len(whole) // 2
        log.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:])
        with self.assertRaisesRegex(RuntimeError, "does not listen"):
            a.start()
        log.write_bytes(whole)
        a.start()
        self.assertEqual(a.points(a.members[0]), 36)


if __name__ == "__main__":
    unittest.main(verbosity=2)
