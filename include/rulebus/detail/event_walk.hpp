// event_walk: goes through an event along the paths that rules use, and skips everything else.
//
// Cursor is json_cursor for events that were checked, or text_cursor for those that the caller vouches for. The latter are
// not read further than the last field needed: `unfinished_` counts the open objects in which a child is still missing, and
// the open arrays (whose later elements may bring anything); at zero nothing more can be found.
//
// The sink gets: leaf(node, type, text, element) for each leaf at a path that a rule has; new_array() and
// new_element(array, index, outer) for positions; decode(text) to replace escapes, false when one is invalid.
// Cost: one child look-up per key of a used object. Recursion is bounded by event_options::max_depth.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "rulebus/detail/json_text.hpp"
#include "rulebus/detail/matcher_index.hpp"
#include "rulebus/detail/pattern_tree.hpp"

namespace rulebus::inline v1::detail {

template <class Cursor, class Sink>
class event_walk {
 public:
  event_walk(const Cursor& cursor, Sink& sink, bool sees_empty_keys) noexcept
      : cursor_(cursor), sink_(sink), sees_empty_keys_(sees_empty_keys) {}

  /// False: the event is not an object, not valid as far as it was read, or deeper than allowed.
  bool run(const path_node& root) { return cursor_.peek() == '{' && object(root, 0) && (stopped_ || cursor_.at_end()); }
  /// The same when no rule looks at any path.
  bool run_without_paths() { return Cursor::stops_early || (cursor_.skip_value() && cursor_.at_end()); }

 private:
  bool object(const path_node& n, std::uint32_t element) {
    if (!cursor_.enter(true)) return false;
    std::uint32_t missing = n.child_count;
    ++unfinished_;
    if (cursor_.peek() == '}') return close_object(missing);
    for (;;) {
      if constexpr (Cursor::stops_early) {
        cursor_.skip_members(n.first_bytes);
        if (cursor_.peek() == '}') return close_object(missing);
        if (cursor_.peek() != '"') return false;
      }
      bool whole_step = true;
      const path_node* child = take_near_child(n);
      if (child == nullptr && !take_key(n, child, whole_step)) return false;
      if (child == nullptr) {
        if (!cursor_.skip_value()) return false;
      } else {
        if (whole_step && missing > 0 && --missing == 0) --unfinished_;
        if (!value(*child, element)) return false;
        if constexpr (Cursor::stops_early) {
          if (stopped_ || unfinished_ == 0) return stopped_ = true;
          if (missing == 0) return cursor_.skip_rest_of_object();
        }
      }
      const after_value next = cursor_.behind_value('}');
      if (next == after_value::closing) return close_object(missing);
      if (next == after_value::invalid) return false;
    }
  }

  /// The child whose step is the key under the cursor, if it is one of few; then the cursor is behind the key.
  const path_node* take_near_child(const path_node& n) noexcept {
    if constexpr (Cursor::stops_early) {
      const near_children* const near = n.near;
      for (std::uint32_t i = 0, end = near == nullptr ? 0 : n.child_count; i < end; ++i) {
        const near_children::child& child = near->list[i];
        if (cursor_.take_key(child.node->step(), child.first, child.mask)) return child.node;
      }
    }
    return nullptr;
  }

  /// Moves behind the key under the cursor and its colon, and finds the child that it leads to.
  bool take_key(const path_node& n, const path_node*& child, bool& whole_step) {
    std::string_view key;
    if (!cursor_.key(key) || (cursor_.is_escaped(key) && !sink_.decode(key))) return false;
    child = find(n, key, whole_step);
    return true;
  }

  bool close_object(std::uint32_t missing) {
    cursor_.leave();
    if (missing != 0) --unfinished_;
    return true;
  }

  // Inlined, since most values are leaves, and a call costs as much as one.
  [[gnu::always_inline]] bool value(const path_node& n, std::uint32_t element) {
    std::string_view text;
    switch (cursor_.peek()) {
      case '{': return n.child_count == 0 ? cursor_.skip_value() : object(n, element);
      case '[': return array(n, element);
      case '"':
        if (n.name == nullptr) return cursor_.skip_value();
        return cursor_.raw_string(text) && (!cursor_.is_escaped(text) || sink_.decode(text)) &&
               leaf(n, leaf_type::string, text, element);
      case 't': return cursor_.literal("true") && leaf(n, leaf_type::true_value, "true", element);
      case 'f': return cursor_.literal("false") && leaf(n, leaf_type::false_value, "false", element);
      case 'n': return cursor_.literal("null") && leaf(n, leaf_type::null_value, "null", element);
      default: return cursor_.number(text) && leaf(n, leaf_type::number, text, element);
    }
  }

  bool array(const path_node& n, std::uint32_t element) {
    if (!cursor_.enter(false)) return false;
    if (cursor_.peek() == ']') return cursor_.leave(), true;
    ++unfinished_;
    const std::uint32_t number = sink_.new_array();
    for (std::uint32_t index = 0;; ++index) {
      const char c = cursor_.peek();
      const bool has_position = c == '{' || c == '[';
      if (!value(n, has_position ? sink_.new_element(number, index, element) : element)) return false;
      const after_value next = cursor_.behind_value(']');
      if (next == after_value::closing) break;
      if (next == after_value::invalid) return false;
    }
    cursor_.leave();
    --unfinished_;
    return true;
  }

  bool leaf(const path_node& n, leaf_type type, std::string_view text, std::uint32_t element) {
    if (n.name != nullptr) sink_.leaf(n, {text, type}, element);
    return true;
  }

  // The node that a key leads to, over several steps when it has dots. whole_step: it was a single one.
  const path_node* find(const path_node& n, std::string_view key, bool& whole_step) const {
    if (key.empty()) return sees_empty_keys_ ? n.child(key) : nullptr;
    if ((n.first_bytes & path_node::first_byte_bit(key)) == 0) return nullptr;
    if (const path_node* child = n.child(key)) return child;
    if (n.inner_children == 0 || std::memchr(key.data(), '.', key.size()) == nullptr) return nullptr;
    whole_step = false;
    return n.descendant(key);
  }

  Cursor cursor_;
  Sink& sink_;
  bool sees_empty_keys_;
  bool stopped_ = false;
  std::uint32_t unfinished_ = 0;
};

}  // namespace rulebus::inline v1::detail
