// TigerBeetle's own cases, replayed against this ledger as far as they have a meaning here. Every row of tigerbeetle-cases.csv is
// either replayed or listed below with the reason why it is not; none is skipped in silence.
//
//   there                                  here
//   debit account                          a member; one without a limit starts with a million points
//   credit account                         a shop
//   transfer, pending, post, void          redemption, hold, capture, void
//   transfer back                          refund
//   transfer from an issuer                award
//   id                                     request id of one till of the shop
//   user_data, code                        clerk and till number, offer: what a fingerprint holds beside the amount
//   timeout                                the rulebook's time for holds, which the adapter sets before each
//   linked accounts                        one registration of many, all or none
//   linked transfers                       one redemption or hold of several offer lines, all or none
//   a ledger that is none                  an offer that is none, in such a line
//   closing                                suspension
#include <fstream>
#include <iostream>
#include <set>

#include "absl/strings/ascii.h"
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

// Rows without a meaning here. An empty case, 0 steps or an empty word match any.
struct Listed {
  std::string case_id;
  int first, last;
  std::string expected;
  const char* why;
};
const std::vector<Listed> kListed = {
    // Words of a wire format that is not ours.
    {"", 0, 0, "timestamp_must_be_zero", "a request carries no time"},
    {"", 0, 0, "reserved_field", "no reserved fields"},
    {"", 0, 0, "reserved_flag", "no flags"},
    {"", 0, 0, "id_must_not_be_zero", "a request id is a UUID; its form is checked at the door"},
    {"", 0, 0, "id_must_not_be_int_max", "a request id is a UUID; its form is checked at the door"},
    {"", 0, 0, "debit_account_id_must_not_be_zero", "a member is named or not; checked at the door"},
    {"", 0, 0, "debit_account_id_must_not_be_int_max", "no reserved names"},
    {"", 0, 0, "credit_account_id_must_not_be_zero", "the shop is the till's"},
    {"", 0, 0, "credit_account_id_must_not_be_int_max", "the shop is the till's"},
    {"", 0, 0, "pending_id_must_be_zero", "a redemption has no field for a hold"},
    {"", 0, 0, "pending_id_must_not_be_zero", "a hold is named or not; checked at the door"},
    {"", 0, 0, "pending_id_must_not_be_int_max", "a hold is named by its sequence"},
    {"", 0, 0, "pending_id_must_be_different", "a hold is named by its sequence"},
    {"", 0, 0, "flags_are_mutually_exclusive", "each command is a type of its own"},
    {"", 0, 0, "ledger_must_not_be_zero", "points are the only unit that shops take"},
    {"", 0, 0, "code_must_not_be_zero", "an offer is named or not; checked at the door"},
    {"", 0, 0, "debits_pending_must_be_zero", "an account starts empty"},
    {"", 0, 0, "debits_posted_must_be_zero", "an account starts empty"},
    {"", 0, 0, "credits_pending_must_be_zero", "an account starts empty"},
    {"", 0, 0, "credits_posted_must_be_zero", "an account starts empty"},
    {"", 0, 0, "timeout_reserved_for_pending_transfer", "a hold's time is the rulebook's"},
    {"", 0, 0, "exists_with_different_timeout", "a hold's time is the rulebook's"},
    {"", 0, 0, "overflows_timeout", "a hold's time is at most a day"},
    {"", 0, 0, "accounts_must_be_different", "a member and a shop are never the same"},
    {"", 0, 0, "accounts_must_have_the_same_ledger", "points are the only unit that shops take"},
    {"", 0, 0, "transfer_must_have_the_same_ledger_as_accounts", "points are the only unit that shops take"},
    {"IDEM-01", 48, 48, "exists_with_different_ledger", "points are the only unit that shops take"},
    {"IDEM-01", 51, 51, "exists_with_different_credit_account_id", "no points go from member to member"},
    {"", 0, 0, "pending_transfer_has_different_debit_account_id", "a capture or void names only the hold"},
    {"", 0, 0, "pending_transfer_has_different_credit_account_id", "a capture or void names only the hold"},
    {"", 0, 0, "pending_transfer_has_different_ledger", "a capture or void names only the hold"},
    {"", 0, 0, "pending_transfer_has_different_code", "a capture or void names only the hold"},
    {"", 0, 0, "pending_transfer_has_different_amount", "a void names only the hold"},
    {"TWO-01", 51, 51, "exceeds_pending_transfer_amount", "a void names only the hold"},
    // Chains.
    {"", 0, 0, "linked_event_chain_open", "a registration of many is one message: no chain stays open"},
    {"LNK-03", 4, 4, "", "of an open chain"},
    {"GAP-04", 4, 4, "", "of an open chain"},
    // Amounts of 128 bits; here they end at 2^53 − 1, see engine_bounds_test.cc.
    {"", 0, 0, "overflows_debits_pending", "amounts end at 2^53 - 1"},
    {"", 0, 0, "overflows_credits_pending", "amounts end at 2^53 - 1"},
    {"", 0, 0, "overflows_debits_posted", "amounts end at 2^53 - 1"},
    {"", 0, 0, "overflows_credits_posted", "amounts end at 2^53 - 1"},
    {"", 0, 0, "overflows_debits", "amounts end at 2^53 - 1"},
    {"", 0, 0, "overflows_credits", "amounts end at 2^53 - 1"},
    {"IDEM-01", 12, 12, "", "time does not end"},
    // A shop has no ceiling.
    {"IDEM-01", 11, 11, "", "a shop has no ceiling"},
    {"IDEM-01", 44, 44, "exceeds_debits", "a shop has no ceiling"},
    {"IDEM-01", 45, 45, "id_already_failed", "a shop has no ceiling"},
    // Ids that stay free here: a name that nobody has is not recorded.
    {"IDEM-01", 29, 29, "id_already_failed", "an unknown member leaves the id free"},
    {"IDEM-01", 31, 31, "id_already_failed", "an unknown shop leaves the id free"},
    {"IDEM-01", 43, 43, "id_already_failed", "an id is one till's, and these are tills of two shops"},
    {"TWO-01", 45, 45, "id_already_failed", "an unknown hold leaves the id free"},
    // Amounts of 0, and 0 for the whole.
    {"IDEM-01", 61, 61, "", "a redemption is of 1 point at least"},
    {"IDEM-01", 69, 69, "", "a redemption is of 1 point at least"},
    {"TWO-01", 63, 64, "exists", "the whole and its number are two requests"},
    {"TWO-01", 72, 72, "exists", "the whole and its number are two requests"},
    {"TWO-01", 68, 68, "", "0 is the whole"},
    {"TWO-01", 74, 74, "", "0 is the whole"},
    // Transfers that take what there is.
    {"BAL-01", 5, 43, "", "no amount is cut down to the balance"},
    {"BAL-02", 6, 24, "", "no amount is cut down to the balance"},
    {"BAL-04", 6, 27, "", "no amount is cut down to the balance"},
    {"BAL-06", 5, 23, "", "no amount is cut down to the balance"},
    // Closing.
    {"CLS-01", 1, 4, "", "nobody is registered as suspended from the first"},
    {"", 0, 0, "closing_transfer_must_be_pending", "a suspension is a registration"},
    {"CLS-02", 11, 12, "", "a suspended member still gets points back"},
    {"CLS-02", 17, 18, "", "a suspension is not captured"},
    {"CLS-02", 30, 31, "", "a hold is honoured though the shop was suspended meanwhile"},
    {"CLS-02", 51, 52, "", "no points go from shop to shop"},
    {"CLS-02", 57, 60, "", "who is suspended can be suspended again"},
};

