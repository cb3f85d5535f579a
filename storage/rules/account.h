// Who holds units: the accounts of the ledger, by class. A holder's text is read once, when an entry is read or drafted; from then on rules
// ask the class. Values only; any thread.
//
//   text                    class       holds
//   m...                    kMember     what a member has: available, held, and debts (the only class with parts)
//   s...                    kMerchant   points a shop has taken
//   issuance:{fund}         kIssuance   minus what the fund has issued; its floor is minus the budget. Scores and minutes of the fund, too
//   debts:{fund}            kDebts      what all members owe the fund
//   expired                 kExpired    points that ended unspent
//   pool                    kPool       donated points
//   fund:{fund}             kFund       money: what a fund has paid or owes, below 0
//   payable:{fund}:{shop}   kPayable    money that a fund owes a shop
//   paid:{fund}:{shop}      kPaid       money that a shop was paid
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace redpoints {

enum class HolderClass : std::uint8_t { kNone, kMember, kMerchant, kIssuance, kDebts, kExpired, kPool, kFund, kPayable, kPaid };

class Holder {
 public:
  Holder() = default;
  // A holder of unknown form is of class kNone.
  explicit Holder(std::string text);

  static Holder Issuance(std::string_view fund);
  static Holder Debts(std::string_view fund);
  static Holder Expired() { return Holder("expired"); }
  static Holder Pool() { return Holder("pool"); }

  const std::string& text() const { return text_; }
  HolderClass holder_class() const { return class_; }
  bool is(HolderClass c) const { return class_ == c; }
  // Of kIssuance, kDebts, kFund, kPayable and kPaid; empty for the others.
  std::string_view fund() const;

  bool operator==(const Holder& other) const { return text_ == other.text_; }

 private:
  std::string text_;
  HolderClass class_ = HolderClass::kNone;
};

}  // namespace redpoints
