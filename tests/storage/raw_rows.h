// Alters the rows of a closed RocksDB as damage would, behind the back of log and store.
#pragma once

#include <optional>
#include <string>

namespace rocksdb {
class Env;
}

namespace redpoints {

// Puts a value, or deletes the row. `table` is a column family; all that the database has are opened. Fails the test when it can't.
void SetRawRow(const std::string& directory, const std::string& table, const std::string& key, const std::optional<std::string>& value,
               rocksdb::Env* env = nullptr);

}  // namespace redpoints