// A refusal of the ledger's state spends the request id here; there some leave it free. Such an attempt gets an id of its own.
const std::set<std::pair<std::string, int>> kOwnId = {{"TWO-01", 53}, {"TWO-01", 55}, {"TWO-01", 61}, {"TWO-01", 69}};

// Accounts that are credited by transfers: shops. And the issuer.
bool IsShop(const std::string& case_id, const std::string& account) {
  static const std::map<std::string, std::set<std::string>> kShops = {
      {"IDEM-01", {"a3", "a5"}}, {"TWO-01", {"a2"}}, {"TWO-03", {"a2"}}, {"LNK-06", {"a2"}}, {"LNK-07", {"a2"}},       {"GAP-01", {"a2"}},
      {"GAP-02", {"a2"}},        {"GAP-04", {"a2"}}, {"GAP-06", {"a2"}}, {"GAP-08", {"a2"}}, {"CLS-02", {"a2", "a3"}},
  };
  const auto it = kShops.find(case_id);
  return it != kShops.end() && it->second.count(account) > 0;
}
bool IsIssuer(const std::string& case_id, const std::string& account) { return case_id == "GAP-06" && account == "a9"; }

struct Line {
  std::string case_id, op, id, debit, credit, amount, pending, user_data_128, user_data_64, user_data_32, ledger, code, expected, note;
  std::int64_t timeout_s = 0;
  int step = 0;
  std::set<std::string> flags;
  std::string debits_pending, debits_posted, credits_pending, credits_posted;
  bool Is(const char* flag) const { return flags.count(flag) > 0; }
};

