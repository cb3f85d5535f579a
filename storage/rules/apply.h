// The only code that changes state: what an entry that was checked adds to each table.
#pragma once

#include "absl/status/status.h"
#include "storage/rules/entry.h"
#include "storage/rules/state.h"

namespace redpoints {

// Adds a checked entry to the state. Each row is changed by the entry and the row alone; open holds by a set-back, too.
// Fails only where a rulebook's blob can't be had or read; then nothing has changed.
absl::Status Apply(State& state, const Entry& entry);

// Takes up what the state keeps beside its rows, of a row as it is read back from a store.
void IndexAccount(State& state, const std::string& account_key, const Account& account);
void IndexHold(State& state, std::int64_t sequence, const Hold& hold);
void IndexShopDay(State& state, const std::string& key);
absl::Status IndexRegistration(State& state, const Registered& registered);

}  // namespace redpoints
