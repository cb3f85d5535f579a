// A rulebook that is taken can be asked about anything; one that is not names the field. What the strict reader takes has one form, and is the
// same message to protobuf's own.
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "storage/rules/refusal.h"
#include "storage/rules/rulebook.h"
#include "storage/rules/rulebook_json.h"
#include "storage/rules/types.h"
#include "tests/fuzz/fuzz.h"
#include "tests/rulebook.h"

namespace redpoints::fuzz {

using google::protobuf::util::MessageDifferencer;

std::vector<std::string> Seeds() {
  std::string carrying = RulebookJson();
  carrying.replace(carrying.find("\"step\":30"), 9, "\"step\":30,\"carry\":true");
  return {RulebookJson(),
          carrying,
          RulebookJson(
              "v-2", 20991231,
              R"({"max_points_per_redemption":5,"max_points_per_member_day":6,"max_points_per_member_month":7,
                           "max_points_per_merchant_day":8,"min_balance_to_redeem":9,"counts":[{"period":"DAY","max_count":1}]})",
              R"({"past_lot":"GRACE","grace_days":30,"late_days":1,"hold_ttl_ms":1,"reversal_window_ms":2,"refusals_per_terminal_day":3})"),
          "{}",
          "[",
          R"({"version":1})",
          R"({"version":"\u5de1\\\"\/","units":[{}],"limits":{"counts":[]},"activities":[{"groups":["RESIDENTS"]}]})"};
}

// Any bytes, as the strict reader sees them.
void LookStrictly(std::string_view bytes) {
  v1::Rulebook book;
  if (const auto status = ParseStrict(bytes, book); !status.ok()) {
    const auto refusal = RefusalFrom(status);
    RP_CHECK(refusal && refusal->reason == Reason::RULEBOOK_INVALID && refusal->facts.size() == 2);
    for (const auto& [key, value] : refusal->facts) RP_CHECK(!value.empty() && value.size() < 500);
    return;
  }
  const std::string canonical = Canonical(book);
  v1::Rulebook again;
  RP_CHECK(ParseStrict(canonical, again).ok() && MessageDifferencer::Equals(again, book) && Canonical(again) == canonical);
  for (const std::string& json : {std::string(bytes), canonical}) {
    v1::Rulebook others;
    RP_CHECK(google::protobuf::util::JsonStringToMessage(json, &others).ok() && MessageDifferencer::Equals(others, book));
  }
}

void Look(std::string_view bytes) {
  LookStrictly(bytes);
  const auto book = Rulebook::Judge(bytes);
  if (!book.ok()) {
    (void)Rulebook::Parse(bytes);  // reads what it does not judge
    const auto refusal = RefusalFrom(book.status());
    RP_CHECK(refusal && refusal->reason == Reason::RULEBOOK_INVALID);
    return;
  }
  RP_CHECK(IsDay(book->effective_day()) && !book->version().empty() && book->FindUnit(kPoint) != nullptr);
  const auto again = Rulebook::Parse(book->json());
  RP_CHECK(again.ok() && again->json() == book->json());
  (void)CheckLotBound({&*book});
  for (const auto& rate : book->proto().fund_rates()) {
    RP_CHECK(book->FenOwed(rate.fund(), 0) == 0 && book->FenOwed(rate.fund(), 1'000'000'000) >= 0);
  }
  for (const auto& activity : book->proto().activities()) {
    RP_CHECK(book->FindActivity(activity.code()) != nullptr);
    for (const auto& earning : activity.earnings()) {
      RP_CHECK(AmountEarned(earning, 1'000'000) >= AmountEarned(earning, 1));
      RP_CHECK(AmountEarned(earning, 70, {1'000, 1'000'000}) >= 0);  // what is carried on never takes back
    }
    for (const Day day : {19700101, 20240229, 20991231}) RP_CHECK(LotEnd(activity, day) > day);
  }
  RP_CHECK(book->late_days() > 0 && book->hold_ttl_ms() > 0 && book->reversal_window_ms() > 0);
}

}  // namespace redpoints::fuzz
