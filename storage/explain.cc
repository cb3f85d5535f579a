#include "storage/explain.h"

#include "absl/strings/str_cat.h"
#include "storage/rules/apply.h"
#include "storage/rules/refusal.h"

namespace redpoints {
namespace {

struct Sums {
  std::int64_t issued = 0, debt = 0, expired = 0, to_merchant = 0;
};

Sums SumsOf(const Entry& e) {
  Sums sums;
  for (const Posting& p : e.postings) {
    if (p.unit != "POINT") continue;
    if (p.holder.starts_with("issuance:")) sums.issued -= p.amount;
    if (p.sub == Sub::kDebt) sums.debt -= p.amount;
    if (p.holder == "expired") sums.expired += p.amount;
  }
  return sums;
}

std::string LotsText(const Entry& e, bool is_zh) {
  std::string text;
  for (const Posting& p : e.postings) {
    for (const Lot& lot : p.lots) {
      absl::StrAppend(&text, text.empty() ? "" : is_zh ? "、" : ", ", lot.fund, " ", std::abs(lot.amount));
      if (lot.end != kNever) absl::StrAppend(&text, is_zh ? "(至" : " (until ", lot.end, is_zh ? "前)" : ")");
    }
  }
  return text;
}

}  // namespace

std::string ExplainZh(const Entry& e) {
  const Sums sums = SumsOf(e);
  const std::string points = absl::StrCat(PointsOf(e));
  std::string text;
  switch (e.kind) {
    case Kind::kAward:
      text = absl::StrCat("按规则册 ", e.rulebook, "，活动 ", e.activity, "（", e.effective_day, "），数量 ", e.quantity, "，发放 ", sums.issued, " 积分");
      if (sums.debt < 0) absl::StrAppend(&text, "，其中抵扣欠分 ", -sums.debt);
      if (e.cap_hit) text += "，已达上限";
      if (sums.issued > 0 && !LotsText(e, true).empty()) absl::StrAppend(&text, "，批次 ", LotsText(e, true));
      return text + "。";
    case Kind::kCorrection:
      text = absl::StrCat("更正第 ", e.ref, " 条：数量改为 ", e.quantity, "，积分变动 ", sums.issued);
      if (sums.debt > 0) absl::StrAppend(&text, "，已使用部分记欠分 ", sums.debt);
      return text + "，原因 " + e.reason + "。";
    case Kind::kDonation: return absl::StrCat("捐赠到公益池，批次 ", LotsText(e, true), "。");
    case Kind::kRedemption: return absl::StrCat("在商户 ", e.merchant, " 兑换 ", points, " 积分，先用先到期的批次：", LotsText(e, true), "。");
    case Kind::kHold: return absl::StrCat("商户 ", e.merchant, " 预扣 ", points, " 积分，批次 ", LotsText(e, true), "。");
    case Kind::kCapture: return absl::StrCat("完成第 ", e.hold, " 条预扣，商户 ", e.merchant, " 收 ", points, " 积分。");
    case Kind::kVoid: return absl::StrCat("取消第 ", e.hold, " 条预扣，退回 ", points, " 积分。");
    case Kind::kHoldExpired: return absl::StrCat("第 ", e.hold, " 条预扣到时自动取消，退回 ", points, " 积分。");
    case Kind::kRefund:
      text = absl::StrCat("第 ", e.ref, " 条兑换退回 ", points, " 积分");
      if (sums.expired > 0) absl::StrAppend(&text, "，其中 ", sums.expired, " 积分的批次已过期");
      return text + "。";
    case Kind::kReversal:
      if (e.reason == "tombstone") return "撤销了一笔尚未到达的请求；该请求将不再执行。";
      if (e.reason == "refused") return absl::StrCat("被撤销的请求此前已被拒绝（第 ", e.ref, " 条），没有变动。");
      if (e.reason == "ended") return absl::StrCat("被撤销的预扣（第 ", e.hold, " 条）此前已结束，没有变动。");
      return absl::StrCat("撤销第 ", e.ref >= 0 ? e.ref : e.hold, " 条，退回 ", points, " 积分，限额同时恢复。");
    case Kind::kExpiry: return absl::StrCat("批次到期：", LotsText(e, true), "。");
    case Kind::kDayClosed: return absl::StrCat("业务日 ", e.effective_day, " 日结。");
    case Kind::kRefused: {
      const auto& info = InfoOf(ReasonFromName(e.reason));
      return absl::StrCat("请求被拒绝：", info.zh_cn(), "（", e.reason, "）。");
    }
    default: return absl::StrCat(std::string(KindNameZh(e.kind)), " ", RegistrationKey(e.data), "。");
  }
}

std::string ExplainEn(const Entry& e) {
  const Sums sums = SumsOf(e);
  const std::string points = absl::StrCat(PointsOf(e));
  std::string text;
  switch (e.kind) {
    case Kind::kAward:
      text = absl::StrCat("rulebook ", e.rulebook, ", activity ", e.activity, " on ", e.effective_day, ", quantity ", e.quantity, ": ",
                          sums.issued, " points");
      if (sums.debt < 0) absl::StrAppend(&text, ", of which ", -sums.debt, " pay a debt");
      if (e.cap_hit) text += ", a cap was hit";
      if (sums.issued > 0 && !LotsText(e, false).empty()) absl::StrAppend(&text, ", lots: ", LotsText(e, false));
      return text;
    case Kind::kCorrection:
      text = absl::StrCat("corrects ", e.ref, ": quantity ", e.quantity, ", points change by ", sums.issued);
      if (sums.debt > 0) absl::StrAppend(&text, ", ", sums.debt, " were spent and are owed");
      return absl::StrCat(text, ", because ", e.reason);
    case Kind::kDonation: return absl::StrCat("donated to the pool, lots: ", LotsText(e, false));
    case Kind::kRedemption: return absl::StrCat("redeemed ", points, " points at ", e.merchant, ", soonest-ending lots first: ", LotsText(e, false));
    case Kind::kHold: return absl::StrCat("holds ", points, " points for ", e.merchant, ", lots: ", LotsText(e, false));
    case Kind::kCapture: return absl::StrCat("captures ", points, " points of hold ", e.hold, " for ", e.merchant);
    case Kind::kVoid: return absl::StrCat("voids hold ", e.hold, ", ", points, " points go back");
    case Kind::kHoldExpired: return absl::StrCat("hold ", e.hold, " ended by time, ", points, " points go back");
    case Kind::kRefund:
      text = absl::StrCat("refunds ", points, " points of redemption ", e.ref);
      if (sums.expired > 0) absl::StrAppend(&text, ", ", sums.expired, " of them into lots that are past");
      return text;
    case Kind::kReversal:
      if (e.reason == "tombstone") return "reverses a request that had not arrived; it will never be carried out";
      if (e.reason == "refused") return absl::StrCat("the request had been refused by ", e.ref, "; nothing moves");
      if (e.reason == "ended") return absl::StrCat("hold ", e.hold, " had ended before; nothing moves");
      return absl::StrCat("undoes ", e.ref >= 0 ? e.ref : e.hold, ", ", points, " points go back, and the limits with them");
    case Kind::kExpiry: return absl::StrCat("lots ended: ", LotsText(e, false));
    case Kind::kDayClosed: return absl::StrCat("business day ", e.effective_day, " is closed");
    case Kind::kRefused: return absl::StrCat("refused: ", e.reason);
    default: return absl::StrCat(std::string(KindName(e.kind)), " ", RegistrationKey(e.data));
  }
}

}  // namespace redpoints
