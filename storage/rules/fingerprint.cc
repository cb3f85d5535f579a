#include <type_traits>

#include "storage/merkle/sha256.h"
#include "storage/rules/command.h"

namespace redpoints {
namespace {

// Length-prefixed fields in a fixed order behind a label with a version: no two different commands give the same bytes.
class Bytes {
 public:
  void Add(std::string_view text) {
    Add(static_cast<std::int64_t>(text.size()));
    bytes_ += text;
  }
  void Add(const std::string& text) { Add(std::string_view(text)); }
  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void Add(T value) {
    const auto number = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>(number >> shift);
  }
  template <class T> void Add(const std::vector<T>& list) {
    Add(static_cast<std::int64_t>(list.size()));
    for (const T& element : list) Add(element);
  }
  void Add(const OfferLine& l) { Add(l.offer), Add(l.quantity), Add(l.points), Add(l.cash_fen); }
  void Add(const Membership& m) { Add(m.member), Add(m.from), Add(m.to); }
  void Add(const RoleGrant& g) { Add(g.role), Add(g.scope); }
  void Add(const Payer& p) { Add(PresentationOf(p)), Add(RefOf(p)); }
  void Add(const AwardItem& i) {
    Add(i.member), Add(i.activity), Add(i.quantity), Add(i.effective_day), Add(i.group), Add(i.session), Add(i.case_id), Add(i.about);
    Add(i.evidence_sha256), Add(i.note_commitment), Add(i.tags);
  }
  void Add(const Award& c) { Add(c.item); }
  void Add(const AwardBatch& c) { Add(c.items); }
  void Add(const Correct& c) { Add(c.award), Add(c.new_quantity), Add(c.reason); }
  void Add(const Donate& c) { Add(c.member), Add(c.points); }
  void Add(const Quote& c) { Add(c.payer), Add(c.lines); }
  void Add(const Redeem& c) { Add(c.payer), Add(c.lines); }
  void Add(const Authorize& c) { Add(c.payer), Add(c.lines); }
  void Add(const Capture& c) { Add(c.hold), Add(c.points); }
  void Add(const Void& c) { Add(c.hold); }
  void Add(const Refund& c) { Add(c.redemption), Add(c.points); }
  void Add(const Reverse& c) { Add(c.target_request); }
  void Add(const ConfirmClock&) {}
  void Add(const FoundProgram& c) { Add(c.program.id); }
  void Add(const Register& c) {
    is_new_ = c.is_new;
    Add(c.is_new);
    Add(static_cast<std::int64_t>(c.items.size()));
    for (const Registration& data : c.items) {
      Add(data.index());
      std::visit([this](const auto& d) { AddData(d); }, data);
    }
  }
  const std::string& bytes() const { return bytes_; }

 private:
  // An id that the server made for this attempt differs between two attempts at the same request.
  void Id(const std::string& id) { Add(is_new_ ? std::string() : id); }
  void AddData(const std::monostate&) {}
  void AddData(const ProgramData& d) { Add(d.id); }
  void AddData(const NodeData& d) { Add(d.code), Add(d.kind), Add(d.parent), Add(d.places), Add(d.type); }
  void AddData(const FundData& d) { Add(d.code), Add(d.budget_points); }
  void AddData(const MemberData& d) { Id(d.id), Add(d.kind), Add(d.groups), Add(d.grid), Add(d.memberships), Add(d.state); }
  void AddData(const MerchantData& d) { Id(d.id), Add(d.people), Add(d.place), Add(d.state); }
  void AddData(const TerminalData& d) { Id(d.id), Add(d.merchant), Add(d.state); }
  void AddData(const StaffData& d) { Id(d.id), Add(d.member), Add(d.grants), Add(d.state); }
  void AddData(const RulebookData& d) { Add(d.version), Add(d.effective_day), Add(d.sha256); }

  std::string bytes_;
  bool is_new_ = false;
};

}  // namespace

std::string Fingerprint(const Origin& origin, const Command& command) {
  Bytes bytes;
  bytes.Add(std::string_view("redpoints/fingerprint/v1"));
  bytes.Add(origin.clerk);
  bytes.Add(origin.till);
  bytes.Add(command.index());
  std::visit([&](const auto& c) { bytes.Add(c); }, command);
  return Hex(Sha256(bytes.bytes()).data(), 16);
}

}  // namespace redpoints
