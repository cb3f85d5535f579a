// The tables of a log in RocksDB: what its owner and whoever salvages one agree on.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <vector>

namespace redpoints {

enum LogTable : std::size_t { kLogMeta, kLogJournal, kLogBlob };
inline constexpr const char* kLogTableNames[] = {"default", "journal", "blob"};

rocksdb::ColumnFamilyOptions LogTableOptions();
// By LogTable.
std::vector<rocksdb::ColumnFamilyDescriptor> LogTables();

}  // namespace redpoints
