#include "storage/explain.h"

#include "absl/strings/str_cat.h"
#include "proto/contract/names.h"
#include "proto/contract/reason.h"
#include "proto/contract/words.h"
#include "storage/amounts.h"
#include "storage/rules/kinds.h"
#include "storage/rules/lots.h"
#include "storage/rules/rulebook.h"

namespace redpoints {
namespace {

struct Sums {
  std::int64_t earned = 0, debt = 0, expired = 0;
};

Sums SumsOf(const Entry& e) {
  Sums sums;
  for (const Posting& p : e.postings) {
    if (p.unit != kPoint) continue;
    if (p.sub == Sub::kDebt) sums.debt -= p.amount;
    if (p.holder.is(HolderClass::kExpired)) sums.expired += p.amount;
  }
  sums.earned = EarnedBy(e, kPoint);
  return sums;
}

// The lots of the member's available points: what is held or has ended are the same ones again.
std::string LotsText(const Entry& e, const Amounts& in, bool is_zh) {
  std::string text;
  for (const Posting& p : e.postings) {
    if (!p.holder.is(HolderClass::kMember) || p.sub != Sub::kAvailable) continue;
    for (const Lot& lot : p.lots) {
      absl::StrAppend(&text, text.empty() ? "" : is_zh ? "、" : ", ", lot.fund, " ", in.Points(std::abs(lot.amount)));
      if (lot.end != kNever) absl::StrAppend(&text, is_zh ? "（" : " (until ", lot.end, is_zh ? " 前有效）" : ")");
    }
  }
  return text;
}

// The amount in `unit` that an award gave, or that a correction makes of it.
std::int64_t AmountIn(const Entry& e, const std::string& unit) {
  for (const UnitAmount& amount : e.amounts) {
    if (amount.unit == unit) return amount.amount;
  }
  return EarnedBy(e, unit);
}

// What did not simply come back to the member, or from them: "，其中抵扣欠分 5，其中 4 积分的批次已过期".
std::string AsideText(const Sums& sums, const Amounts& in, bool is_zh) {
  std::string text;
  if (is_zh) {
    const std::string debt(ZhOf(WordList::kAccountPart, "debt"));
    if (sums.debt < 0) absl::StrAppend(&text, "，其中抵扣", debt, " ", in.Points(-sums.debt));
    if (sums.debt > 0) absl::StrAppend(&text, "，其中记", debt, " ", in.Points(sums.debt));
    if (sums.expired > 0) absl::StrAppend(&text, "，其中 ", in.Points(sums.expired), " 积分的批次已过期");
    if (sums.expired < 0) absl::StrAppend(&text, "，其中 ", in.Points(-sums.expired), " 积分未用已过期");
  } else {
    if (sums.debt < 0) absl::StrAppend(&text, ", of which ", in.Points(-sums.debt), " pay a debt");
    if (sums.debt > 0) absl::StrAppend(&text, ", of which ", in.Points(sums.debt), " are owed");
    if (sums.expired > 0) absl::StrAppend(&text, ", ", in.Points(sums.expired), " of them into lots that are past");
    if (sums.expired < 0) absl::StrAppend(&text, ", ", in.Points(-sums.expired), " had ended unspent");
  }
  return text;
}

// Points that an undo gives back or takes again.
std::int64_t PointsUndone(const Entry& e) {
  for (const Posting& p : e.postings) {
    if (p.holder.is(HolderClass::kPool)) return -p.amount;
  }
  return PointsOf(e);
}

// Of a value that a rulebook holds: never the unspecified one.
std::string TextOf(WordList list, int number, bool is_zh) {
  const Word* word = FindWord(list, number);
  return word ? std::string(is_zh ? word->zh_cn : word->en) : "";
}

std::string Zh(WordList list, std::string_view stored) { return std::string(ZhOf(list, stored)); }

// "；POINT：120 × 1/30（每满 30 计，舍去尾数）= 4，每日上限 4，计 2"
std::string RatesText(const Entry& e, const v1::Activity* activity, const Amounts& in, bool is_zh) {
  if (!activity) return "";
  std::string text;
  for (const auto& earning : activity->earnings()) {
    const std::int64_t earned = AmountEarned(earning, e.quantity, e.carried), amount = AmountIn(e, earning.unit());
    const bool goes_on = earning.carry() && e.carried.quantity != 0;
    absl::StrAppend(&text, is_zh ? "；" : "; ", earning.unit(), is_zh ? "：" : ": ",
                    goes_on ? absl::StrCat("(", e.carried.quantity, " + ", e.quantity, ")") : absl::StrCat(e.quantity), " × ",
                    in.Of(earning.unit(), earning.numerator()));
    std::string how;
    if (earning.step() > 1) how = is_zh ? absl::StrCat("每满 ", earning.step(), " 计") : absl::StrCat("in steps of ", earning.step());
    if (earning.denominator() > 1) {
      absl::StrAppend(&text, "/", earning.denominator());
      absl::StrAppend(&how, how.empty() ? "" : is_zh ? "，" : ", ", TextOf(WordList::kRounding, earning.rounding(), is_zh));
    }
    if (earning.carry())
      absl::StrAppend(&how, how.empty() ? "" : is_zh ? "，" : ", ", is_zh ? "余数在当月累计" : "the rest counts on in the month");
    if (!how.empty()) absl::StrAppend(&text, is_zh ? "（" : " (", how, is_zh ? "）" : ")");
    if (earning.carry() && e.carried.earned != 0) {
      const std::string counted = in.Of(earning.unit(), e.carried.earned);
      absl::StrAppend(&text, is_zh ? absl::StrCat(" − 当月已计 ", counted) : absl::StrCat(" less ", counted, " of the month"));
    }
    // What counts on counts for the unit that carries alone.
    const bool is_below = earning.carry() && AmountEarned(earning, e.quantity, {e.carried.quantity, 0}) < e.carried.earned;
    absl::StrAppend(&text, is_below ? is_zh ? "，不足 0，计 " : ", below 0: " : " = ", in.Of(earning.unit(), earned));
    if (amount == earned) continue;
    for (const auto& cap : activity->caps()) {
      if (cap.unit() != earning.unit()) continue;
      if (is_zh) {
        absl::StrAppend(&text, "，", TextOf(WordList::kPeriod, cap.period(), true), "上限 ", in.Of(cap.unit(), cap.max_amount()));
      } else {
        absl::StrAppend(&text, ", at most ", in.Of(cap.unit(), cap.max_amount()), " ", TextOf(WordList::kPeriod, cap.period(), false));
      }
    }
    absl::StrAppend(&text, is_zh ? "，计 " : ", so ", in.Of(earning.unit(), amount));
  }
  return text;
}

}  // namespace

std::string ExplainZh(const Entry& e, const Definitions& definitions, const StateMark& at) {
  const Amounts in(definitions);
  const auto number = [&](std::int64_t sequence) { return FormatNumber(at.EpochOf(sequence), sequence); };
  const Sums sums = SumsOf(e);
  const std::string points = in.Points(PointsOf(e)), aside = AsideText(sums, in, true);
  const std::string debt = Zh(WordList::kAccountPart, "debt"), hold = Zh(WordList::kEntryKind, "hold"),
                    redemption = Zh(WordList::kEntryKind, "redemption");
  std::string text;
  switch (e.kind) {
    case Kind::kAward:
      text = absl::StrCat("按规则册 ", e.rulebook, "，活动 ", e.activity, "（", e.effective_day, "），数量 ", e.quantity, "，发放 ",
                          in.Points(sums.earned), " 积分");
      if (sums.debt < 0) absl::StrAppend(&text, "，其中抵扣", debt, " ", in.Points(-sums.debt));
      if (e.cap_hit) text += "，已达上限";
      if (sums.earned > 0 && !LotsText(e, in, true).empty()) absl::StrAppend(&text, "，批次 ", LotsText(e, in, true));
      return text + RatesText(e, definitions.ActivityOf(e), in, true) + "。";
    case Kind::kCorrection:
      text = absl::StrCat("更正第 ", number(e.ref), " 条：数量改为 ", e.quantity, "，积分变动 ", in.Points(sums.earned));
      if (sums.debt > 0) absl::StrAppend(&text, "，已使用部分记", debt, " ", in.Points(sums.debt));
      if (sums.expired < 0) absl::StrAppend(&text, "，其中 ", in.Points(-sums.expired), " 积分未用已过期");
      return text + "，原因 " + e.reason + RatesText(e, definitions.ActivityOf(e), in, true) + "。";
    case Kind::kProgram: {
      const auto& program = std::get<ProgramData>(e.data);
      const std::string name = RegistrationKey(e.data);
      if (e.actor == kLedgerActor) return absl::StrCat("计划 ", name, " 的侧数据改用密钥 ", program.side_key, "。");
      text = absl::StrCat(Zh(WordList::kEntryKind, KindName(e.kind)), " ", name);
      if (!program.side_key.empty()) absl::StrAppend(&text, "，侧数据密钥 ", program.side_key);
      return text + "。";
    }
    case Kind::kDonation: return absl::StrCat("捐赠到公益池，批次 ", LotsText(e, in, true), "。");
    case Kind::kRedemption:
      return absl::StrCat("在商户 ", e.merchant, " ", redemption, " ", points, " 积分，先用先到期的批次：", LotsText(e, in, true), "。");
    case Kind::kHold: return absl::StrCat("商户 ", e.merchant, " ", hold, " ", points, " 积分，批次 ", LotsText(e, in, true), "。");
    case Kind::kCapture: return absl::StrCat("完成第 ", number(e.hold), " 条", hold, "，商户 ", e.merchant, " 收 ", points, " 积分。");
    case Kind::kVoid: return absl::StrCat("取消第 ", number(e.hold), " 条", hold, "，退回 ", points, " 积分", aside, "。");
    case Kind::kHoldExpired: return absl::StrCat("第 ", number(e.hold), " 条", hold, "到时自动取消，退回 ", points, " 积分", aside, "。");
    case Kind::kRefund:
      text = absl::StrCat("第 ", number(e.ref), " 条", redemption, "退回 ", points, " 积分", aside);
      if (e.cash_fen > 0) absl::StrAppend(&text, "，另退现金 ", in.Yuan(e.cash_fen), " 元");
      return text + "。";
    case Kind::kReversal:
      if (e.effect == Effect::kTombstone) return "撤销了一笔尚未到达的请求；该请求将不再执行。";
      if (e.effect == Effect::kRefused) return absl::StrCat("被撤销的请求此前已被拒绝（第 ", number(e.ref), " 条），没有变动。");
      if (e.effect == Effect::kEnded) return absl::StrCat("被撤销的", hold, "（第 ", number(e.hold), " 条）此前已结束，没有变动。");
      return absl::StrCat("撤销第 ", number(e.ref >= 0 ? e.ref : e.hold), " 条，退回 ", points, " 积分", aside, "，限额同时恢复。");
    case Kind::kUndoProposed: return absl::StrCat("申请冲销第 ", number(e.ref), " 条，原因 ", e.reason, "；须由另一人复核。");
    case Kind::kWaiverProposed: {
      const auto& waiver = std::get<WaiverData>(e.data);
      return absl::StrCat("申请免除对 ", waiver.fund, " 的", debt, " ", in.Points(waiver.points), "，原因 ", e.reason,
                          "；须由另一人复核。");
    }
    case Kind::kUndo:
      text = absl::StrCat("冲销第 ", number(e.ref), " 条（申请为第 ", number(e.proposal), " 条），", e.sale >= 0 ? "收回 " : "退回 ",
                          in.Points(PointsUndone(e)), " 积分", aside);
      if (e.cash_fen < 0) absl::StrAppend(&text, "，所退现金 ", in.Yuan(-e.cash_fen), " 元不再计");
      return text + "。";
    case Kind::kEpoch:
      return absl::StrCat("账本自第 ", FormatNumber(e.epoch, e.sequence), " 条起为新的一段，原因 ", std::get<EpochData>(e.data).why, "。");
    case Kind::kExpiry: return absl::StrCat("批次到期：", LotsText(e, in, true), "。");
    case Kind::kExpiryUndone: return absl::StrCat("恢复第 ", number(e.ref), " 条过期的批次：", LotsText(e, in, true), "。");
    case Kind::kDebtWaived:
      return absl::StrCat("免除", debt, " ", in.Points(-sums.debt), "，原因 ", e.reason, "（申请为第 ", number(e.proposal), " 条）。");
    case Kind::kHeads: {
      const auto& heads = std::get<HeadsData>(e.data);
      return absl::StrCat("业务日 ", heads.day, " 账户汇总，至第 ", number(heads.as_of), " 条，", heads.holders, " 个会员。");
    }
    case Kind::kLogKey: return absl::StrCat("账本密钥 ", std::get<LogKeyData>(e.data).key_id, " 启用。");
    case Kind::kErasure: return absl::StrCat("会员 ", std::get<ErasureData>(e.data).member, " 的个人信息已删除。");
    case Kind::kDayClosed:
      return absl::StrCat("业务日 ", std::get<DayData>(e.data).day, " 日结，", std::get<DayData>(e.data).shops, " 家商户有兑换。");
    case Kind::kClockConfirmed:
      if (!IsSetBack(e)) return "管理员已确认系统时钟。";
      return absl::StrCat("管理员已将误确认的时钟拨回；", std::get<ClockData>(e.data).last_closed_day, " 及以前的日结有效，之后重新日结。");
    case Kind::kRefused: {
      const std::string why(InfoOf(ReasonFromName(e.refusal)).zh_cn);
      return absl::StrCat("请求被拒绝：", why, "（", e.refusal, "）。");
    }
    default: return absl::StrCat(Zh(WordList::kEntryKind, KindName(e.kind)), " ", RegistrationKey(e.data), "。");
  }
}

std::string ExplainEn(const Entry& e, const Definitions& definitions, const StateMark& at) {
  const Amounts in(definitions);
  const auto number = [&](std::int64_t sequence) { return FormatNumber(at.EpochOf(sequence), sequence); };
  const Sums sums = SumsOf(e);
  const std::string points = in.Points(PointsOf(e)), aside = AsideText(sums, in, false);
  std::string text;
  switch (e.kind) {
    case Kind::kAward:
      text = absl::StrCat("rulebook ", e.rulebook, ", activity ", e.activity, " on ", e.effective_day, ", quantity ", e.quantity, ": ",
                          in.Points(sums.earned), " points");
      if (sums.debt < 0) absl::StrAppend(&text, ", of which ", in.Points(-sums.debt), " pay a debt");
      if (e.cap_hit) text += ", a cap was hit";
      if (sums.earned > 0 && !LotsText(e, in, false).empty()) absl::StrAppend(&text, ", lots: ", LotsText(e, in, false));
      return text + RatesText(e, definitions.ActivityOf(e), in, false);
    case Kind::kCorrection:
      text = absl::StrCat("corrects ", number(e.ref), ": quantity ", e.quantity, ", points change by ", in.Points(sums.earned));
      if (sums.debt > 0) absl::StrAppend(&text, ", ", in.Points(sums.debt), " were spent and are owed");
      if (sums.expired < 0) absl::StrAppend(&text, ", ", in.Points(-sums.expired), " had ended unspent");
      return absl::StrCat(text, ", because ", e.reason, RatesText(e, definitions.ActivityOf(e), in, false));
    case Kind::kProgram: {
      const auto& program = std::get<ProgramData>(e.data);
      const std::string name = RegistrationKey(e.data);
      if (e.actor == kLedgerActor) return absl::StrCat("the side state of ", name, " is kept under another key, ", program.side_key);
      return absl::StrCat("registered ", name, program.side_key.empty() ? "" : ", its side state under key ", program.side_key);
    }
    case Kind::kDonation: return absl::StrCat("donated to the pool, lots: ", LotsText(e, in, false));
    case Kind::kRedemption:
      return absl::StrCat("redeemed ", points, " points at ", e.merchant, ", soonest-ending lots first: ", LotsText(e, in, false));
    case Kind::kHold: return absl::StrCat("holds ", points, " points for ", e.merchant, ", lots: ", LotsText(e, in, false));
    case Kind::kCapture: return absl::StrCat("captures ", points, " points of hold ", number(e.hold), " for ", e.merchant);
    case Kind::kVoid: return absl::StrCat("voids hold ", number(e.hold), ", ", points, " points go back", aside);
    case Kind::kHoldExpired: return absl::StrCat("hold ", number(e.hold), " ended by time, ", points, " points go back", aside);
    case Kind::kRefund:
      text = absl::StrCat("refunds ", points, " points of redemption ", number(e.ref), aside);
      if (e.cash_fen > 0) absl::StrAppend(&text, ", and ", in.Yuan(e.cash_fen), " yuan in cash");
      return text;
    case Kind::kReversal:
      if (e.effect == Effect::kTombstone) return "reverses a request that had not arrived; it will never be carried out";
      if (e.effect == Effect::kRefused) return absl::StrCat("the request had been refused by ", number(e.ref), "; nothing moves");
      if (e.effect == Effect::kEnded) return absl::StrCat("hold ", number(e.hold), " had ended before; nothing moves");
      return absl::StrCat("undoes ", number(e.ref >= 0 ? e.ref : e.hold), ", ", points, " points go back", aside,
                          ", and the limits with them");
    case Kind::kUndoProposed:
      return absl::StrCat("proposes to undo ", number(e.ref), ", because ", e.reason, "; somebody else has to confirm");
    case Kind::kWaiverProposed: {
      const auto& waiver = std::get<WaiverData>(e.data);
      return absl::StrCat("proposes to waive a debt of ", in.Points(waiver.points), " to ", waiver.fund, ", because ", e.reason,
                          "; somebody else has to confirm");
    }
    case Kind::kUndo:
      text = absl::StrCat("undoes ", number(e.ref), ", proposed by ", number(e.proposal), ": ", in.Points(PointsUndone(e)),
                          e.sale >= 0 ? " points are taken again" : " points go back", aside);
      if (e.cash_fen < 0) absl::StrAppend(&text, ", and ", in.Yuan(-e.cash_fen), " yuan in cash count no more");
      return text;
    case Kind::kEpoch:
      return absl::StrCat("a new epoch begins with ", FormatNumber(e.epoch, e.sequence), ", because of a ",
                          std::get<EpochData>(e.data).why);
    case Kind::kExpiry: return absl::StrCat("lots ended: ", LotsText(e, in, false));
    case Kind::kExpiryUndone: return absl::StrCat("lots that ended by ", number(e.ref), " are back: ", LotsText(e, in, false));
    case Kind::kDebtWaived:
      return absl::StrCat("waives a debt of ", in.Points(-sums.debt), ", because ", e.reason, "; proposed by ", number(e.proposal));
    case Kind::kHeads: {
      const auto& heads = std::get<HeadsData>(e.data);
      return absl::StrCat("heads of ", heads.holders, " members as of ", number(heads.as_of), ", after business day ", heads.day);
    }
    case Kind::kLogKey: return absl::StrCat("log key ", std::get<LogKeyData>(e.data).key_id, " is in use");
    case Kind::kErasure: return absl::StrCat("what was known of the person behind ", std::get<ErasureData>(e.data).member, " was erased");
    case Kind::kDayClosed:
      return absl::StrCat("business day ", std::get<DayData>(e.data).day, " is closed; ", std::get<DayData>(e.data).shops, " shops traded");
    case Kind::kClockConfirmed:
      if (!IsSetBack(e)) return "the clock was confirmed";
      return absl::StrCat("a clock that was confirmed wrongly is set back; days up to ", std::get<ClockData>(e.data).last_closed_day,
                          " stay closed, later ones are closed again");
    case Kind::kRefused: return absl::StrCat("refused: ", e.refusal);
    default: return absl::StrCat("registered ", RegistrationKey(e.data));
  }
}

}  // namespace redpoints
