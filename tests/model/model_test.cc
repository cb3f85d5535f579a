// Random commands against the engine and the reference at once. After each, the answers and the touched member are compared; now
// and then, everything; at the end the journal is read back from its lines, replayed and compared, and balances of the past are asked
// of it.
//
// REDPOINTS_SEED repeats a run.
#include <cstdlib>
#include <deque>
#include <iostream>
#include <random>
#include <set>

#include "google/protobuf/util/json_util.h"
#include "storage/log/memory_log.h"
#include "storage/views.h"
#include "tests/model/reference.h"
#include "tests/storage/engine_fixture.h"

namespace redpoints {
namespace {

constexpr int kCommands = 100'000;
constexpr int kCompareAllEvery = 50;
constexpr int kSnapshots = 50;

// Reasons of the class state that no command can bring about.
const std::set<v1::Reason> kOutOfReach = {
    v1::SCORE_BELOW_FLOOR,  // scores only rise by awards, and a correction takes no more than its award gave
};

class ModelTest : public EngineTest {
 protected:
  // --- chance --------------------------------------------------------------------------------------------------------------------
  std::int64_t Number(std::int64_t least, std::int64_t most) { return std::uniform_int_distribution<std::int64_t>(least, most)(random); }
  bool Chance(int percent) { return Number(1, 100) <= percent; }
  template <class T> const T& One(const T* list, std::size_t size) { return list[Number(0, static_cast<std::int64_t>(size) - 1)]; }
  template <class T> const T& One(const std::vector<T>& list) { return One(list.data(), list.size()); }
  // One of a list that grows: mostly of its end.
  template <class T> const T& Recent(const std::vector<T>& list) {
    const auto size = static_cast<std::int64_t>(list.size());
    return list[static_cast<std::size_t>(Number(Chance(80) ? std::max<std::int64_t>(0, size - 20) : 0, size - 1))];
  }

