#include "tests/storage/rules/golden_entries.h"

#include "storage/rules/types.h"

namespace redpoints {
namespace {

constexpr char kId[] = "000102030405060708090a0b0c0d0e0f";
constexpr char kPrint[] = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";
constexpr char kHash[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

// As a staff person or a terminal asks.
void ByStaff(Entry& e) { e.request_id = kId, e.fingerprint = kPrint, e.actor = "a0"; }
void ByTill(Entry& e) {
  e.request_id = kId, e.fingerprint = kPrint, e.actor = e.terminal = "t1", e.merchant = "s1", e.clerk = "c1", e.till = "0001",
  e.member = "m1";
}

Posting On(const char* holder, std::int64_t amount, std::int64_t balance, std::vector<Lot> lots = {}, Sub sub = Sub::kAvailable,
           const char* unit = "POINT", std::int64_t prev = 7) {
  return {holder, sub, unit, amount, balance, std::move(lots), prev};
}

}  // namespace

Entry MakeEntry(Kind kind, const std::function<void(Entry&)>& fill) {
  Entry entry;
  entry.program = "minyue";
  entry.sequence = 42;
  entry.recorded_ms = 1'710'468'000'000;
  entry.business_day = 20240315;
  entry.kind = kind;
  fill(entry);
  return entry;
}

std::vector<Golden> Goldens() {
  const Lot past{"donor", 20240301, 4}, spring{"donor", 20240501, 4}, year{"street", 20250401, 6};
  const auto minus = [](Lot lot) { return lot.amount = -lot.amount, lot; };
  return {
      {MakeEntry(Kind::kProgram,
                 [](Entry& e) {
                   e.sequence = 0;
                   ByStaff(e);
                   e.item = 0;
                   e.data = ProgramData{"minyue", "a0"};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":0,"recorded_ms":1710468000000,"business_day":20240315,"kind":"program","requ)"
       R"(est_id":"000102030405060708090a0b0c0d0e0f","item":0,"fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","dat)"
       R"(a":{"program":{"id":"minyue","administrator":"a0"}}})"},
      {MakeEntry(Kind::kNode,
                 [](Entry& e) {
                   ByStaff(e);
                   e.data = NodeData{"group-1", NodeKind::kBranch, "branch-1", {"grid-1", "grid-2"}, "party-group"};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"node","reques)"
       R"(t_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","data":{"node":)"
       R"({"code":"group-1","kind":"branch","parent":"branch-1","places":["grid-1","grid-2"],"type":"party-group"}}})"},
      {MakeEntry(Kind::kFund,
                 [](Entry& e) {
                   ByStaff(e);
                   e.data = FundData{"street", 9'007'199'254'740'991};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"fund","reques)"
       R"(t_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","data":{"fund":)"
       R"({"code":"street","budget_points":9007199254740991}}})"},
      {MakeEntry(Kind::kMember,
                 [](Entry& e) {
                   ByStaff(e);
                   e.item = 12;
                   e.data = MemberData{"m1",
                                       "10000001",
                                       MemberKind::kPerson,
                                       {1, 2},
                                       "grid-1",
                                       {{"m2", 20240101, 20250101}, {"m3", 20240101, 0}},
                                       RegistrationState::kActive};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"member","requ)"
       R"(est_id":"000102030405060708090a0b0c0d0e0f","item":12,"fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","da)"
       R"(ta":{"member":{"id":"m1","number":"10000001","kind":"person","groups":[1,2],"grid":"grid-1","memberships":[{"member":")"
       R"(m2","from":20240101,"to":20250101},{"member":"m3","from":20240101}],"state":"active"}}})"},
      {MakeEntry(Kind::kMerchant,
                 [](Entry& e) {
                   ByStaff(e);
                   e.data = MerchantData{"s1", {"m1", "m2"}, "grid-1", RegistrationState::kSuspended};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"merchant","re)"
       R"(quest_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","data":{"me)"
       R"(rchant":{"id":"s1","people":["m1","m2"],"place":"grid-1","state":"suspended"}}})"},
      {MakeEntry(Kind::kTerminal,
                 [](Entry& e) {
                   ByStaff(e);
                   e.data = TerminalData{"t1", "s1", RegistrationState::kRevoked};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"terminal","re)"
       R"(quest_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","data":{"te)"
       R"(rminal":{"id":"t1","merchant":"s1","state":"revoked"}}})"},
      {MakeEntry(Kind::kStaff,
                 [](Entry& e) {
                   ByStaff(e);
                   e.data = StaffData{"a1",
                                      "m1",
                                      {{Role::kAdministrator, ""},
                                       {Role::kRecorder, "grid-1"},
                                       {Role::kCorrector, ""},
                                       {Role::kHelper, ""},
                                       {Role::kAuditor, ""},
                                       {Role::kSettler, ""},
                                       {Role::kOperator, ""}},
                                      RegistrationState::kActive};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"staff","reque)"
       R"(st_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","data":{"staff)"
       R"(":{"id":"a1","member":"m1","grants":[{"role":"administrator"},{"role":"recorder","scope":"grid-1"},{"role":"corrector")"
       R"(},{"role":"helper"},{"role":"auditor"},{"role":"settler"},{"role":"operator"}],"state":"active"}}})"},
      {MakeEntry(Kind::kRulebook,
                 [](Entry& e) {
                   ByStaff(e);
                   e.rulebook = "2024-1";
                   e.data = RulebookData{"2024-1", 20240101, kHash};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"rulebook","re)"
       R"(quest_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","rulebook":)"
       R"("2024-1","data":{"rulebook":{"version":"2024-1","effective_day":20240101,"sha256":"00112233445566778899aabbccddeeff001)"
       R"(12233445566778899aabbccddeeff"}}})"},
      {MakeEntry(Kind::kAward,
                 [&](Entry& e) {
                   ByStaff(e);
                   e.item = 1;
                   e.on_behalf = "m9";
                   e.approver = "a2";
                   e.member = "m1";
                   e.effective_day = 20240301;
                   e.group = "party_vanguard";
                   e.activity = "PATROL";
                   e.rulebook = "2024-1";
                   e.quantity = 1;
                   e.cap_hit = true;
                   e.session = "s-1";
                   e.case_id = "c-1";
                   e.about = "s-0";
                   e.tags = {"night", "rain"};
                   e.evidence_sha256 = kHash;
                   e.note_commitment = kHash;
                   e.grid = "grid-1";
                   e.postings = {On("issuance:street", -10, -110), On("m1", 4, 0, {}, Sub::kDebt), On("m1", 6, 6, {year}),
                                 On("issuance:street", -60, -60, {}, Sub::kAvailable, "MINUTE", -1),
                                 On("m1", 60, 60, {}, Sub::kAvailable, "MINUTE", -1)};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"award","reque)"
       R"(st_id":"000102030405060708090a0b0c0d0e0f","item":1,"fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","on_b)"
       R"(ehalf":"m9","approver":"a2","member":"m1","effective_day":20240301,"group":"party_vanguard","activity":"PATROL","ruleb)"
       R"(ook":"2024-1","quantity":1,"cap_hit":true,"session":"s-1","case":"c-1","about":"s-0","tags":["night","rain"],"evidence)"
       R"(_sha256":"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff","note_commitment":"00112233445566778899aab)"
       R"(bccddeeff00112233445566778899aabbccddeeff","grid":"grid-1","postings":[{"account":"issuance:street","unit":"POINT","am)"
       R"(ount":-10,"balance":-110,"prev":7},{"account":"m1","sub":"debt","unit":"POINT","amount":4,"balance":0,"prev":7},{"acco)"
       R"(unt":"m1","unit":"POINT","amount":6,"balance":6,"lots":[["street",20250401,6]],"prev":7},{"account":"issuance:street",)"
       R"("unit":"MINUTE","amount":-60,"balance":-60},{"account":"m1","unit":"MINUTE","amount":60,"balance":60}]})"},
      {MakeEntry(Kind::kCorrection,
                 [&](Entry& e) {
                   ByStaff(e);
                   e.member = "m1";
                   e.effective_day = 20240301;
                   e.group = "residents";
                   e.activity = "PATROL";
                   e.rulebook = "2024-1";
                   e.session = "s-1";
                   e.reason = "deed_not_done";
                   e.facts = {{"POINT", "0"}, {"MINUTE", "0"}};
                   e.ref = 7;
                   e.postings = {On("m1", -6, 0, {minus(year)}), On("m1", -4, -4, {}, Sub::kDebt), On("issuance:street", 10, -100)};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"correction",")"
       R"(request_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","member":)"
       R"("m1","effective_day":20240301,"group":"residents","activity":"PATROL","rulebook":"2024-1","session":"s-1","reason":"de)"
       R"(ed_not_done","facts":{"POINT":"0","MINUTE":"0"},"ref":7,"postings":[{"account":"m1","unit":"POINT","amount":-6,"balanc)"
       R"(e":0,"lots":[["street",20250401,-6]],"prev":7},{"account":"m1","sub":"debt","unit":"POINT","amount":-4,"balance":-4,"p)"
       R"(rev":7},{"account":"issuance:street","unit":"POINT","amount":10,"balance":-100,"prev":7}]})"},
      {MakeEntry(Kind::kDonation,
                 [&](Entry& e) {
                   ByStaff(e);
                   e.on_behalf = e.member = "m1";
                   e.postings = {On("m1", -10, 0, {minus(spring), minus(year)}), On("pool", 10, 10, {}, Sub::kAvailable, "POINT", -1)};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"donation","re)"
       R"(quest_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0","on_behalf")"
       R"(:"m1","member":"m1","postings":[{"account":"m1","unit":"POINT","amount":-10,"balance":0,"lots":[["donor",20240501,-4],)"
       R"(["street",20250401,-6]],"prev":7},{"account":"pool","unit":"POINT","amount":10,"balance":10}]})"},
      {MakeEntry(Kind::kRedemption,
                 [&](Entry& e) {
                   ByTill(e);
                   e.presentation = "number";
                   e.rulebook = "2024-1";
                   e.lines = {{"RICE", 1, 6, 0}, {"BILL", 2, 4, 1250}};
                   e.owed = {{"donor", 4, 133}, {"street", 6, 600}};
                   e.postings = {On("m1", -10, 0, {minus(spring), minus(year)}), On("s1", 10, 10)};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"redemption",")"
       R"(request_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"t1","terminal)"
       R"(":"t1","merchant":"s1","clerk":"c1","till":"0001","member":"m1","presentation":"number","rulebook":"2024-1","lines":[[)"
       R"("RICE",1,6,0],["BILL",2,4,1250]],"owed":[["donor",4,133],["street",6,600]],"postings":[{"account":"m1","unit":"POINT",)"
       R"("amount":-10,"balance":0,"lots":[["donor",20240501,-4],["street",20250401,-6]],"prev":7},{"account":"s1","unit":"POINT)"
       R"(","amount":10,"balance":10,"prev":7}]})"},
      {MakeEntry(Kind::kHold,
                 [&](Entry& e) {
                   ByTill(e);
                   e.presentation = "number";
                   e.rulebook = "2024-1";
                   e.hold_until_ms = 1'710'468'180'000;
                   e.lines = {{"RICE", 1, 10, 0}};
                   e.postings = {On("m1", -10, 0, {minus(spring), minus(year)}), On("m1", 10, 10, {}, Sub::kHeld)};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"hold","reques)"
       R"(t_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"t1","terminal":"t1")"
       R"(,"merchant":"s1","clerk":"c1","till":"0001","member":"m1","presentation":"number","rulebook":"2024-1","hold_until_ms":)"
       R"(1710468180000,"lines":[["RICE",1,10,0]],"postings":[{"account":"m1","unit":"POINT","amount":-10,"balance":0,"lots":[[")"
       R"(donor",20240501,-4],["street",20250401,-6]],"prev":7},{"account":"m1","sub":"held","unit":"POINT","amount":10,"balance)"
       R"(":10,"prev":7}]})"},
      {MakeEntry(Kind::kCapture,
                 [&](Entry& e) {
                   ByTill(e);
                   e.effective_day = 20240315;
                   e.rulebook = "2024-1";
                   e.hold = 41;
                   e.lines = {{"RICE", 1, 4, 0}};
                   e.owed = {{"donor", 4, 133}};
                   e.postings = {On("m1", -4, 6, {minus(spring)}, Sub::kHeld), On("s1", 4, 14), On("m1", -6, 0, {}, Sub::kHeld),
                                 On("m1", 6, 6, {year})};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"capture","req)"
       R"(uest_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"t1","terminal":")"
       R"(t1","merchant":"s1","clerk":"c1","till":"0001","member":"m1","effective_day":20240315,"rulebook":"2024-1","hold":41,"l)"
       R"(ines":[["RICE",1,4,0]],"owed":[["donor",4,133]],"postings":[{"account":"m1","sub":"held","unit":"POINT","amount":-4,"b)"
       R"(alance":6,"lots":[["donor",20240501,-4]],"prev":7},{"account":"s1","unit":"POINT","amount":4,"balance":14,"prev":7},{")"
       R"(account":"m1","sub":"held","unit":"POINT","amount":-6,"balance":0,"prev":7},{"account":"m1","unit":"POINT","amount":6,)"
       R"("balance":6,"lots":[["street",20250401,6]],"prev":7}]})"},
      {MakeEntry(Kind::kVoid,
                 [&](Entry& e) {
                   ByTill(e);
                   e.hold = 0;
                   e.postings = {On("m1", -10, 0, {}, Sub::kHeld), On("m1", 10, 10, {spring, year})};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"void","reques)"
       R"(t_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"t1","terminal":"t1")"
       R"(,"merchant":"s1","clerk":"c1","till":"0001","member":"m1","hold":0,"postings":[{"account":"m1","sub":"held","unit":"PO)"
       R"(INT","amount":-10,"balance":0,"prev":7},{"account":"m1","unit":"POINT","amount":10,"balance":10,"lots":[["donor",20240)"
       R"(501,4],["street",20250401,6]],"prev":7}]})"},
      {MakeEntry(Kind::kHoldExpired,
                 [&](Entry& e) {
                   e.actor = kLedgerActor;
                   e.member = "m1";
                   e.hold = 41;
                   e.postings = {On("m1", -10, 0, {}, Sub::kHeld), On("m1", 10, 10, {spring, year})};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"hold_expired")"
       R"(,"actor":"ledger","member":"m1","hold":41,"postings":[{"account":"m1","sub":"held","unit":"POINT","amount":-10,"balanc)"
       R"(e":0,"prev":7},{"account":"m1","unit":"POINT","amount":10,"balance":10,"lots":[["donor",20240501,4],["street",20250401)"
       R"(,6]],"prev":7}]})"},
      {MakeEntry(Kind::kRefund,
                 [&](Entry& e) {
                   ByTill(e);
                   e.rulebook = "2024-1";
                   e.ref = 0;
                   e.owed = {{"street", -6, -600}, {"donor", -4, -133}};
                   e.postings = {On("s1", -10, -3), On("m1", 6, 6, {year}), On("expired", 4, 4, {past})};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"refund","requ)"
       R"(est_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"t1","terminal":"t)"
       R"(1","merchant":"s1","clerk":"c1","till":"0001","member":"m1","rulebook":"2024-1","ref":0,"owed":[["street",-6,-600],["d)"
       R"(onor",-4,-133]],"postings":[{"account":"s1","unit":"POINT","amount":-10,"balance":-3,"prev":7},{"account":"m1","unit":)"
       R"("POINT","amount":6,"balance":6,"lots":[["street",20250401,6]],"prev":7},{"account":"expired","unit":"POINT","amount":4)"
       R"(,"balance":4,"lots":[["donor",20240301,4]],"prev":7}]})"},
      {MakeEntry(Kind::kReversal,
                 [&](Entry& e) {
                   ByTill(e);
                   e.effective_day = 20240315;
                   e.rulebook = "2024-1";
                   e.quantity = 10;
                   e.reason = "undone";
                   e.ref = 40;
                   e.hold = 39;
                   e.target_request = kId;
                   e.owed = {{"street", -6, -600}, {"donor", -4, -133}};
                   e.postings = {On("s1", -10, 0), On("m1", 10, 10, {spring, year})};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"reversal","re)"
       R"(quest_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"t1","terminal":)"
       R"("t1","merchant":"s1","clerk":"c1","till":"0001","member":"m1","effective_day":20240315,"rulebook":"2024-1","quantity":)"
       R"(10,"reason":"undone","ref":40,"hold":39,"target_request":"000102030405060708090a0b0c0d0e0f","owed":[["street",-6,-600])"
       R"(,["donor",-4,-133]],"postings":[{"account":"s1","unit":"POINT","amount":-10,"balance":0,"prev":7},{"account":"m1","uni)"
       R"(t":"POINT","amount":10,"balance":10,"lots":[["donor",20240501,4],["street",20250401,6]],"prev":7}]})"},
      {MakeEntry(Kind::kReversal,
                 [](Entry& e) {
                   ByTill(e);
                   e.member.clear();
                   e.reason = "tombstone";
                   e.target_request = kId;
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"reversal","re)"
       R"(quest_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"t1","terminal":)"
       R"("t1","merchant":"s1","clerk":"c1","till":"0001","reason":"tombstone","target_request":"000102030405060708090a0b0c0d0e0)"
       R"(f"})"},
      {MakeEntry(Kind::kExpiry,
                 [&](Entry& e) {
                   e.actor = kLedgerActor;
                   e.member = "m1";
                   e.postings = {On("m1", -10, 0, {minus(spring), minus(year)}), On("expired", 10, 10)};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"expiry","acto)"
       R"(r":"ledger","member":"m1","postings":[{"account":"m1","unit":"POINT","amount":-10,"balance":0,"lots":[["donor",2024050)"
       R"(1,-4],["street",20250401,-6]],"prev":7},{"account":"expired","unit":"POINT","amount":10,"balance":10,"prev":7}]})"},
      {MakeEntry(Kind::kDayClosed,
                 [](Entry& e) {
                   e.actor = kLedgerActor;
                   e.effective_day = 20240314;
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"day_closed",")"
       R"(actor":"ledger","effective_day":20240314})"},
      {MakeEntry(Kind::kClockConfirmed,
                 [](Entry& e) {
                   ByStaff(e);
                   e.epoch = 3;
                 }),
       R"({"v":1,"program":"minyue","epoch":3,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"clock_confirm)"
       R"(ed","request_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"a0"})"},
      {MakeEntry(Kind::kRefused,
                 [](Entry& e) {
                   ByTill(e);
                   e.reason = "INSUFFICIENT_POINTS";
                   e.request_kind = "redemption";
                   e.facts = {{"short_by", "20"}};
                 }),
       R"({"v":1,"program":"minyue","epoch":0,"seq":42,"recorded_ms":1710468000000,"business_day":20240315,"kind":"refused","req)"
       R"(uest_id":"000102030405060708090a0b0c0d0e0f","fingerprint":"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff","actor":"t1","terminal":")"
       R"(t1","merchant":"s1","clerk":"c1","till":"0001","member":"m1","reason":"INSUFFICIENT_POINTS","request_kind":"redemption)"
       R"(","facts":{"short_by":"20"}})"},
  };
}

}  // namespace redpoints
