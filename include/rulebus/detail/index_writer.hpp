// index_writer: builds the versions of a matcher's compiled form (matcher_index.hpp), one add or remove at a time.
//
// Each change copies the blocks on its paths, shares the rest, and is committed whole; when memory runs out on the way it
// is aborted and nothing has happened. Thread safety: none; the matcher's mutex guards every call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rulebus/detail/matcher_index.hpp"
#include "rulebus/detail/pattern_tree.hpp"
#include "rulebus/detail/version_store.hpp"
#include "rulebus/matcher.hpp"

namespace rulebus::inline v1::detail {

/// Small numbers for things, given back when the thing goes; part of a transaction.
class id_pool {
 public:
  std::uint32_t take();
  void give(std::uint32_t id);
  void commit() noexcept;
  void abort() noexcept;
  std::uint32_t limit() const noexcept { return limit_; }
  std::size_t bytes() const noexcept { return free_.size() * sizeof(std::uint32_t); }

 private:
  std::vector<std::uint32_t> free_, taken_, given_;
  std::uint32_t limit_ = 0, committed_limit_ = 0;
};

/// A key of an entry, before there is one.
struct entry_key {
  key_kind kind;
  std::string bytes;
};

class index_writer {
 public:
  index_writer();
  index_writer(const index_writer&) = delete;
  index_writer& operator=(const index_writer&) = delete;
  ~index_writer();

  /// Throws std::bad_alloc, and has then done nothing.
  void add(const pattern_tree& tree, rule_id id);
  /// False when there is no such rule. Throws as add.
  bool remove(rule_id id);

  const snapshot& current() const noexcept { return current_; }
  version_store& store() noexcept { return store_; }
  std::size_t bytes() const noexcept { return store_.bytes() + paths_.bytes() + conditions_.bytes() + slots_.bytes(); }

 private:
  /// A rule while it is compiled. Kept from one to the next for its memory.
  struct draft {
    struct post {
      std::size_t field;
      entry* under;
    };
    std::vector<compiled_field> fields;
    std::vector<const field*> sources;
    std::vector<path_node*> nodes;
    std::vector<entry*> entries;             // of each field's conditions, without absent, in the order of the source
    std::vector<std::size_t> first_entries;  // among them, of each field
    std::vector<compiled_condition> conditions, lazy;
    std::vector<std::uint32_t> shape;
    std::vector<std::size_t> by_path, place;
    std::vector<std::pair<std::size_t, std::size_t>> by_doubt;  // {how likely a field is to hold, field}
    std::vector<post> posts;
    bool is_settled = false;
    void clear();
  };
  struct selection;  // the fields under whose entries a rule is posted
  template <class Change>
  void transact(Change change);

  void note_children(path_node& node);
  void note_copy(path_node& node, const path_node* before, path_node* copy);
  path_node* open_root();
  path_node* open_child(path_node& parent, path_node* grandparent, std::string_view step);
  path_node& open_path(std::string_view path);
  void close_path();
  entry* open_entry(path_node& node, entry* existing);
  entry* make_entry(path_node& node, const entry_key& key);
  void close_entry(path_node& node, entry* e);
  void count_length(path_node& node, const entry& e, int change);
  void begin_search(path_node& node, entry* e);
  void end_search(path_node& node, entry* e);
  void keep_search(path_node& node, entry* before, entry* copy);

  void add_rule(const pattern_tree& tree, rule_id id);
  void remove_rule(compiled_rule& rule);
  void compile_group(const group& g, draft& d);
  void open_field(const field& f, draft& d);
  void compile_field(std::size_t field, draft& d);
  entry* compile_condition(path_node& node, const condition& c, compiled_condition& compiled);
  selection select(const group& g, const draft& d, std::size_t& next_field) const;
  const rule_form* take_form(const draft& d, const rule_form::numbers& count);
  form_entry* open_form(form_entry* existing);
  void release_form(const rule_form& form);
  compiled_rule* make_beside_entry(draft& d, std::size_t values);
  compiled_rule* make_rule(draft& d, rule_id id, const rule_form* form);
  void choose_entries(std::size_t field, draft& d);
  static void order_fields(draft& d);
  void release_conditions(const compiled_rule& rule);
  void withdraw_postings(compiled_rule& rule);

  version_store store_;
  id_pool paths_, conditions_, slots_;
  snapshot current_, next_;
  std::vector<path_node*> opened_;  // the nodes of a path, from the root on
  draft draft_;
};

}  // namespace rulebus::inline v1::detail