// An amount, "MAX" or "MAX-n"; MAX is the greatest amount of this ledger.
std::int64_t AmountOf(const std::string& text) {
  if (text.empty()) return 0;
  if (text.starts_with("MAX")) return kAmountMax + (text.size() > 3 ? std::stoll(text.substr(3)) : 0);
  return std::stoll(text);
}

std::vector<std::string> Split(const std::string& text, char by) {
  std::vector<std::string> parts(1);
  bool is_quoted = false;
  for (const char c : text) {
    if (c == '"') {
      is_quoted = !is_quoted;
    } else if (c == by && !is_quoted) {
      parts.emplace_back();
    } else if (c != '\r') {
      parts.back() += c;
    }
  }
  return parts;
}

std::vector<Line> ReadLines() {
  std::ifstream file(REDPOINTS_TIGERBEETLE_CASES);
  std::vector<Line> lines;
  std::string text;
  std::getline(file, text);
  EXPECT_EQ(Split(text, ',').size(), 26u);
  while (std::getline(file, text)) {
    const auto f = Split(text, ',');
    EXPECT_EQ(f.size(), 26u) << text;
    // Accounts are named as members and shops are, in small letters.
    const auto account = [](const std::string& name) { return name.starts_with('A') ? absl::AsciiStrToLower(name) : name; };
    Line line{.case_id = f[0],
              .op = f[4],
              .id = account(f[5]),
              .debit = account(f[6]),
              .credit = account(f[7]),
              .amount = f[8],
              .pending = f[9],
              .user_data_128 = f[10],
              .user_data_64 = f[11],
              .user_data_32 = f[12],
              .ledger = f[14],
              .code = f[15],
              .expected = f[23],
              .note = f[24],
              .timeout_s = f[13].empty() ? 0 : std::stoll(f[13]),
              .step = std::stoi(f[2]),
              .flags = {},
              .debits_pending = f[18],
              .debits_posted = f[19],
              .credits_pending = f[20],
              .credits_posted = f[21]};
    for (const auto& flag : Split(f[16], '|')) line.flags.insert(flag);
    lines.push_back(std::move(line));
  }
  return lines;
}

constexpr std::int64_t kOpening = 1'000'000'000;  // of one fund; all the rest of what fits is the other's

// One case: a program of its own.
class TigerBeetleCase : public EngineTest {
 public:
  void TestBody() override {}

