// The entries that are looked for only while rules are under them: those that leaves find by a search stand in the sets that
// are searched, and of those that have a length it is counted.
#include "rulebus/detail/index_range.hpp"
#include "rulebus/detail/index_writer.hpp"

namespace rulebus::inline v1::detail {

namespace index {

bool has_length(key_kind kind) noexcept {
  constexpr std::uint32_t kinds = bit_of(key_kind::prefix) | bit_of(key_kind::suffix) | bit_of(key_kind::lower_prefix) |
                                  bit_of(key_kind::lower_suffix) | bit_of(key_kind::network) | bit_of(key_kind::folded_prefix) |
                                  bit_of(key_kind::folded_suffix);
  return (kinds & bit_of(kind)) != 0;
}

}  // namespace index

void index_writer::begin_search(path_node& node, entry* e) {
  if (e->kind == key_kind::infix) node.infixes.insert(store_, e);
  if (e->kind == key_kind::range) node.ranges.insert(store_, range_key::bounds(e->key()), e);
  if (e->kind == key_kind::lazy) node.scans.insert(store_, e);
  if (index::has_length(e->kind)) count_length(node, *e, 1);
}

void index_writer::end_search(path_node& node, entry* e) {
  if (e->kind == key_kind::infix) node.infixes.erase(store_, e);
  if (e->kind == key_kind::range) node.ranges.erase(store_, range_key::bounds(e->key()), e);
  if (e->kind == key_kind::lazy) node.scans.erase(store_, e);
  if (index::has_length(e->kind)) count_length(node, *e, -1);
}

/// `copy` takes the place of an entry that stands in one of the sets.
void index_writer::keep_search(path_node& node, entry* before, entry* copy) {
  if (copy->kind == key_kind::infix) node.infixes.replace(store_, before, copy);
  if (copy->kind == key_kind::range) node.ranges.replace(store_, range_key::bounds(copy->key()), copy);
  if (copy->kind == key_kind::lazy) node.scans.replace(store_, before, copy);
}

}  // namespace rulebus::inline v1::detail
