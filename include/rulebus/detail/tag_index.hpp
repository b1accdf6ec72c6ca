// tag_index: which names carry which tags, so that a tag filter looks only at those that may match.
//
// Thread safety: none; the bus guards it. Memory: of the tags there are; what has none costs nothing.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "rulebus/delivery.hpp"
#include "rulebus/pattern.hpp"

namespace rulebus::inline v1::detail {

class tag_index {
 public:
  using names = std::set<std::string, std::less<>>;

  void add(const std::string& name, const string_map& tags);
  /// Forgets `tags` of name, but for those that are in `still`. Does not fail.
  void remove(const std::string& name, const string_map& tags, const string_map& still = {}) noexcept;

  /// All names that the filter can match, and perhaps more; empty: any name may match, with tags or without.
  /// Cost: the names found, and for tests other than of equality the values of their tag.
  std::optional<names> candidates(const pattern& filter) const;

  bool empty() const noexcept { return by_key_.empty(); }

 private:
  using by_value = std::map<std::string, names, std::less<>>;
  struct carriers {
    by_value values{};
    std::size_t count = 0;
  };
  std::map<std::string, carriers, std::less<>> by_key_;

  friend class tag_search;
};

}  // namespace rulebus::inline v1::detail