  explicit TigerBeetleCase(const std::string& case_id) : case_id_(case_id) {
    Run(Staff(), FoundProgram{{"minyue", "a0"}});
    Add(FundData{"opening", kOpening});
    Add(FundData{"issuer", kAmountMax - kOpening});
    MemberData other = Person("mother");
    other.grid.clear();
    Add(other);
    for (const char* code : {"CODE_1", "CODE_2"}) Add(Offer(code));
    Adopt(Json(180'000));
    Give("mother", "OPENING", 1'000'000);
  }

  // Read back as every test's journal is, but each hold by the rulebook that was in place when it was made. Nothing is left for the base class,
  // which knows of one.
  ~TigerBeetleCase() override {
    State again("minyue");
    again.find_blob = state.find_blob;
    again.find_entries = state.find_entries;
    for (const auto& entry : journal) {
      if (const auto hold = ttl_of_.find(entry->sequence); hold != ttl_of_.end())
        again.AddBook(20240101, *Rulebook::Parse(Json(hold->second)));
      const auto related = FindRelated(again, *entry);
      EXPECT_TRUE(related.ok()) << related.status();
      const absl::Status verified = related.ok() ? Verify(again, *entry, *related) : related.status();
      EXPECT_TRUE(verified.ok()) << verified;
      EXPECT_TRUE(Apply(again, *entry).ok());
    }
    again.Publish();
    Compare(state.accounts, again.accounts, "accounts");
    Compare(state.holds, again.holds, "holds");
    Compare(state.follow_ups, again.follow_ups, "follow_ups");
    journal.clear();
    state.ForEachTable([](auto& table) { table = {}; });
    state.members_by_end.clear(), state.holds_by_end.clear(), state.holds_by_member.clear(), state.shops_by_day.clear();
    state.at = {};
  }

  void Replay(const Line& line, const std::vector<Line>& chain) {
    SCOPED_TRACE(absl::StrCat(line.case_id, " ", line.step, " ", line.op, " ", line.id, " ", line.expected));
    if (line.op == "create_account") return chain.empty() ? CreateAccount(line) : CreateChain(chain);
    if (line.op == "create_transfer") return chain.empty() ? CreateTransfer(line) : CreateSaleOfLines(chain);
    if (line.op == "set_balance") return SetBalance(line);
    if (line.op == "advance_clock") return AdvanceClock(line);
    if (line.op == "expect_account") return ExpectAccount(line);
    if (line.op == "expect_transfer") return ExpectTransfer(line);
    ASSERT_EQ(line.op, "commit_batch");
    Collect();
  }

 private:
  static std::string Json(std::int64_t hold_ttl_ms) {
    std::string activities;
    for (const char* fund : {"opening", "issuer"}) {
      std::string code = fund;
      for (char& c : code) c = static_cast<char>(std::toupper(c));
      absl::StrAppend(&activities, activities.empty() ? "" : ",", R"({"code":")", code,
                      R"(","earnings":[{"unit":"POINT","numerator":1,"denominator":1,"rounding":"DOWN"}],"min_quantity":1,"fund":")", fund,
                      R"("})");
    }
    return absl::StrCat(R"({"version":"1","effective_day":20240101,"units":[{"code":"POINT","kind":"SPENDABLE"}],
      "fund_rates":[{"fund":"opening","fen_numerator":1,"points_denominator":1,"rounding":"DOWN"},
                    {"fund":"issuer","fen_numerator":1,"points_denominator":1,"rounding":"DOWN"}],
      "activities":[)",
                        activities, R"(],"limits":{"classes":[{"presentation":"number"}]},
      "policies":{"hold_ttl_ms":)",
                        hold_ttl_ms, "}}");
  }
  static std::string Member(const std::string& account) { return "m" + account; }
  static std::string Shop(const std::string& account) { return "s" + account; }

  static OfferLine LineOf(const std::string& offer, std::int64_t points) {
    OfferLine line;
    line.offer = offer, line.quantity = 1, line.points = points;
    return line;
  }

  // The id of the file as a request id.
  static std::string RequestId(const std::string& id) { return Sha256Hex(id).substr(0, 32); }
  Origin TillOf(const Line& line, const std::string& shop) const {
    Origin till;
    till.actor = till.terminal = "t1" + shop;
    till.merchant = Shop(shop);
    till.clerk = line.user_data_128;
    till.till = line.user_data_64 + "." + line.user_data_32;
    till.request_id = RequestId(kOwnId.count({line.case_id, line.step}) ? absl::StrCat(line.id, " at ", line.step) : line.id);
    return till;
  }
  void Give(const std::string& member, const std::string& activity, std::int64_t points) {
    if (points == 0) return;
    EXPECT_EQ(Run(Staff(), Award{Item(member, activity, points)}).first, RequestState::kDone);
  }
  // What an account says of itself, as a place that it is in.
  std::string PlaceOf(const Line& line) {
    std::string words = absl::StrCat(line.user_data_128, " ", line.user_data_64, " ", line.user_data_32, " ", line.ledger, " ", line.code);
    for (const auto& flag : line.flags) {
      if (flag != "linked") absl::StrAppend(&words, " ", flag);
    }
    const auto [it, is_new] = places_.emplace(words, absl::StrCat("place-", places_.size()));
    if (is_new) Add(NodeData{.code = it->second, .kind = NodeKind::kPlace, .parent = "", .places = {}, .type = ""});
    return it->second;
  }
  Registration DataOf(const Line& line) {
    if (IsIssuer(case_id_, line.id)) return FundData{"issuer", kAmountMax - kOpening - 1};
    if (IsShop(case_id_, line.id)) return MerchantData{.id = Shop(line.id), .people = {}, .place = PlaceOf(line)};
    MemberData data = Person(Member(line.id));
    data.grid = PlaceOf(line);
    return data;
  }

