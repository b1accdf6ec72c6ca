#include "additions.hpp"

#include <algorithm>

namespace rulebus::cli {
namespace {

struct addition {
  std::string_view word;
  bool pattern_options::*member;
};

constexpr addition additions[] = {
    {"regexp", &pattern_options::allow_regexp},
    {"wildcard-ignore-case", &pattern_options::allow_wildcard_ignore_case},
    {"cidr-single-address", &pattern_options::allow_cidr_single_address},
    {"all", &pattern_options::allow_all},
};

}  // namespace

bool allow(pattern_options& options, std::string_view word) {
  std::string dashed(word);
  std::replace(dashed.begin(), dashed.end(), '_', '-');
  for (const addition& a : additions) {
    if (dashed == a.word) return options.*a.member = true;
  }
  return false;
}

std::string all_additions() {
  std::string out;
  for (const addition& a : additions) out += (out.empty() ? "" : ", ") + std::string(a.word);
  return out;
}

}  // namespace rulebus::cli
