#include "storage/rules/account.h"

namespace redpoints {
namespace {

// Whether `rest` is one non-empty part, or two for `parts` 2.
bool HasParts(std::string_view rest, int parts) {
  const auto colon = rest.find(':');
  if (parts == 1) return !rest.empty() && colon == std::string_view::npos;
  return colon != std::string_view::npos && colon > 0 && HasParts(rest.substr(colon + 1), 1);
}

HolderClass ClassOf(std::string_view text) {
  const auto colon = text.find(':');
  if (text.empty() || text.find('/') != std::string_view::npos) return HolderClass::kNone;
  if (colon == std::string_view::npos) {
    if (text == "expired") return HolderClass::kExpired;
    if (text == "pool") return HolderClass::kPool;
    return text[0] == 'm' ? HolderClass::kMember : text[0] == 's' ? HolderClass::kMerchant : HolderClass::kNone;
  }
  const std::string_view word = text.substr(0, colon), rest = text.substr(colon + 1);
  if (word == "issuance") return HasParts(rest, 1) ? HolderClass::kIssuance : HolderClass::kNone;
  if (word == "debts") return HasParts(rest, 1) ? HolderClass::kDebts : HolderClass::kNone;
  if (word == "fund") return HasParts(rest, 1) ? HolderClass::kFund : HolderClass::kNone;
  if (word == "payable") return HasParts(rest, 2) ? HolderClass::kPayable : HolderClass::kNone;
  if (word == "paid") return HasParts(rest, 2) ? HolderClass::kPaid : HolderClass::kNone;
  return HolderClass::kNone;
}

}  // namespace

Holder::Holder(std::string text) : text_(std::move(text)), class_(ClassOf(text_)) {}

Holder Holder::Issuance(std::string_view fund) { return Holder("issuance:" + std::string(fund)); }
Holder Holder::Debts(std::string_view fund) { return Holder("debts:" + std::string(fund)); }

std::string_view Holder::fund() const {
  std::string_view rest = text_;
  const auto colon = rest.find(':');
  if (colon == std::string_view::npos) return {};
  rest.remove_prefix(colon + 1);
  return rest.substr(0, rest.find(':'));
}

}  // namespace redpoints