  void AddTills(const Registration& data) {
    const auto* shop = std::get_if<MerchantData>(&data);
    for (const char* till : {"t1", "t2"}) {
      if (shop) Add(TerminalData{.id = till + shop->id.substr(1), .merchant = shop->id});
    }
  }
  void CreateAccount(const Line& line) {
    const Registration data = DataOf(line);
    Origin staff = Staff();
    staff.request_id = RequestId(line.id);
    const Outcome outcome = Run(staff, Register{.items = {data}, .is_new = true, .rulebook_json = ""});
    if (line.expected == "exists") {
      EXPECT_TRUE(outcome.is_replayed && outcome.first == RequestState::kDone);
    } else if (line.expected.starts_with("exists_with_different_")) {
      EXPECT_EQ(ReasonOf(outcome), Reason::REQUEST_ID_REUSED);
    } else {
      ASSERT_EQ(line.expected, "created");
      EXPECT_TRUE(outcome.first == RequestState::kDone && !outcome.is_replayed) << NameOf(ReasonOf(outcome));
      AddTills(data);
      if (std::holds_alternative<MemberData>(data) && !line.Is("debits_must_not_exceed_credits")) {
        opening_[line.id] = 1'000'000;
        Give(Member(line.id), "OPENING", opening_[line.id]);
      }
    }
  }
  void CreateChain(const std::vector<Line>& chain) {
    Register all{.items = {}, .is_new = true, .rulebook_json = ""};
    std::string reason;
    for (const Line& line : chain) {
      all.items.push_back(DataOf(line));
      if (line.expected.starts_with("exists")) reason = line.expected;
    }
    const Outcome outcome = Run(Staff(), all);
    EXPECT_EQ(ReasonOf(outcome), reason.empty() ? Reason::REASON_UNSPECIFIED : Reason::ALREADY_EXISTS);
    EXPECT_EQ(outcome.entries.size(), reason.empty() ? chain.size() : 0u);
    for (const Registration& data : all.items) {
      if (reason.empty()) AddTills(data);
    }
    for (const Line& line : chain)
      EXPECT_TRUE(line.expected == (reason.empty() ? "created" : "linked_event_failed") || line.expected == reason);
  }

