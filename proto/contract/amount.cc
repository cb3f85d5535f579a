#include "proto/contract/amount.h"

namespace redpoints {

std::string FormatAmount(std::int64_t amount, int decimals) {
  std::string text = std::to_string(amount);
  if (decimals <= 0) return text;
  const std::size_t first = amount < 0 ? 1 : 0, behind = static_cast<std::size_t>(decimals);
  const std::size_t digits = text.size() - first;
  if (digits <= behind) text.insert(first, behind + 1 - digits, '0');
  text.insert(text.size() - behind, 1, '.');
  return text;
}

}  // namespace redpoints
