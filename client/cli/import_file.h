// The CSV files of award-batch, member import and offer import. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/text.h"
#include "redpoints/v1/award_service.pb.h"
#include "redpoints/v1/registry_service.pb.h"

namespace redpoints::cli {

struct AwardRow {
  int line = 0;
  v1::AwardItem item;
};

struct MemberRow {
  int line = 0;
  std::string ref;  // the file's own mark for the member; stays on this machine
  v1::Member member;
};

struct OfferRow {
  int line = 0;
  v1::Offer offer;
};

// Columns, in any order, by their English or Chinese name: member 会员, activity 活动, quantity 数量, effective_day 日期, group
// 群体, and if wanted session 场次, case 案件, evidence_sha256 凭证, note_commitment 备注承诺, tags 标签 (separated by ";"), about
// 相关. INVALID_ARGUMENT lists up to 20 bad rows, each with its line.
absl::StatusOr<std::vector<AwardRow>> ParseAwardFile(std::string_view text, const std::string& program, const Text& t);

// Columns: kind 类型, groups 群体 (GROUP[:FROM[:TO]], separated by ";"), and if wanted grid 网格, memberships 所属 (MEMBER:FROM[:TO], separated by
// ";"), state 状态, ref 备注号.
absl::StatusOr<std::vector<MemberRow>> ParseMemberFile(std::string_view text, const std::string& program, const Text& t);

// Columns: code 编码, kind 类型, and if wanted price_points 单价, max_points 每笔最多, merchant 商户, name_zh_cn 名称, from_day 开始日,
// to_day 结束日.
absl::StatusOr<std::vector<OfferRow>> ParseOfferFile(std::string_view text, const std::string& program, const Text& t);

}  // namespace redpoints::cli