  // The command of a transfer, and who gives it.
  std::pair<Origin, Command> CommandOf(const Line& line) {
    const std::int64_t amount = AmountOf(line.amount);
    if (line.Is("closing_debit") || line.Is("closing_credit"))
      return Suspend(line, line.Is("closing_debit"), line.Is("closing_credit"), true);
    if (line.Is("post") || line.Is("void")) {
      const auto suspension = suspensions_.find(line.pending);
      if (suspension != suspensions_.end()) return Suspend(line, suspension->second.first, suspension->second.second, false);
      const auto hold = sequences_.find(line.pending);
      const std::int64_t sequence = hold == sequences_.end() ? 1'000'000 : hold->second;
      const std::string shop = hold == sequences_.end() ? "a2" : shops_[line.pending];
      // To post nothing is to void.
      if (line.Is("void") || amount == 0) return {TillOf(line, shop), Void{sequence}};
      return {TillOf(line, shop), Capture{sequence, amount == kAmountMax ? 0 : amount}};
    }
    if (IsShop(case_id_, line.debit)) return {TillOf(line, line.debit), Refund{sales_[{line.credit, line.debit}], amount}};
    if (IsIssuer(case_id_, line.debit)) {
      Origin staff = Staff();
      staff.request_id = RequestId(line.id);
      return {staff, Award{Item(Member(line.credit), "ISSUER", amount)}};
    }
    const std::vector<OfferLine> lines = {LineOf("CODE_" + line.code, amount)};
    if (!line.Is("pending")) return {TillOf(line, line.credit), Redeem{Pay(Member(line.debit)), lines}};
    // The rulebook with another time for holds, in the place of the one that was adopted. The entry carries the time when it ends.
    const std::int64_t ttl_ms = line.timeout_s ? line.timeout_s * 1000 : kDayMs;
    state.AddBook(20240101, *Rulebook::Parse(Json(ttl_ms)));
    ttl_of_[static_cast<std::int64_t>(journal.size())] = ttl_ms;
    return {TillOf(line, line.credit), Authorize{Pay(Member(line.debit)), lines}};
  }
  std::pair<Origin, Command> Suspend(const Line& line, bool member, bool shop, bool is_on) {
    if (is_on) suspensions_[line.id] = {member, shop};
    Register change{.items = {}, .is_new = false, .rulebook_json = ""};
    const RegistrationState to = is_on ? RegistrationState::kSuspended : RegistrationState::kActive;
    if (member) {
      MemberData data = *state.Find<MemberData>("member", Member(line.debit));
      data.state = to;
      change.items.push_back(data);
    }
    if (shop) {
      MerchantData data = *state.Find<MerchantData>("merchant", Shop(line.credit));
      data.state = to;
      member ? void(Run(Staff(), Register{.items = {data}, .is_new = false, .rulebook_json = ""})) : change.items.push_back(data);
    }
    Origin staff = Staff();
    staff.request_id = RequestId(line.id);
    return {staff, change};
  }

  void CreateTransfer(const Line& line) {
    static const std::map<std::string, Reason> kReasons = {
        {"debit_account_not_found", Reason::MERCHANT_NOT_FOUND},  // neither is; a till is not told that a member is not
        {"credit_account_not_found", Reason::MERCHANT_NOT_FOUND},
        {"exceeds_credits", Reason::INSUFFICIENT_POINTS},
        {"exceeds_pending_transfer_amount", Reason::CAPTURE_EXCEEDS_HOLD},
        {"pending_transfer_not_found", Reason::HOLD_NOT_FOUND},
        {"pending_transfer_not_pending", Reason::HOLD_NOT_FOUND},
        {"pending_transfer_already_posted", Reason::HOLD_ALREADY_CAPTURED},
        {"pending_transfer_already_voided", Reason::HOLD_ALREADY_VOIDED},
        {"pending_transfer_expired", Reason::HOLD_EXPIRED},
        {"debit_account_already_closed", Reason::MEMBER_SUSPENDED},
        {"credit_account_already_closed", Reason::MERCHANT_SUSPENDED},
    };
    const auto [origin, command] = CommandOf(line);
    const std::string print = Fingerprint(origin, command);
    const auto first = first_.find(origin.request_id);
    const Outcome outcome = Run(origin, command);
    if (line.expected == "created") {
      EXPECT_TRUE((outcome.first == RequestState::kDone || outcome.first == RequestState::kPending) && !outcome.is_replayed)
          << NameOf(ReasonOf(outcome));
      if (outcome.entries.empty()) return;
      sequences_[line.id] = outcome.entry().sequence;
      shops_[line.id] = line.credit;
      if (outcome.entry().kind == Kind::kRedemption) sales_[{line.debit, line.credit}] = outcome.entry().sequence;
    } else if (line.expected == "exists") {
      EXPECT_TRUE(outcome.is_replayed && outcome.first != RequestState::kRefused) << NameOf(ReasonOf(outcome));
    } else if (line.expected.starts_with("exists_with_different_")) {
      EXPECT_EQ(NameOf(ReasonOf(outcome)), NameOf(Reason::REQUEST_ID_REUSED));
    } else if (line.expected == "id_already_failed") {
      // The same request: refused for ever. Another under its id: a reuse. Neither is carried out.
      ASSERT_NE(first, first_.end());
      if (first->second == print) {
        EXPECT_TRUE(outcome.is_replayed && outcome.first == RequestState::kRefused);
      } else {
        EXPECT_EQ(NameOf(ReasonOf(outcome)), NameOf(Reason::REQUEST_ID_REUSED));
      }
    } else {
      ASSERT_EQ(kReasons.count(line.expected), 1u);
      // More than the hold, and more than a shop could have: the lower number answers.
      const bool is_out_of_range = line.expected == "exceeds_pending_transfer_amount" && line.amount.starts_with("MAX");
      EXPECT_EQ(NameOf(ReasonOf(outcome)), NameOf(is_out_of_range ? Reason::BALANCE_OUT_OF_RANGE : kReasons.at(line.expected)));
    }
    if (!outcome.entries.empty()) first_.emplace(origin.request_id, print);
  }

