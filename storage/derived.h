// The derived tables on disk: how their rows are written, how a state finds its older rows, how a program is loaded.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "storage/rules/state.h"
#include "storage/store/store.h"

namespace redpoints {

// The letters that lead the keys of the tables (keys.h), in the order of State::ForEachTable. Never change.
inline constexpr char kTableLetters[] = {'a', 'r', 'f', 'h', 'g', 'c', 's', 'd'};
// A row as people may read it: "account m1/POINT". `key` without the program that leads it.
std::string RowName(std::string_view key);

std::string EncodeRow(const Account& row);
std::string EncodeRow(const RequestRecord& row);
std::string EncodeRow(const FollowUp& row);
std::string EncodeRow(const Hold& row);
std::string EncodeRow(const Registered& row);
std::string EncodeRow(const ShopDay& row);
std::string EncodeRow(const DayTotals& row);
std::string EncodeRow(std::int64_t row);
// False for bytes that EncodeRow did not write.
bool DecodeRow(std::string_view bytes, Account& row);
bool DecodeRow(std::string_view bytes, RequestRecord& row);
bool DecodeRow(std::string_view bytes, FollowUp& row);
bool DecodeRow(std::string_view bytes, Hold& row);
bool DecodeRow(std::string_view bytes, Registered& row);
bool DecodeRow(std::string_view bytes, ShopDay& row);
bool DecodeRow(std::string_view bytes, DayTotals& row);
bool DecodeRow(std::string_view bytes, std::int64_t& row);

// How far the journal has gone into the derived rows of a program.
std::string EncodeRow(const StateMark& row);

// The changed rows of the state's previous generation, to be held and written beside the writer: `Collect` on the writer's thread (cheap),
// `Rows` on any.
class GenerationRows {
 public:
  static GenerationRows Collect(State& state);
  DerivedRows Rows() const;
  const std::string& program() const { return program_; }

 private:
  std::string program_;
  StateMark mark_;
  std::vector<std::function<void(DerivedRows&)>> tables_;
};

// Lets the state find rows that are not in memory in `store`, which must outlive it. A row that can't be read, not even patiently
// (few_descriptors.h), is taken for absent and `on_damage` is told, on the thread that asked: nothing that was decided or answered with it
// may leave the process.
void BindToStore(State& state, const Store& store, std::function<void(const absl::Status&)> on_damage);

// Loads what a state keeps in memory beside its rows: mark, rulebooks, the ends of lots and holds. The state must be bound.
// UNIMPLEMENTED: a newer program has gone on with the journal, and these rows are its own. Any other error: these rows can't be used (of
// another version, damaged, without a mark, not to be read). The state is then to be thrown away.
absl::Status LoadState(State& state, const Store& store);

// Takes the mark of a program's rows away, so that the next opening makes them again.
absl::Status Discredit(Store& store, const std::string& program);
// Takes all of a program's rows away.
absl::Status DeleteRows(Store& store, const std::string& program);

}  // namespace redpoints
