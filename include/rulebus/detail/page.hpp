// page: how lists are given out in parts. A token is the name that a page ended with, so that what is added or removed
// meanwhile does no harm.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

inline constexpr std::string_view page_token_mark = "after:";

/// The name behind which the page begins; empty: from the first.
inline result<std::string_view> read_page_token(std::string_view token) {
  if (token.empty()) return std::string_view();
  if (!token.starts_with(page_token_mark)) return error{errc::invalid_argument, "next_token is none that a list gave"};
  return token.substr(page_token_mark.size());
}

/// Cuts `listed` to the limit (0: none); the token of the next page, empty when there is none.
template <class T, class Name>
std::string cut_page(std::vector<T>& listed, std::size_t limit, Name name) {
  if (limit == 0 || listed.size() <= limit) return {};
  listed.erase(listed.begin() + static_cast<std::ptrdiff_t>(limit), listed.end());
  return std::string(page_token_mark) + std::string(name(listed.back()));
}

}  // namespace rulebus::inline v1::detail