  // A chain from one member to one shop, as the lines of one request. Only chains that fail are among the cases, by a line of no offer.
  void CreateSaleOfLines(const std::vector<Line>& chain) {
    std::vector<OfferLine> lines;
    for (const Line& line : chain) {
      ASSERT_EQ(line.debit + " " + line.credit, chain.front().debit + " " + chain.front().credit);
      ASSERT_EQ(line.expected, line.ledger == "0" ? "ledger_must_not_be_zero" : "linked_event_failed");
      lines.push_back({(line.ledger == "0" ? "NONE_" : "CODE_") + line.code, 1, AmountOf(line.amount), 0});
    }
    const std::string member = Member(chain.front().debit);
    const Command command = chain.front().Is("pending") ? Command(Authorize{Pay(member), lines}) : Command(Redeem{Pay(member), lines});
    const Origin origin = TillOf(chain.front(), chain.front().credit);
    const auto end = journal.size();
    EXPECT_EQ(NameOf(ReasonOf(Run(origin, command))), NameOf(Reason::OFFER_NOT_FOUND));
    EXPECT_EQ(journal.size(), end);
    EXPECT_EQ(state.requests.Find(RequestKey(origin.actor, origin.request_id)), nullptr);  // the id is free
  }

  void SetBalance(const Line& line) {
    if (IsShop(case_id_, line.id)) {
      const std::int64_t more = AmountOf(line.credits_posted) - Balance(Shop(line.id));
      Sell("mother", line.id, more, AmountOf(line.credits_pending));
    } else if (opening_.count(line.id)) {
      Sell(Member(line.id), "a3", AmountOf(line.debits_posted), AmountOf(line.debits_pending));
    } else {
      Give(Member(line.id), "ISSUER", AmountOf(line.credits_posted) - AmountOf(line.debits_posted));
      Sell(Member(line.id), "a3", 0, AmountOf(line.debits_pending));
    }
  }
  void Sell(const std::string& member, const std::string& shop, std::int64_t sold, std::int64_t held) {
    const Origin till = Till("t2" + shop, Shop(shop));
    if (sold > 0) {
      const Outcome sale = Run(till, Redeem{Pay(member), {{"CODE_1", 1, sold, 0}}});
      EXPECT_EQ(NameOf(ReasonOf(sale)), NameOf(Reason::REASON_UNSPECIFIED));
      sales_[{member.substr(1), shop}] = sale.entry().sequence;
    }
    if (held == 0) return;
    EXPECT_EQ(Run(till, Authorize{Pay(member), {{"CODE_1", 1, held, 0}}}).first, RequestState::kPending);
  }

  void AdvanceClock(const Line& line) {
    const std::int64_t amount = AmountOf(line.amount);
    // There each event takes the next nanosecond, here time stands still in a batch.
    Advance(line.note.starts_with("unit=nanoseconds") ? (amount + 1) / 1'000'000 : amount * 1000);
  }

