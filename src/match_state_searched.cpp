// Looking a leaf up where one look-up does not do: among intervals, for each piece of it, or one by one.
#include "rulebus/detail/match_state.hpp"

namespace rulebus::inline v1::detail {

void match_state::probe_ranges(const path_node& node, const decimal& value, std::uint32_t number) {
  // Numbers at one path, such as the coordinates of a shape, often stand close together.
  searched& before = searched_[node.path_id];
  if (before.event == event_ && is_surely_between(value, before.around.low, before.around.high)) return;
  const std::optional<double> x = comparable(value);
  if (x) before = {event_, node.ranges.search(*x, [&](const entry& e) { return found(&e, number), true; })};
}

void match_state::probe_infixes(const path_node& node, std::string_view text, std::uint32_t number) {
  const auto hash_of = [](std::string_view piece) { return key_hash(key_kind::infix, piece); };
  node.infixes.search(text, hash_of, [&](const entry& e) {
    if (answers_.find(e.id) != nullptr) return false;
    found(&e, number);
    return true;
  });
}

void match_state::scan(const path_node& node, const detail::leaf& value) {
  node.scans.for_each([&](const entry& e) {
    condition_answer& a = answers_.at(e.id);
    if (a.first_hit == condition_answer::unknown) a.first_hit = none;
    if (a.first_hit != none || !leaf_passes(*e.condition(), value)) return;
    a.first_hit = some;
    add_candidates(e);
  });
}

}  // namespace rulebus::inline v1::detail
