// What can be asked of the ledger, checked for shape and authorised. Names are bare ids ("m...", "s..."); texts obey the bounds of the protos.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "storage/rules/entry.h"

namespace redpoints {

// Who asks, and under which id.
struct Origin {
  std::string actor;       // terminal, staff or member id: the scope of the request id
  std::string request_id;  // 32 hex digits
  std::string terminal;    // when the actor is one
  std::string merchant;    // of the terminal
  std::string clerk;
  std::string till;
  std::string fingerprint;  // of the command, made by Fingerprint(); Execute compares it
};

// A member by id ("m...") or 会员号 (digits).
using MemberRef = std::string;

// Who pays, by what the till was shown.
struct MemberNumber {
  std::string digits;  // a 会员号, with its check digit
};
struct MemberId {
  std::string id;
};
using Payer = std::variant<MemberNumber, MemberId>;
// The word that the entry keeps of it: "number" or "id".
inline std::string PresentationOf(const Payer& payer) { return std::holds_alternative<MemberNumber>(payer) ? "number" : "id"; }
inline MemberRef RefOf(const Payer& payer) {
  const auto* number = std::get_if<MemberNumber>(&payer);
  return number ? number->digits : std::get<MemberId>(payer).id;
}

struct AwardItem {
  MemberRef member;
  std::string activity;
  std::int64_t quantity = 0;
  Day effective_day = 0;
  std::uint8_t group = 0;  // number of v1::Group
  std::string session, case_id, about;
  std::string evidence_sha256, note_commitment;  // 64 hex digits or empty
  std::vector<std::string> tags;
};
struct Award {
  AwardItem item;
};
struct AwardBatch {
  std::vector<AwardItem> items;
};
struct Correct {
  std::int64_t award = -1;
  std::int64_t new_quantity = 0;
  std::string reason;  // lower-case name of v1::CorrectionReason
};
struct Donate {
  MemberRef member;
  std::int64_t points = 0;
};
struct Quote {  // decided like Redeem; nothing is written
  Payer payer;
  std::vector<OfferLine> lines;
};
struct Redeem {
  Payer payer;
  std::vector<OfferLine> lines;
};
struct Authorize {
  Payer payer;
  std::vector<OfferLine> lines;
};
struct Capture {
  std::int64_t hold = -1;
  std::int64_t points = 0;  // 0: all
};
struct Void {
  std::int64_t hold = -1;
};
struct Refund {
  std::int64_t redemption = -1;
  std::int64_t points = 0;
};
struct Reverse {
  std::string target_request;  // 32 hex digits
};
// Registrations, all or none. Ids and numbers in it were made by the server for this attempt and are not part of the fingerprint.
struct Register {
  std::vector<Registration> items;
  bool is_new = true;          // the ids must be free; otherwise they must be taken
  std::string rulebook_json;   // with RulebookData: the blob
  bool is_check_only = false;  // whether it would be taken; posts nothing
};
struct ConfirmClock {};
// The first entries of a new program: itself and its administrator. Asked of the program itself, after the system program has recorded it.
struct FoundProgram {
  ProgramData program;
};

using Command = std::variant<Award, AwardBatch, Correct, Donate, Quote, Redeem, Authorize, Capture, Void, Refund, Reverse, Register,
                             ConfirmClock, FoundProgram>;

// 32 hex digits over the typed fields of the command and the origin's clerk and till, versioned; what makes two requests "the same".
// Server-made ids are left out.
std::string Fingerprint(const Origin& origin, const Command& command);

}  // namespace redpoints