  void ExpectAccount(const Line& line) {
    const bool is_shop = IsShop(case_id_, line.id), is_issuer = IsIssuer(case_id_, line.id);
    const bool is_found = is_issuer || (is_shop ? state.Find<MerchantData>("merchant", Shop(line.id)) != nullptr
                                                : state.Find<MemberData>("member", Member(line.id)) != nullptr);
    ASSERT_EQ(line.expected, is_found ? "found" : "not_found");
    if (!is_found) return;
    const std::int64_t posted = AmountOf(line.credits_posted) - AmountOf(line.debits_posted);
    if (is_issuer) {
      EXPECT_EQ(Balance(Holder::Issuance("issuer").text()), posted);
    } else if (is_shop) {
      EXPECT_EQ(Balance(Shop(line.id)), posted);  // what is held for a shop is no account of it
    } else {
      const std::int64_t held = AmountOf(line.debits_pending);
      EXPECT_EQ(Balance(Member(line.id), Sub::kHeld), held);
      EXPECT_EQ(Balance(Member(line.id)), opening_[line.id] + posted - held);
    }
  }
  void ExpectTransfer(const Line& line) {
    const auto it = sequences_.find(line.id);
    ASSERT_EQ(line.expected, it == sequences_.end() ? "not_found" : "found");
    if (it == sequences_.end() || line.amount.empty() || line.amount == "0") return;
    EXPECT_EQ(PointsOf(*journal[static_cast<std::size_t>(it->second)]), AmountOf(line.amount));
  }

  const std::string case_id_;
  std::map<std::int64_t, std::int64_t> ttl_of_;  // holds, by sequence
  std::map<std::string, std::string> places_;
  std::map<std::string, std::int64_t> opening_;                        // account to points given at its birth
  std::map<std::string, std::int64_t> sequences_;                      // transfer to entry
  std::map<std::string, std::string> shops_;                           // transfer to the shop it credits
  std::map<std::pair<std::string, std::string>, std::int64_t> sales_;  // member and shop to a redemption
  std::map<std::string, std::pair<bool, bool>> suspensions_;           // transfer to: of the member, of the shop
  std::map<std::string, std::string> first_;                           // request id to the fingerprint that was recorded
};

TEST(TigerBeetleCases, EveryRowIsReplayedOrListed) {
  const std::vector<Line> lines = ReadLines();
  ASSERT_EQ(lines.size(), 545u);
  std::vector<int> uses(kListed.size(), 0);
  int replayed = 0, listed = 0;
  std::map<std::string, int> replayed_of;
  std::unique_ptr<TigerBeetleCase> running;
  std::vector<Line> chain;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    if (i == 0 || line.case_id != lines[i - 1].case_id) running = std::make_unique<TigerBeetleCase>(line.case_id);
    const auto reason = std::find_if(kListed.begin(), kListed.end(), [&](const Listed& l) {
      return (l.case_id.empty() || l.case_id == line.case_id) && (l.first == 0 || (line.step >= l.first && line.step <= l.last)) &&
             (l.expected.empty() || l.expected == line.expected);
    });
    const bool is_of_sale = line.op == "create_transfer" && !chain.empty();
    if (reason != kListed.end() && !is_of_sale) {
      ++uses[static_cast<std::size_t>(reason - kListed.begin())];
      ++listed;
      continue;
    }
    ++replayed, ++replayed_of[line.op];
    if ((line.op == "create_account" || line.op == "create_transfer") && (line.Is("linked") || !chain.empty())) {
      chain.push_back(line);
      if (line.Is("linked")) continue;
    }
    running->Replay(line, chain);
    chain.clear();
  }
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(listed, 200);
  // A commit_batch does nothing here: entries are collected after each command.
  EXPECT_EQ(replayed_of, (std::map<std::string, int>{{"advance_clock", 9},
                                                     {"commit_batch", 78},
                                                     {"create_account", 71},
                                                     {"create_transfer", 102},
                                                     {"expect_account", 61},
                                                     {"expect_transfer", 19},
                                                     {"set_balance", 5}}));
  for (std::size_t i = 0; i < kListed.size(); ++i) {
    EXPECT_GT(uses[i], 0) << "no row is listed by " << kListed[i].case_id << " " << kListed[i].first << " " << kListed[i].expected;
  }
  const int empty = replayed_of["commit_batch"];
  std::cerr << replayed - empty << " rows run, " << replayed_of["create_transfer"] << " of them transfers; " << empty << " empty rows; "
            << listed << " listed\n";
  for (const auto& [op, count] : replayed_of) std::cerr << "  " << op << " " << count << "\n";
}

}  // namespace
}  // namespace redpoints