  // --- the program ----------------------------------------------------------------------------------------------------------------
  // A rulebook by chance. Every second one makes lots of 1 to 37 months in the street's fund, the others in the donor's.
  std::string RandomBook(Day effective_day) {
    const int number = ++books_;
    const auto maybe = [&](int percent, std::int64_t least, std::int64_t most) { return Chance(percent) ? Number(least, most) : 0; };
    const auto rounding = [&] { return static_cast<v1::Rounding>(Number(v1::DOWN, v1::HALF_UP)); };
    v1::Rulebook book;
    book.set_version(absl::StrCat("r", number));
    book.set_effective_day(effective_day);
    const auto unit = [&](const char* code, v1::UnitKind kind) {
      book.add_units()->set_code(code);
      book.mutable_units(book.units_size() - 1)->set_kind(kind);
    };
    unit("POINT", v1::SPENDABLE), unit("MINUTE", v1::TIME), unit("DUTY", v1::SCORE);
    for (const char* fund : {"street", "donor", "small", "mint", "mint-2"}) {
      v1::FundRate& rate = *book.add_fund_rates();
      rate.set_fund(fund);
      rate.set_fen_numerator(Number(1, 300));
      rate.set_points_denominator(Number(1, 7));
      rate.set_rounding(rounding());
    }
    const auto activity = [&](const std::string& code, const char* fund, std::int64_t points, std::int64_t per) -> v1::Activity& {
      v1::Activity& a = *book.add_activities();
      a.set_code(code);
      a.set_fund(fund);
      a.set_min_quantity(1);
      a.add_earnings()->set_unit("POINT");
      a.mutable_earnings(0)->set_numerator(points);
      a.mutable_earnings(0)->set_denominator(per);
      a.mutable_earnings(0)->set_rounding(rounding());
      return a;
    };
    const auto earns = [&](v1::Activity& a, const char* code, std::int64_t numerator) {
      v1::Earning& earning = *a.add_earnings();
      earning.set_unit(code), earning.set_numerator(numerator), earning.set_denominator(1), earning.set_rounding(v1::DOWN);
    };
    const auto lasts = [](v1::Activity& a, std::int64_t months, v1::Period period) {
      a.mutable_lot_validity()->set_months(static_cast<int>(months));
      a.mutable_lot_validity()->set_round_up_to(period);
    };
    const auto cap = [](v1::Activity& a, v1::Period period, const char* code, std::int64_t most) {
      v1::Cap& c = *a.add_caps();
      c.set_period(period), c.set_unit(code), c.set_max_amount(most);
    };
    for (int months = 1; months <= 37; ++months) {
      lasts(activity(absl::StrCat("LOT_", months), number % 2 ? "street" : "donor", 1, 1), months, v1::MONTH);
    }
    v1::Activity& patrol = activity("PATROL", "street", 10, Number(1, 3));
    const v1::Period periods[] = {v1::MONTH, v1::QUARTER, v1::YEAR};
    earns(patrol, "MINUTE", 60), lasts(patrol, Number(1, 6), One(periods, 3)), patrol.set_max_quantity(50);
    v1::Activity& visit = activity("VISIT", "donor", Number(1, 5), 30);
    visit.mutable_earnings(0)->set_step(30), visit.set_min_quantity(30), lasts(visit, 1, v1::MONTH);
    cap(visit, v1::DAY, "POINT", Number(2, 20)), cap(visit, v1::MONTH, "POINT", Number(20, 90)), cap(visit, v1::LIFETIME, "POINT", 3000);
    v1::Activity& meeting = activity("MEETING", "street", 5, 1);
    earns(meeting, "DUTY", 1), lasts(meeting, 2, v1::MONTH), meeting.set_max_quantity(3);
    meeting.set_session_required(true), meeting.add_groups(v1::PARTY_VANGUARD);
    cap(meeting, v1::SESSION, "POINT", 12), cap(meeting, v1::YEAR, "DUTY", Number(0, 40));
    v1::Activity& report = activity("REPORT", "small", 2, 1);
    report.set_case_required(true), report.set_evidence_required(true);
    activity("GRANT", "mint", 1'000'000, 1), activity("GRANT_2", "mint-2", 1'000'000, 1);
    const auto offer = [&](const char* code, std::int64_t price, std::int64_t most, const char* merchant) {
      v1::Offer& o = *book.add_offers();
      o.set_code(code), o.set_kind(v1::ITEM), o.set_price_points(price), o.set_max_points(most), o.set_merchant(merchant);
    };
    offer("RICE", 30, 0, ""), offer("BILL", 0, 500, ""), offer("ANY", 0, 0, ""), offer("OWN", 0, 0, "s2");
    auto& limits = *book.mutable_limits();
    limits.set_max_points_per_redemption(maybe(30, 300, 900));
    limits.set_max_points_per_member_day(maybe(40, 100, 500));
    limits.set_max_points_per_member_month(maybe(40, 400, 2000));
    limits.set_max_points_per_merchant_day(maybe(40, 500, 2000));
    limits.set_min_balance_to_redeem(maybe(40, 5, 50));
    const auto count = [&](v1::Period period, std::int64_t most) {
      limits.add_counts()->set_period(period);
      limits.mutable_counts(limits.counts_size() - 1)->set_max_count(most);
    };
    if (Chance(30)) count(v1::DAY, Number(1, 10));
    if (Chance(30)) count(v1::QUARTER, Number(20, 100));
    auto& policies = *book.mutable_policies();
    if (Chance(50)) policies.set_past_lot(v1::GRACE), policies.set_grace_days(static_cast<int>(Number(1, 27)));
    policies.set_debts_allowed(Chance(50));
    policies.set_late_days(static_cast<int>(Number(0, 55)));
    policies.set_hold_ttl_ms(maybe(70, 1000, kDayMs));
    policies.set_reversal_window_ms(maybe(60, 60'000, kDayMs));
    policies.set_refusals_per_terminal_day(static_cast<int>(Number(10, 40)));
    std::string json;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(book, &json).ok());
    return json;
  }

  Outcome AdoptBoth(const std::string& json) {
    const auto book = Rulebook::Parse(json);
    EXPECT_TRUE(book.ok()) << book.status() << json;
    if (!book.ok()) return {};
    const std::string sha256 = Sha256Hex(json);
    blobs[sha256] = json;
    last_book_day_ = book->effective_day();
    return Both(Staff(),
                Register{.items = {RulebookData{book->version(), book->effective_day(), sha256}}, .is_new = true, .rulebook_json = json});
  }
  Outcome RegisterBoth(Registration data, bool is_new = true) {
    return Both(Staff(), Register{.items = {std::move(data)}, .is_new = is_new, .rulebook_json = ""});
  }

  void SetUpBoth() {
    Run(Staff(), FoundProgram{{"minyue", "a0"}});
    reference.staff["a0"] = "";
    reference.SetTime(now_ms);
    RegisterBoth(NodeData{.code = "grid-1", .kind = NodeKind::kPlace, .parent = "", .places = {}, .type = "grid"});
    for (const char* fund : {"street", "donor"}) RegisterBoth(FundData{fund, 100'000'000});
    RegisterBoth(FundData{"small", 100});
    RegisterBoth(FundData{"mint", kAmountMax});
    RegisterBoth(FundData{"mint-2", kAmountMax});
    int number = 10'000'000;
    const auto member = [&](const std::string& id, MemberKind kind, std::vector<std::uint8_t> groups, std::vector<Membership> memberships) {
      RegisterBoth(MemberData{.id = id,
                              .number = absl::StrCat(++number),
                              .kind = kind,
                              .groups = std::move(groups),
                              .grid = "grid-1",
                              .memberships = std::move(memberships)});
      member_ids.push_back(id);
    };
    member("mhouse", MemberKind::kHousehold, {2}, {});
    member("morg", MemberKind::kOrganisation, {3}, {});
    for (int i = 1; i <= 8; ++i) {
      std::vector<Membership> memberships;
      if (i == 3 || i == 4) memberships.push_back({"mhouse", 20240101, i == 4 ? 20240901 : 0});
      if (i == 5 || i == 6) memberships.push_back({"morg", 20240401, 0});
      member(absl::StrCat("m", i), MemberKind::kPerson, i == 8 ? std::vector<std::uint8_t>{2, 5} : std::vector<std::uint8_t>{1, 2},
             memberships);
    }
    member("mlots", MemberKind::kPerson, {1, 2}, {});
    member("mrich", MemberKind::kPerson, {1, 2}, {});
    RegisterBoth(MerchantData{.id = "s1", .people = {"m6"}, .place = "grid-1"});
    RegisterBoth(MerchantData{.id = "s2", .people = {"m7", "m4"}, .place = "grid-1"});
    RegisterBoth(MerchantData{.id = "s3", .people = {}, .place = ""});
    RegisterBoth(StaffData{.id = "a1", .member = "m3", .grants = {{Role::kRecorder, ""}}});
    RegisterBoth(StaffData{.id = "a2", .member = "m5", .grants = {{Role::kRecorder, ""}}});
    AdoptBoth(RandomBook(20240101));
    // One member so rich that the next grant would leave the range.
    AwardBatch batch;
    for (int i = 0; i < 9'007; ++i) batch.items.push_back(Item("mrich", "GRANT", 1'000'000));
    Both(Staff(), batch);
    awards_.clear();
  }

  // --- commands ------------------------------------------------------------------------------------------------------------------
  std::string RandomMember() {
    const std::string id = Chance(3) ? "mrich" : Chance(1) ? "m99" : One(member_ids);
    const auto it = reference.members.find(id);
    return Chance(20) && it != reference.members.end() ? it->second.data.number : id;
  }
  // Seldom one of those who shall keep what they have.
  std::string RandomBuyer() {
    const std::string member = RandomMember();
    return member.starts_with("m") && Chance(80) && (member == "mlots" || member == "mrich") ? "m1" : member;
  }
  AwardItem RandomItem() {
    static const char* const kActivities[] = {"PATROL", "PATROL", "VISIT", "VISIT", "MEETING", "REPORT", "LOT"};
    AwardItem item = Item(Chance(10) ? "mlots" : Chance(2) ? "mrich" : RandomMember(), One(kActivities, 7), Number(1, 10));
    if (item.member == "mrich") item.activity = Chance(80) ? "GRANT_2" : "GRANT";
    if (item.member == "mlots" && Chance(85)) item.activity = "LOT";
    if (item.activity == "LOT") absl::StrAppend(&item.activity, "_", Number(1, 37));
    if (item.activity == "VISIT") item.quantity = Number(1, 200);
    if (item.activity == "MEETING") item.quantity = Number(1, 3), item.session = absl::StrCat("s-", Number(1, 2000));
    if (item.activity == "REPORT") item.case_id = absl::StrCat("c-", Number(1, 99)), item.evidence_sha256 = std::string(64, 'e');
    if (item.activity.starts_with("GRANT")) item.quantity = Number(1, 1'000'000);
    if (Chance(20)) item.session = absl::StrCat("s-", Number(1, 50));
    if (Chance(30) && !item.activity.starts_with("LOT")) item.effective_day = AddDays(item.effective_day, static_cast<int>(-Number(0, 70)));
    item.group = Chance(90) ? 1 : static_cast<std::uint8_t>(Number(1, 5));
    if (item.member == "mhouse") item.group = 2;
    if (item.member == "morg") item.group = 3;
    if (Chance(8)) {  // a mistake
      const std::int64_t which = Number(1, 8);
      if (which == 1) item.activity = "NOPE";
      if (which == 2) item.effective_day = AddDays(item.effective_day, 1 + static_cast<int>(Number(0, 80)));
      if (which == 3) item.effective_day = AddDays(item.effective_day, -static_cast<int>(Number(80, 200)));
      if (which == 4) item.quantity = Chance(50) ? 0 : 1'000'001;
      if (which == 5) item.session.clear();
      if (which == 6) item.case_id.clear();
      if (which == 7) item.evidence_sha256.clear();
      if (which == 8) item.effective_day = 20231231;
    }
    return item;
  }
  std::vector<OfferLine> RandomLines(const std::string& member) {
    const auto it = reference.members.find(member);
    const std::int64_t available = it == reference.members.end() ? 50 : it->second.available();
    std::vector<OfferLine> lines;
    for (std::int64_t i = Number(0, 9) / 5; i >= 0; --i) {
      const bool is_rich = available > 1'000'000'000'000;
      const std::int64_t most = std::min<std::int64_t>(available, is_rich ? 1'000'000'000 : 400);
      const std::int64_t points =
          Chance(5) && !is_rich ? available + Number(0, 3) : Number(1, std::max<std::int64_t>(1, most / 2 + (Chance(10) ? most : 0)));
      if (points == 0) return {{"ANY", 1, 1, 0}};
      if (Chance(15)) {
        const std::int64_t quantity = Number(1, 3);
        lines.push_back({"RICE", quantity, 30 * quantity + (Chance(5) ? 1 : 0), 0});
      } else {
        lines.push_back({Chance(10) ? "BILL" : Chance(3) ? "OWN" : Chance(1) ? "NOPE" : "ANY", Number(1, 3), points, Number(0, 500)});
      }
    }
    return lines;
  }
  Origin RandomTill() {
    const std::int64_t number = Number(1, 4);
    Origin till = Till(absl::StrCat("t", number), number == 4 ? "s1" : absl::StrCat("s", number));
    if (Chance(1)) till.clerk = "c2";
    return till;
  }
  Origin RandomStaff() { return Staff(Chance(80) ? "a0" : Chance(50) ? "a1" : "a2"); }
  // An open one, mostly.
  std::int64_t SomeHold() {
    if (state.holds_by_end.empty() || Chance(20)) return Recent(holds_);
    auto it = state.holds_by_end.begin();
    std::advance(it, Number(0, static_cast<std::int64_t>(state.holds_by_end.size()) - 1));
    return *it->second.begin();
  }
  // The till that asked for it, mostly.
  Origin TillOf(std::int64_t sequence) {
    const auto& entry = *journal[static_cast<std::size_t>(sequence)];
    return Chance(95) && !entry.terminal.empty() ? Till(entry.terminal, entry.merchant) : RandomTill();
  }

  void RandomCommand() {
    const std::int64_t dice = Number(1, 1000);
    if (dice <= 220) {
      Both(RandomStaff(), Award{RandomItem()});
    } else if (dice <= 250) {
      AwardBatch batch;
      for (std::int64_t i = Number(1, 8); i > 0; --i) {
        batch.items.push_back(RandomItem());
        if (batch.items.size() > 1 && Chance(30)) batch.items.back() = batch.items[batch.items.size() - 2];
      }
      Both(RandomStaff(), batch);
    } else if (dice <= 340) {
      const std::int64_t award = awards_.empty() || Chance(2) ? Number(0, 5) : Recent(awards_);
      Both(RandomStaff(), Correct{award, Chance(30) ? 0 : Chance(3) ? 60 : Number(1, 20), "wrong_quantity"});
    } else if (dice <= 370) {
      const std::string member = RandomBuyer();
      Both(RandomStaff(), Donate{member, Number(1, 60)});
    } else if (dice <= 400) {
      const std::string member = RandomBuyer();
      Both(RandomTill(), Quote{"number", member, RandomLines(member)});
    } else if (dice <= 560) {
      const std::string member = RandomBuyer();
      Both(Chance(3) && !reversed_first_.empty() ? reversed_first_.back() : RandomTill(), Redeem{"number", member, RandomLines(member)});
    } else if (dice <= 660) {
      const std::string member = RandomBuyer();
      Both(RandomTill(), Authorize{"number", member, RandomLines(member)});
    } else if (dice <= 750 && !holds_.empty()) {
      const std::int64_t hold = Chance(1) ? Number(0, 50) : SomeHold();
      const std::int64_t points = PointsOf(*journal[static_cast<std::size_t>(hold)]);
      Both(TillOf(hold), Capture{hold, Chance(50) ? 0 : Chance(10) ? points + 1 : Number(1, std::max<std::int64_t>(1, points))});
    } else if (dice <= 780 && !holds_.empty()) {
      const std::int64_t hold = SomeHold();
      Both(TillOf(hold), Void{hold});
    } else if (dice <= 860 && !sales_.empty()) {
      const std::int64_t sale = Chance(1) ? Number(0, 50) : Recent(sales_);
      const std::int64_t points = PointsOf(*journal[static_cast<std::size_t>(sale)]);
      Both(TillOf(sale), Refund{sale, Number(1, Chance(30) ? std::max<std::int64_t>(1, points) : std::max<std::int64_t>(1, points / 3))});
    } else if (dice <= 930 && !asked_.empty()) {
      auto [origin, command] = Recent(asked_);
      Reverse reverse{origin.request_id};
      if (Chance(10)) reverse.target_request = NewId();
      origin.request_id.clear();
      if (Chance(2)) origin = RandomTill();
      if (origin.terminal.empty() && Chance(80)) return;
      Both(origin, reverse);
      if (Chance(50) && reverse.target_request != origin.request_id) {
        origin.request_id = reverse.target_request;
        reversed_first_.push_back(origin);
      }
    } else if (dice <= 975 && !asked_.empty()) {
      const auto& [origin, command] = Recent(asked_);
      const auto& other = Recent(asked_).second;  // under an id that was used for something else
      if (origin.terminal.empty() == IsStaffs(other)) Both(origin, other);
    } else if (dice <= 990 && !asked_.empty()) {
      const auto& [origin, command] = Recent(asked_);
      Both(origin, command);
    } else {
      RandomRegistration();
    }
  }
  static bool IsStaffs(const Command& command) { return command.index() < 4 || std::holds_alternative<ConfirmClock>(command); }
  void RandomRegistration() {
    const std::int64_t which = Number(1, 5);
    if (which <= 2) {
      MemberData member = reference.members.at(One(member_ids)).data;
      member.state = Chance(10) ? RegistrationState::kSuspended : RegistrationState::kActive;
      RegisterBoth(member, /*is_new=*/false);
    } else if (which == 3) {
      MerchantData merchant = reference.merchants.at(absl::StrCat("s", Number(1, 3)));
      merchant.state = Chance(30) ? RegistrationState::kSuspended : RegistrationState::kActive;
      RegisterBoth(merchant, /*is_new=*/false);
    } else if (which == 4) {
      RegisterBoth(FundData{"small", reference.issued[{"small", "POINT"}] + Number(-20, 300)}, /*is_new=*/false);
    } else {
      Both(Staff(), ConfirmClock{});
    }
  }

  void RandomTime() {
    const std::int64_t dice = Number(1, 1000);
    std::int64_t ms = 0;
    if (dice <= 400)
      ms = Number(0, 30'000);
    else if (dice <= 800)
      ms = Number(0, 15 * kMinuteMs);
    else if (dice <= 808)
      ms = StartOf(AddDays(DayOf(now_ms), 1)) - now_ms + Number(-1, 1);  // midnight
    else if (dice <= 818 && !state.holds_by_end.empty())
      ms = state.holds_by_end.begin()->first - now_ms + Number(-1, 1);  // a hold's end
    else if (dice == 841 && Chance(50))
      ms = Number(1, 40) * kDayMs;
    else if (dice == 842 && Chance(50))
      ms = StartOf(EndOfPeriod(DayOf(now_ms), 0, v1::MONTH)) - now_ms + Number(-1, 1);  // a month's end
    if (ms > 0) now_ms += ms;
    engine.SetTime(now_ms);
    reference.SetTime(now_ms);
    if (!Chance(10)) {  // otherwise the work of time waits
      engine.CatchUpWithTime(1'000'000);
      Collect();
      reference.CatchUp();
    }
    if (DaysBetween(last_book_day_, DayOf(now_ms)) > 25 && Chance(2))
      AdoptBoth(RandomBook(AddDays(DayOf(now_ms), static_cast<int>(Number(0, 3)))));
  }

  // --- both, compared ------------------------------------------------------------------------------------------------------------
  Outcome Both(Origin origin, Command command) {
    if (origin.request_id.empty()) origin.request_id = NewId();
    if (std::holds_alternative<Quote>(command)) origin.request_id.clear();
    const std::size_t before = journal.size();
    const Outcome outcome = Run(origin, command);
    std::vector<std::int64_t> sequences;
    for (const auto& entry : outcome.entries) sequences.push_back(entry->sequence);
    if (outcome.is_replayed || outcome.refusal) sequences.clear();
    const Expected expected = reference.Do(origin, command, sequences);
    Remember(origin, command, outcome, before);
    Compare(outcome, expected);
    for (std::size_t i = before; i < journal.size(); ++i) {
      if (journal[i]->kind == Kind::kRefused) ++reasons_[ReasonFromName(journal[i]->reason)];
    }
    for (const std::string& member : touched_) CompareMember(member);
    if (++commands_ % kCompareAllEvery == 0) CompareAll();
    if (HasFailure()) {
      std::cerr << "the last commands of " << (touched_.empty() ? "nobody" : *touched_.begin()) << ":\n";
      for (const auto& line : touched_.empty() ? trace_[""] : trace_[*touched_.begin()]) std::cerr << "  " << line << "\n";
    }
    return outcome;
  }

  void Remember(const Origin& origin, const Command& command, const Outcome& outcome, std::size_t before) {
    touched_.clear();
    for (std::size_t i = before; i < journal.size(); ++i) {
      const Entry& entry = *journal[i];
      if (!entry.member.empty()) touched_.insert(entry.member);
      if (entry.kind == Kind::kAward) awards_.push_back(entry.sequence);
      if (entry.kind == Kind::kHold) holds_.push_back(entry.sequence);
      if (entry.kind == Kind::kRedemption || entry.kind == Kind::kCapture) sales_.push_back(entry.sequence);
    }
    if (!std::holds_alternative<Quote>(command) && !std::holds_alternative<Register>(command) &&
        !(std::holds_alternative<AwardBatch>(command) && std::get<AwardBatch>(command).items.size() > 100)) {
      asked_.emplace_back(origin, command);
    }
    const std::string line =
        absl::StrCat(before, "..", journal.size(), " at ", now_ms, " (", DayOf(now_ms), ") ", origin.request_id.substr(0, 6), " ",
                     Describe(origin, command).substr(0, 300), " -> ", NameOf(ReasonOf(outcome)), " ", v1::OutcomeState_Name(outcome.first),
                     outcome.is_replayed ? " replayed" : "");
    for (const std::string& member : touched_.empty() ? std::set<std::string>{""} : touched_) {
      auto& lines = trace_[member];
      lines.push_back(line);
      if (lines.size() > 20) lines.pop_front();
    }
    last_line_ = line;
  }

  void Compare(const Outcome& outcome, const Expected& expected) {
    SCOPED_TRACE(last_line_);
    ASSERT_EQ(NameOf(ReasonOf(outcome)), NameOf(expected.reason));
    EXPECT_EQ(outcome.is_replayed, expected.is_replayed);
    if (expected.first) {
      EXPECT_EQ(outcome.first, expected.first);
      EXPECT_EQ(outcome.now, expected.now);
      EXPECT_EQ(outcome.refunded_points, expected.refunded_points);
    }
    if (expected.is_replayed) {
      ASSERT_FALSE(outcome.entries.empty());
      EXPECT_EQ(outcome.entry().sequence, expected.sequence);
      return;
    }
    if (outcome.entries.empty()) {
      EXPECT_FALSE(expected.is_recorded);
      if (expected.reason && IsRecorded(expected.reason)) {
        EXPECT_EQ(outcome.refusal->facts, expected.facts);  // a quote
      }
      return;
    }
    ASSERT_EQ(outcome.entries.size(), std::max<std::size_t>(1, expected.items.size()));
    for (std::size_t i = 0; i < outcome.entries.size(); ++i) {
      const Entry& entry = *outcome.entries[i];
      const Expected& item = expected.items.empty() ? expected : expected.items[i];
      EXPECT_EQ(entry.kind == Kind::kRefused, item.first == v1::REFUSED) << i;
      EXPECT_EQ(entry.kind == Kind::kRefused ? entry.reason : "", item.reason ? NameOf(item.reason) : "") << i;
      if (entry.kind == Kind::kRefused) {
        EXPECT_EQ(entry.facts, item.facts) << i;
      }
      EXPECT_EQ(entry.cap_hit, item.cap_hit) << i;
      std::map<std::string, std::pair<std::int64_t, std::int64_t>> owed;
      for (const Owed& o : entry.owed) owed[o.fund] = {o.points, o.fen};
      EXPECT_EQ(owed, item.owed) << i;
    }
  }

  // Lots that are past may still be on the account: the sweep has not come to it.
  void CompareMember(const std::string& id) {
    SCOPED_TRACE(last_line_);
    const auto& member = reference.members.at(id);
    Reference::Lots lots;
    std::int64_t sum = 0;
    for (const Lot& lot : Lots(id)) {
      if (lot.end > DayOf(now_ms)) lots[{lot.end, lot.fund}] = lot.amount;
      sum += lot.amount;
    }
    EXPECT_EQ(lots, member.lots) << id;
    EXPECT_EQ(Balance(id), sum) << id;
    EXPECT_EQ(Balance(id, Sub::kHeld), member.held) << id;
    EXPECT_EQ(Balance(id, Sub::kDebt), -member.debt) << id;
    for (const auto& [unit, amount] : member.units) EXPECT_EQ(Balance(id, Sub::kAvailable, unit), amount) << id << " " << unit;
  }

  void CompareAll() {
    std::int64_t past = 0;
    for (const auto& [id, member] : reference.members) {
      CompareMember(id);
      for (const Lot& lot : Lots(id)) past += lot.end <= DayOf(now_ms) ? lot.amount : 0;
    }
    EXPECT_EQ(Balance(kExpiredHolder) + past, reference.expired);
    EXPECT_EQ(Balance(kPoolHolder), reference.pool);
    for (const auto& [id, points] : reference.merchant_points) EXPECT_EQ(Balance(id), points) << id;
    for (const auto& [key, amount] : reference.issued)
      EXPECT_EQ(-Balance(IssuanceHolder(key.first), Sub::kAvailable, key.second), amount) << key.first;
    std::map<std::string, std::int64_t> sums;  // per unit
    for (const auto& [key, row] : state.accounts.recent()) {
      for (const std::int64_t balance : row.value->balance) sums[key.substr(key.find('/'))] += balance;
    }
    for (const auto& [unit, sum] : sums) EXPECT_EQ(sum, 0) << unit;
    EXPECT_EQ(engine.TakeFault(), absl::OkStatus());
  }

  // What the reference says at the end of a millisecond, to be asked of the whole journal later.
  struct Snapshot {
    std::int64_t at_ms;
    std::string id;
    Reference::Member member;
  };
  void CompareSnapshots() {
    MemoryLog log;
    CommitBatch batch;
    for (const auto& entry : journal) {
      std::string line;
      AppendLine(*entry, line);
      batch.appends.push_back({.program = "minyue", .expected_end = entry->sequence, .entries = 1, .lines = line + "\n"});
    }
    batch.fence = log.TryTakeOver().value();
    ASSERT_EQ(log.Commit(batch), CommitResult::kCommitted);
    for (const Snapshot& snapshot : snapshots_) {
      SCOPED_TRACE(absl::StrCat(snapshot.id, " as of ", snapshot.at_ms));
      const auto balances = BalanceAsOf(state, Journal(log, "minyue"), snapshot.id, snapshot.at_ms);
      ASSERT_TRUE(balances.ok()) << balances.status();
      std::map<std::string, UnitBalance> by_unit;
      for (const auto& balance : balances->units) by_unit[balance.unit] = balance;
      Reference::Lots lots;
      std::int64_t sum = 0;
      for (const Lot& lot : by_unit["POINT"].lots) lots[{lot.end, lot.fund}] = lot.amount, sum += lot.amount;
      EXPECT_EQ(lots, snapshot.member.lots);
      EXPECT_EQ(by_unit["POINT"].available, sum);
      EXPECT_EQ(by_unit["POINT"].held, snapshot.member.held);
      EXPECT_EQ(by_unit["POINT"].debt, snapshot.member.debt);
      for (const auto& [unit, amount] : snapshot.member.units) EXPECT_EQ(by_unit[unit].available, amount) << unit;
    }
  }

  std::mt19937_64 random;
  Reference reference;
  std::vector<Snapshot> snapshots_;
  std::vector<std::string> member_ids;
  std::vector<std::int64_t> awards_, holds_, sales_;
  std::vector<std::pair<Origin, Command>> asked_;
  std::vector<Origin> reversed_first_;
  std::set<std::string> touched_;
  std::map<std::string, std::deque<std::string>> trace_;
  std::string last_line_;
  std::map<Kind, std::int64_t> kinds_;
  std::map<v1::Reason, std::int64_t> reasons_;
  int books_ = 0, commands_ = 0;
  Day last_book_day_ = 0;
};

TEST_F(ModelTest, RandomCommandsAreAnsweredAsTheReferenceDoes) {
  const char* given = std::getenv("REDPOINTS_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cerr << "REDPOINTS_SEED=" << seed << "\n";
  random.seed(seed);
  SetUpBoth();
  for (int i = 0; i < kCommands && !HasFailure(); ++i) {
    if (i % (kCommands / kSnapshots) == 0) {
      const std::string& id = One(member_ids);
      snapshots_.push_back({now_ms, id, reference.members.at(id)});
      Advance(1);
      reference.SetTime(now_ms);
    }
    RandomTime();
    RandomCommand();
  }
  if (HasFailure()) return;
  CompareAll();
  CompareSnapshots();
  for (const auto& [key, row] : state.counters.recent()) EXPECT_GE(*row.value, 0) << key;
  for (const auto& entry : journal) ++kinds_[entry->kind];
  std::cerr << journal.size() << " entries, " << books_ << " rulebooks, to " << DayOf(now_ms) << "\n";
  for (std::size_t i = 0; i < kKindCount; ++i) {
    const Kind kind = static_cast<Kind>(i);
    std::cerr << "  " << KindName(kind) << " " << kinds_[kind] << "\n";
    if (kind != Kind::kTerminal) {
      EXPECT_GT(kinds_[kind], 0) << KindName(kind);
    }
  }
  for (int number = v1::SELF_DEALING; number < v1::OVERLOADED; ++number) {
    if (!v1::Reason_IsValid(number)) continue;
    const v1::Reason reason = static_cast<v1::Reason>(number);
    std::cerr << "  " << NameOf(reason) << " " << reasons_[reason] << "\n";
    EXPECT_EQ(reasons_[reason] > 0, kOutOfReach.count(reason) == 0) << NameOf(reason);
  }
}

}  // namespace
}  // namespace redpoints
