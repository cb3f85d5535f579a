#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/cli/arguments.h"
#include "client/cli/chunks.h"
#include "client/cli/commands.h"
#include "client/cli/family.h"
#include "client/cli/import_file.h"
#include "client/cli/validators.h"

namespace redpoints::cli {
namespace {

struct Arguments {
  std::string code;
  std::string kind;
  std::string name;
  std::string shop;
  std::string from;
  std::string to;
  std::int64_t price = 0;
  std::int64_t max = 0;
  std::string file;
};

ExitCode SetOffer(const Arguments& a, Session& s) {
  const Text& t = s.t();
  v1::SetOfferRequest request;
  request.set_program(s.program());
  request.set_request_id(s.RequestId());
  auto& offer = *request.mutable_offer();
  offer.set_code(a.code);
  offer.set_name_zh_cn(a.name);
  offer.set_kind(OrUsage("--kind", ParseEnum<v1::OfferKind>(a.kind, t)));
  offer.set_merchant(s.Name("merchants", a.shop));
  offer.set_price_points(a.price);
  offer.set_max_points(a.max);
  if (!a.from.empty()) offer.set_from_day(OrUsage("--from", ParseDay(a.from, t)));
  if (!a.to.empty()) offer.set_to_day(OrUsage("--to", ParseDay(a.to, t)));
  return s.Finish(s.client().SetOffer(request));
}

ExitCode ImportOffers(const Arguments& a, Session& s) {
  const auto rows = OrUsage(a.file, ParseOfferFile(ReadInput(a.file, s.t()), s.program(), s.t()));
  const auto call = [&](std::span<const OfferRow> row, const std::string& request_id) {
    v1::SetOfferRequest request;
    request.set_program(s.program());
    request.set_request_id(request_id);
    *request.mutable_offer() = row.front().offer;
    return s.client().SetOffer(request);
  };
  const auto keep = [](const v1::SetOfferResponse&) { return std::size_t{1}; };
  return SendInChunks(s, "offer-import", rows, 1, call, keep);
}

}  // namespace

void AddOfferCommands(CLI::App& app, Session& s) {
  const Text& t = s.t();
  Family offer(app, s, "offer", t("兑换项目", "offers"), t("登记(管理员)", "Registry (administrators)"));
  {
    const auto [set, a] = offer.Add("set", t("新增或整项修改兑换项目", "add an offer, or replace all that is known of it"), SetOffer);
    set->add_option("code,--code", a->code, t("编码", "code"))->required();
    set->add_option("--kind", a->kind, EnumChoices(*v1::OfferKind_descriptor()))->required()->check(OneOfEnum<v1::OfferKind>(t));
    set->add_option("--price", a->price, t("每件积分; 不填则由收银台输入", "points for a piece; absent: the till says"))
        ->check(AtLeast(1, t));
    set->add_option("--max", a->max, t("无单价时每笔最多积分", "most points of one sale, where there is no price"))->check(AtLeast(1, t));
    set->add_option("--shop", a->shop, t("商户; 不填则各店通用", "shop; absent: every one"));
    set->add_option("--name", a->name, t("名称", "its Chinese name"));
    set->add_option("--from", a->from, t("开始日", "first day"));
    set->add_option("--to", a->to, t("结束日(当日起不再兑换)", "the day from which on it is no longer given"));
  }
  {
    const auto [import, a] = offer.Add("import", t("按 CSV 文件登记兑换项目", "set offers from a CSV file"), ImportOffers);
    import->footer(
        t("列(次序不限): code 编码, kind 类型;\n"
          "可选: price_points 单价, max_points 每笔最多, merchant 商户, name_zh_cn 名称, from_day 开始日, to_day 结束日。",
          "Columns, in any order: code, kind;\n"
          "optional: price_points, max_points, merchant, name_zh_cn, from_day, to_day."));
    import->add_option("file,--file", a->file, t("CSV 文件; - 为标准输入", "CSV file; - is stdin"))->required();
  }
}

}  // namespace redpoints::cli
