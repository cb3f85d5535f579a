// Writes the tables of the contract as C++, at build time, so that whoever needs a reason or a word needs no protobuf.
//
//   redpoints_contract_tables DESCRIPTOR_SET DIRECTORY
//
// DESCRIPTOR_SET is what protoc --descriptor_set_out makes of all protos. Fails when a value of an enum lacks what its
// siblings have.
#include <google/protobuf/descriptor.pb.h>

#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "redpoints/v1/reason.pb.h"
#include "redpoints/v1/words.pb.h"

namespace redpoints {
namespace {

using google::protobuf::EnumDescriptorProto;
using google::protobuf::EnumValueDescriptorProto;
using google::protobuf::FileDescriptorSet;

constexpr char kNotice[] = "// Made by proto/contract/generate.cc; not to be edited.\n";

// As a C++ literal. Octal escapes end after three digits, whatever follows.
std::string Quoted(const std::string& text) {
  std::ostringstream out;
  out << '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out << '\\' << c;
    } else if (byte >= 0x20 && byte != 0x7f) {
      out << c;
    } else {
      out << '\\' << (byte >> 6) << (byte >> 3 & 7) << (byte & 7);
    }
  }
  out << '"';
  return out.str();
}

bool Complain(const EnumValueDescriptorProto& value, const char* what) {
  std::cerr << value.name() << ": " << what << '\n';
  return false;
}

// In the order of their numbers, for binary search.
std::map<int, EnumValueDescriptorProto> ByNumber(const EnumDescriptorProto& type) {
  std::map<int, EnumValueDescriptorProto> values;
  for (const auto& value : type.value()) values.emplace(value.number(), value);
  return values;
}

bool WriteReasons(const EnumDescriptorProto& type, const std::string& directory) {
  std::ofstream header(directory + "/reason_enum.h"), table(directory + "/reason_table.inc");
  header << kNotice << "#pragma once\n\nnamespace redpoints {\n\n"
         << "// Of proto/redpoints/v1/reason.proto, which says what each means.\nenum class Reason : int {\n";
  table << kNotice;
  for (const auto& [number, value] : ByNumber(type)) {
    const v1::ReasonInfo& info = value.options().GetExtension(v1::info);
    if (number != 0 && (info.recording() == v1::RECORDING_UNSPECIFIED || info.code() == 0 || info.zh_cn().empty() ||
                        info.next_zh_cn().empty() || info.next().empty())) {
      return Complain(value, "its (info) lacks a field");
    }
    header << "  " << value.name() << " = " << number << ",\n";
    table << "{Reason::" << value.name() << ", {" << Quoted(value.name()) << ", " << (info.recording() == v1::RECORDED ? "true" : "false")
          << ", " << info.code() << ", " << Quoted(info.zh_cn()) << ", " << Quoted(info.next_zh_cn()) << ", " << Quoted(info.next())
          << "}},\n";
  }
  header << "};\n\n}  // namespace redpoints\n";
  return header.flush() && table.flush();
}

bool HasWords(const EnumDescriptorProto& type) {
  for (const auto& value : type.value()) {
    if (value.options().HasExtension(v1::word)) return true;
  }
  return false;
}

bool WriteWords(const FileDescriptorSet& files, const std::string& directory) {
  std::map<std::string, EnumDescriptorProto> types;
  for (const auto& file : files.file()) {
    for (const auto& type : file.enum_type()) {
      if (HasWords(type)) types.emplace(type.name(), type);
    }
  }
  std::ofstream header(directory + "/word_list.h"), table(directory + "/word_table.inc");
  header << kNotice << "#pragma once\n\nnamespace redpoints {\n\n"
         << "// The enums of proto/redpoints/v1 whose values have words for people.\nenum class WordList : int {\n";
  table << kNotice;
  std::string lists;
  for (const auto& [name, type] : types) {
    header << "  k" << name << ",\n";
    lists += "{" + Quoted(name) + ", k" + name + "},\n";
    table << "constexpr Word k" << name << "[] = {\n";
    for (const auto& [number, value] : ByNumber(type)) {
      if (number == 0) continue;
      const v1::Word& word = value.options().GetExtension(v1::word);
      if (word.zh_cn().empty() || word.en().empty()) return Complain(value, "its (word) lacks zh_cn or en");
      table << "{" << number << ", " << Quoted(value.name()) << ", " << Quoted(word.stored()) << ", " << Quoted(word.zh_cn()) << ", "
            << Quoted(word.en()) << "},\n";
    }
    table << "};\n";
  }
  header << "};\n\n}  // namespace redpoints\n";
  table << "constexpr List kLists[] = {\n" << lists << "};\n";
  return header.flush() && table.flush();
}

bool Generate(const std::string& set, const std::string& directory) {
  std::ifstream in(set, std::ios::binary);
  FileDescriptorSet files;
  if (!files.ParseFromIstream(&in)) {
    std::cerr << "can't read " << set << '\n';
    return false;
  }
  for (const auto& file : files.file()) {
    for (const auto& type : file.enum_type()) {
      if (type.name() == "Reason") return WriteReasons(type, directory) && WriteWords(files, directory);
    }
  }
  std::cerr << "no enum Reason in " << set << '\n';
  return false;
}

}  // namespace
}  // namespace redpoints

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " DESCRIPTOR_SET DIRECTORY\n";
    return 2;
  }
  return redpoints::Generate(argv[1], argv[2]) ? 0 : 1;
}
