// The entries that leaves find by a search (is_searched): they stand in the sets that are searched while rules are under them.
#include "rulebus/detail/index_range.hpp"
#include "rulebus/detail/index_writer.hpp"

namespace rulebus::inline v1::detail {

void index_writer::begin_search(path_node& node, entry* e) {
  if (e->kind == key_kind::infix) node.infixes.insert(store_, e);
  if (e->kind == key_kind::range) node.ranges.insert(store_, range_key::bounds(e->key()), e);
  if (e->kind == key_kind::lazy) node.scans.insert(store_, e);
}

void index_writer::end_search(path_node& node, entry* e) {
  if (e->kind == key_kind::infix) node.infixes.erase(store_, e);
  if (e->kind == key_kind::range) node.ranges.erase(store_, range_key::bounds(e->key()), e);
  if (e->kind == key_kind::lazy) node.scans.erase(store_, e);
}

/// `copy` takes the place of an entry that stands in one of the sets.
void index_writer::keep_search(path_node& node, entry* before, entry* copy) {
  if (copy->kind == key_kind::infix) node.infixes.replace(store_, before, copy);
  if (copy->kind == key_kind::range) node.ranges.replace(store_, range_key::bounds(copy->key()), copy);
  if (copy->kind == key_kind::lazy) node.scans.replace(store_, before, copy);
}

}  // namespace rulebus::inline v1::detail
