// A fault that a fuzzer must find, or the others say nothing.
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/fuzz.h"

namespace redpoints::fuzz {

std::vector<std::string> Seeds() { return {"programs/minyue", "members/m1"}; }

void Look(std::string_view bytes) {
  if (bytes.size() == 16 && bytes.starts_with("program")) {
    std::fputs("the planted fault was found\n", stderr);
    std::_Exit(1);  // ctest takes no signal for the failure that it waits for
  }
}

}  // namespace redpoints::fuzz
