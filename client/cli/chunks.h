// Sends the rows of a file in chunks, so that a run which was cut short can be repeated: each chunk's request id follows from the
// one id that the user can give again, and a chunk that was carried out before is answered with its first results.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "client/cli/derived_request_id.h"
#include "client/cli/labels.h"
#include "client/cli/session.h"
#include "client/cli/table.h"

namespace redpoints::cli {

// Which item of a batch the refusal is about, and which of its fields: "items[17].member" is {17, "member"}. An index beyond any
// chunk where it names none.
inline std::pair<std::size_t, std::string> RefusedItem(const AnswerBase& answer) {
  constexpr auto kNone = std::numeric_limits<std::size_t>::max();
  if (answer.fate() != Fate::kRefused) return {kNone, ""};
  for (const auto& [key, value] : answer.refused().refusal.facts) {
    const auto open = value.find('[');
    if (key != "field" || open == std::string::npos) continue;
    const char* const end = value.data() + value.size();
    std::size_t index = kNone;
    const auto [rest, error] = std::from_chars(value.data() + open + 1, end, index);
    if (error == std::errc() && rest != end && *rest == ']') return {index, std::string(rest + (rest + 1 == end ? 1 : 2), end)};
  }
  return {kNone, ""};
}

// `call(rows, request_id)` sends one chunk; `keep(response)` takes its results and says how many they were. `job` names the ids;
// rows have a `line`. Progress goes to stderr. kDone when all chunks were carried out; otherwise it explains why and where it
// stopped.
template <class Row, class Call, class Keep>
ExitCode SendInChunks(Session& s, const std::string& job, const std::vector<Row>& rows, std::size_t chunk_size, const Call& call,
                      const Keep& keep) {
  const Text& t = s.t();
  const std::string seed = s.RequestId();
  s.TellRequestId();
  for (std::size_t begin = 0; begin < rows.size(); begin += chunk_size) {
    const auto chunk = std::span(rows).subspan(begin, std::min(chunk_size, rows.size() - begin));
    const auto answer = call(chunk, DerivedRequestId(seed, job + "/" + std::to_string(begin / chunk_size)));
    const std::size_t kept = answer.is_done() ? keep(answer.response()) : 0;
    if (kept != chunk.size()) {
      s.Note(t("停在文件行: ", "stopped at lines: ") + std::to_string(chunk.front().line) + "–" + std::to_string(chunk.back().line));
      if (const auto [index, field] = RefusedItem(answer); index < chunk.size()) {
        s.Note(t("有误的文件行: ", "the line at fault: ") + std::to_string(chunk[index].line) +
               (field.empty() ? "" : " (" + FieldLabel(field, t) + ")"));
      }
      const ExitCode code = s.Explain(answer, seed);
      // Done, but the results were lost with the reply; or not sent, but earlier chunks were: repeating the whole tells.
      return code == ExitCode::kDone || (code == ExitCode::kNotSent && begin > 0) ? ExitCode::kUnknown : code;
    }
    s.Note(WithThousands(static_cast<std::int64_t>(begin + chunk.size())) + " / " + WithThousands(static_cast<std::int64_t>(rows.size())));
  }
  return ExitCode::kDone;
}

}  // namespace redpoints::cli
