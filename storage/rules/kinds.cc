#include "storage/rules/kinds.h"

namespace redpoints {

std::optional<Kind> KindNamed(std::string_view word) {
  for (const KindRow& row : kKindRows) {
    if (row.word == word) return row.kind;
  }
  return std::nullopt;
}

Kind KindOf(const Registration& data) {
  for (const KindRow& row : kKindRows) {
    if (row.data != 0 && row.data == data.index()) return row.kind;
  }
  RP_CHECK(false);
}

Touch TouchOf(const Posting& p) {
  if (p.holder.is(HolderClass::kMember)) return p.sub == Sub::kAvailable ? kAvail : p.sub == Sub::kHeld ? kHeldPart : kDebtPart;
  if (p.sub != Sub::kAvailable) return kTouchesNothing;
  switch (p.holder.holder_class()) {
    case HolderClass::kMerchant: return kShop;
    case HolderClass::kIssuance: return kIssue;
    case HolderClass::kDebts: return kDebt;
    case HolderClass::kExpired: return kExpire;
    case HolderClass::kPool: return kDonated;
    case HolderClass::kFund:
    case HolderClass::kPayable:
    case HolderClass::kPaid: return kMoney;
    default: return kTouchesNothing;
  }
}

}  // namespace redpoints
