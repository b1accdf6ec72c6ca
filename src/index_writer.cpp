#include "rulebus/detail/index_writer.hpp"

#include <cstring>
#include <utility>

namespace rulebus::inline v1::detail {

// ---- id_pool

std::uint32_t id_pool::take() {
  taken_.push_back(0);  // first, so that running out of memory leaves no trace
  if (free_.empty()) return taken_.back() = limit_++;
  taken_.back() = free_.back();
  free_.pop_back();
  return taken_.back();
}

void id_pool::give(std::uint32_t id) {
  given_.push_back(id);
  free_.reserve(free_.size() + given_.size() > free_.capacity() ? 2 * (free_.size() + given_.size()) : 0);
}

void id_pool::commit() noexcept {
  free_.insert(free_.end(), given_.begin(), given_.end());
  given_.clear();
  taken_.clear();
  if (free_.size() == limit_) *this = id_pool();  // nothing is in use: start afresh, and give the memory back
  committed_limit_ = limit_;
}

void id_pool::abort() noexcept {
  given_.clear();
  for (std::size_t i = taken_.size(); i > 0; --i) {
    if (taken_[i - 1] < committed_limit_) free_.push_back(taken_[i - 1]);
  }
  taken_.clear();
  limit_ = committed_limit_;
}

namespace index {

void destroy_block(block& b) noexcept { delete static_cast<lazy_condition&>(b).test; }

/// A copy that the transaction may change; the original is retired.
template <class T>
T* copy_of(version_store& store, T* original) {
  T* copy = store.make<T>(original->bytes() - sizeof(T));
  copy->copy_contents(*original);
  store.retire(original);
  return copy;
}

template <class T>
T* make_named(version_store& store, std::string_view bytes) {
  T* made = store.make<T>(bytes.size());
  std::memcpy(static_cast<void*>(made + 1), bytes.data(), bytes.size());
  return made;
}

void free_path(version_store& store, path_node* n) noexcept {
  n->children.for_each([&](path_node& child) { free_path(store, &child); });
  n->children.free_nodes(store);
  n->entries.for_each([&](entry& e) {
    e.rules.free_nodes(store);
    if (e.has_condition()) store.free_block(e.condition());
    store.free_block(&e);
  });
  n->entries.free_nodes(store);
  n->scans.free_nodes(store);
  n->ranges.free_nodes(store);
  n->infixes.free_nodes(store);
  if (n->near != nullptr) store.free_block(n->near);
  if (n->lengths != nullptr) store.free_block(n->lengths);
  if (n->name != nullptr) store.free_block(n->name);
  store.free_block(n);
}

}  // namespace index

// ---- transactions

index_writer::index_writer() : store_(&index::destroy_block) {}

index_writer::~index_writer() {
  current_.by_id.for_each([&](compiled_rule& r) { store_.free_block(&r); });
  current_.by_id.free_nodes(store_);
  current_.always.free_nodes(store_);
  current_.forms.for_each([&](form_entry& f) {
    store_.free_block(f.form);
    store_.free_block(&f);
  });
  current_.forms.free_nodes(store_);
  if (current_.paths != nullptr) index::free_path(store_, current_.paths);
}

template <class Change>
void index_writer::transact(Change change) {
  next_ = current_;
  try {
    change();
  } catch (...) {
    store_.abort();
    paths_.abort();
    conditions_.abort();
    slots_.abort();
    throw;
  }
  paths_.commit();
  conditions_.commit();
  slots_.commit();
  next_.path_limit = paths_.limit();
  next_.slot_limit = slots_.limit();
  store_.commit();
  current_ = next_;
}

void index_writer::add(const pattern_tree& tree, rule_id id) {
  transact([&] { add_rule(tree, id); });
}

bool index_writer::remove(rule_id id) {
  compiled_rule* rule = current_.by_id.find(rule_hash(id), [id](const compiled_rule& r) { return r.id == id; });
  if (rule == nullptr) return false;
  transact([&] { remove_rule(*rule); });
  return true;
}

// ---- paths

/// After a change of the node's children.
void index_writer::note_children(path_node& node) {
  const bool few = node.child_count > 0 && node.child_count <= near_children::most;
  if (node.near != nullptr && !(few && store_.is_fresh(node.near))) {
    store_.retire(node.near);
    node.near = nullptr;
  }
  if (!few) return;
  if (node.near == nullptr) node.near = store_.make<near_children>();
  near_children::child* to = node.near->list;
  node.children.for_each([&to](path_node& child) {
    const std::string_view step = child.step();
    const std::uint64_t mask = step.size() < 8 ? (std::uint64_t{1} << 8 * step.size()) - 1 : UINT64_MAX;
    *to++ = {first_word(step), step.find_first_of("\"\\") == std::string_view::npos ? mask : 0, &child};
  });
}

/// After a child has been copied.
void index_writer::note_copy(path_node& node, const path_node* before, path_node* copy) {
  if (node.near == nullptr) return;
  if (!store_.is_fresh(node.near)) node.near = index::copy_of(store_, node.near);
  near_children::child* at = node.near->list;
  while (at->node != before) ++at;
  at->node = copy;
}

path_node* index_writer::open_root() {
  if (next_.paths == nullptr) {
    next_.paths = store_.make<path_node>();
  } else if (!store_.is_fresh(next_.paths)) {
    next_.paths = index::copy_of(store_, next_.paths);
  }
  return next_.paths;
}

path_node* index_writer::open_child(path_node& parent, path_node* grandparent, std::string_view step) {
  path_node* child = parent.child(step);
  if (child == nullptr) {
    child = index::make_named<path_node>(store_, step);
    child->hash = path_node::hash_of(step);
    child->step_size = static_cast<std::uint32_t>(step.size());
    parent.children.insert(store_, child);
    parent.first_bytes |= path_node::first_byte_bit(step);
    if (parent.child_count++ == 0 && grandparent != nullptr) ++grandparent->inner_children;
    note_children(parent);
  } else if (!store_.is_fresh(child)) {
    path_node* copy = index::copy_of(store_, child);
    parent.children.replace(store_, child, copy);
    note_copy(parent, child, copy);
    child = copy;
  }
  return child;
}

/// Its last node, ready to be changed, as are those before.
path_node& index_writer::open_path(std::string_view path) {
  opened_.assign(1, open_root());
  for (std::size_t from = 0;;) {
    const std::size_t dot = path.find('.', from);
    path_node* grandparent = opened_.size() > 1 ? opened_[opened_.size() - 2] : nullptr;
    opened_.push_back(open_child(*opened_.back(), grandparent, path.substr(from, dot - from)));
    if (dot == std::string_view::npos) return *opened_.back();
    from = dot + 1;
  }
}

// Takes off the path that was opened last, from its end, the nodes that no rule needs any more.
void index_writer::close_path() {
  std::vector<path_node*>& nodes = opened_;
  for (; nodes.size() > 1; nodes.pop_back()) {
    path_node* node = nodes.back();
    if (node->uses != 0 || node->child_count != 0) return;
    path_node* parent = nodes[nodes.size() - 2];
    parent->children.erase(store_, node);
    store_.retire(node);
    if (--parent->child_count == 0 && nodes.size() > 2) --nodes[nodes.size() - 3]->inner_children;
    note_children(*parent);
    // The mask is a filter: with many children it may keep bits of those that are gone, which costs look-ups only.
    if (parent->child_count > 64) continue;
    parent->first_bytes = 0;
    parent->children.for_each([&](const path_node& n) { parent->first_bytes |= path_node::first_byte_bit(n.step()); });
  }
  if (nodes[0]->child_count == 0) {
    store_.retire(nodes[0]);
    next_.paths = nullptr;
  }
}

// ---- entries

entry* index_writer::open_entry(path_node& node, entry* existing) {
  if (store_.is_fresh(existing)) return existing;
  entry* copy = index::copy_of(store_, existing);
  node.entries.replace(store_, existing, copy);
  if (existing == node.any_leaf) node.any_leaf = copy;
  if (!existing->rules.empty()) keep_search(node, existing, copy);
  return copy;
}

/// The entry of that key, made if need be, ready to be changed. The caller counts its use.
entry* index_writer::make_entry(path_node& node, const entry_key& key) {
  if (entry* existing = find_entry(node, key.kind, key.bytes)) return open_entry(node, existing);
  entry* e = store_.make<entry>(entry::before_key(key.kind) + key.bytes.size());
  e->kind = key.kind;
  e->key_size = static_cast<std::uint32_t>(key.bytes.size());
  if (entry::before_key(key.kind) != 0) e->condition() = nullptr;
  std::memcpy(e->key_bytes(), key.bytes.data(), key.bytes.size());
  e->id = conditions_.take();
  node.entries.insert(store_, e);
  node.kinds |= bit_of(key.kind);
  ++node.entry_count[static_cast<std::size_t>(key.kind)];
  if (key.kind == key_kind::any_leaf) node.any_leaf = e;
  if (key.kind == key_kind::number) {
    const decimal number = number_key::number_of(key.bytes);
    node.number_bits |= number_key::bit(number.digits);
    node.heads.add(number);
  }
  return e;
}

/// Drops the entry when nothing uses it.
void index_writer::close_entry(path_node& node, entry* e) {
  if (e->uses != 0) return;
  node.entries.erase(store_, e);
  if (--node.entry_count[static_cast<std::size_t>(e->kind)] == 0) node.kinds &= ~bit_of(e->kind);
  if (e == node.any_leaf) node.any_leaf = nullptr;
  // It may keep bits of numbers that are gone, which costs look-ups only.
  if (node.entry_count[static_cast<std::size_t>(key_kind::number)] == 0) node.number_bits = 0, node.heads.clear();
  conditions_.give(e->id);
  if (e->has_condition()) store_.retire(e->condition());
  store_.retire(e);
}

void index_writer::count_length(path_node& node, const entry& e, int change) {
  std::uint32_t length = e.key_size;
  if (e.kind == key_kind::network) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(e.key()[i])); };
    length = byte(16) * 256 + byte(17);
  }
  const std::uint32_t before = node.lengths == nullptr ? 0 : node.lengths->size;
  length_list* list = store_.make<length_list>((before + 1) * sizeof(length_list::item));
  bool counted = false;
  for (std::uint32_t i = 0; i < before; ++i) {
    length_list::item item = node.lengths->items()[i];
    if (item.kind == e.kind && item.length == length) {
      item.count += static_cast<std::uint32_t>(change);
      counted = true;
    }
    if (item.count != 0) list->items()[list->size++] = item;
  }
  if (!counted) list->items()[list->size++] = {e.kind, length, 1};
  if (node.lengths != nullptr) store_.retire(node.lengths);
  node.lengths = list;
  if (list->size != 0) return;
  store_.retire(list);
  node.lengths = nullptr;
}

}  // namespace rulebus::inline v1::detail
