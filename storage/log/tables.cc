#include "storage/log/tables.h"

#include <rocksdb/table.h>

namespace redpoints {

rocksdb::ColumnFamilyOptions LogTableOptions() {
  rocksdb::ColumnFamilyOptions cf;
  rocksdb::BlockBasedTableOptions blocks;
  blocks.format_version = 5;
  blocks.checksum = rocksdb::kXXH3;
  blocks.block_size = 64 * 1024;  // lines compress well together
  blocks.block_cache = rocksdb::NewLRUCache(64u << 20);
  cf.compression = rocksdb::kZSTD;
  cf.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  cf.write_buffer_size = 64u << 20;
  // No prefix extractor anywhere: with one, scans from an absent prefix come back empty with status OK.
  return cf;
}

std::vector<rocksdb::ColumnFamilyDescriptor> LogTables() {
  std::vector<rocksdb::ColumnFamilyDescriptor> tables;
  for (const char* name : kLogTableNames) tables.emplace_back(name, LogTableOptions());
  return tables;
}

}  // namespace redpoints
