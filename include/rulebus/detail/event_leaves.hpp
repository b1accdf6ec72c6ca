// event_leaves: the leaves of an event at given paths, each with its place in arrays. For people's questions (explain), where
// clarity matters and speed does not; matching itself never makes such a list.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/detail/array_consistency.hpp"
#include "rulebus/detail/pattern_tree.hpp"
#include "rulebus/event.hpp"
#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

struct event_leaf {
  std::string path;
  leaf_type type{};
  std::string text;       ///< decoded
  std::string json;       ///< as written
  std::uint32_t element;  ///< into event_leaves::elements
};

struct event_leaves {
  std::vector<event_leaf> leaves;
  std::vector<array_element> elements{{}};
  std::uint32_t arrays = 0;
};

/// Checks the whole event; errors as matcher::reader::match.
RULEBUS_API result<event_leaves> find_leaves(std::string_view event_json, const std::set<std::string>& paths,
                                             const event_options& options);

}  // namespace rulebus::inline v1::detail
