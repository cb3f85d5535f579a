// What a fuzzer gives: bytes to begin with, and a look at any bytes, which aborts when something is wrong. fuzz_main.cc does the rest.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace redpoints::fuzz {

std::vector<std::string> Seeds();
void Look(std::string_view bytes);

}  // namespace redpoints::fuzz
