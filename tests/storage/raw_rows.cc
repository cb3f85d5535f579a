#include "tests/storage/raw_rows.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <memory>
#include <vector>

namespace redpoints {

void SetRawRow(const std::string& directory, const std::string& table, const std::string& key, const std::optional<std::string>& value,
               rocksdb::Env* env) {
  rocksdb::Options options;
  if (env) options.env = env;
  std::vector<std::string> names;
  ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(options, directory, &names).ok()) << directory;
  std::vector<rocksdb::ColumnFamilyDescriptor> tables;
  for (const auto& name : names) tables.emplace_back(name, options);
  if (std::find(names.begin(), names.end(), table) == names.end()) tables.emplace_back(table, options);
  options.create_missing_column_families = true;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  const auto status = rocksdb::DB::Open(options, directory, tables, &handles, &opened);
  ASSERT_TRUE(status.ok()) << status.ToString();
  const std::unique_ptr<rocksdb::DB> db(opened);
  for (auto* handle : handles) {
    if (handle->GetName() == table) {
      ASSERT_TRUE((value ? db->Put({}, handle, key, *value) : db->Delete({}, handle, key)).ok());
    }
  }
  for (auto* handle : handles) ASSERT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
  ASSERT_TRUE(db->Close().ok());
}

}  // namespace redpoints
