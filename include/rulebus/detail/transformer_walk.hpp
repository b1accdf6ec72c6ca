// transformer_walk: one walk over an event that finds the values of all paths of a transformer.
//
// The event is text that was checked, so nothing is validated again, and what no path leads through is passed 64 bytes at a
// time (text_cursor). Where an object repeats a key, the last value counts, with all that is below it, as for whoever reads
// JSON into a tree: what the first one gave is forgotten when the key comes again.
//
// Thread safety: one thread each. Cost: the bytes of the event, and a binary search for each key of an object that a path
// leads through. Recursion is as deep as the longest path, at most max_path_steps.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "rulebus/detail/json_text.hpp"
#include "rulebus/detail/text_cursor.hpp"
#include "rulebus/detail/transformer_program.hpp"

namespace rulebus::inline v1::detail {

/// Steps of one path, and so nested objects that a walk goes down.
inline constexpr std::size_t max_path_steps = 1000;

/// The text of a value that begins at `begin`, when the cursor is at the token behind it.
inline std::string_view value_text(const char* begin, const text_cursor& cursor) noexcept {
  const char* end = cursor.where();
  while (is_json_space(end[-1])) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

/// The key without escapes; `storage` keeps it where it had some.
inline bool decode_key(const text_cursor& cursor, std::string_view& key, std::string& storage) {
  if (!cursor.is_escaped(key)) return true;
  storage.resize(key.size());
  const char* const end = decode_string(key, storage.data());
  if (end == nullptr) return false;
  key = std::string_view(storage.data(), static_cast<std::size_t>(end - storage.data()));
  return true;
}

/// Calls member(key) for each member of the object under the cursor, with the cursor at its value, which the call moves over.
/// False when the text is not valid as far as that shows, or when a call answers false.
template <class Member>
bool for_each_member(text_cursor& cursor, std::string& storage, Member member) {
  if (!cursor.enter(true)) return false;
  if (cursor.peek() == '}') return cursor.leave(), true;
  for (;;) {
    std::string_view key;
    if (cursor.peek() != '"' || !cursor.raw_string(key) || cursor.peek() != ':') return false;
    if (!decode_key(cursor, key, storage)) return false;
    cursor.step();
    if (!member(key)) return false;
    const char c = cursor.peek();
    if (c == '}') return cursor.leave(), true;
    if (c != ',') return false;
    cursor.step();
  }
}

/// The same for the elements of the array under the cursor: element(index).
template <class Element>
bool for_each_element(text_cursor& cursor, Element element) {
  if (!cursor.enter(false)) return false;
  if (cursor.peek() == ']') return cursor.leave(), true;
  for (std::size_t index = 0;; ++index) {
    if (!element(index)) return false;
    const char c = cursor.peek();
    if (c == ']') return cursor.leave(), true;
    if (c != ',') return false;
    cursor.step();
  }
}

class transformer_walk {
 public:
  /// `found` has an element for each node, and gets the text of its value; empty: there is none.
  transformer_walk(std::span<const path_trie_node> nodes, std::span<std::string_view> found, std::string& storage) noexcept
      : nodes_(nodes), found_(found), storage_(storage) {}

  /// False: the text is not an object, or not valid as far as that shows.
  bool run(std::string_view event) {
    text_cursor cursor(event, std::numeric_limits<std::size_t>::max());
    return cursor.peek() == '{' && value(cursor, 0) && cursor.at_end();
  }

 private:
  bool value(text_cursor& cursor, std::uint32_t number) {
    const path_trie_node& node = nodes_[number];
    std::fill(found_.begin() + number, found_.begin() + node.end, std::string_view());
    const char* const begin = cursor.where();
    const char c = cursor.peek();
    bool passed = false;
    if (c == '{' && !node.members.empty()) {
      passed = for_each_member(cursor, storage_, [&](std::string_view key) { return member(cursor, node, key); });
    } else if (c == '[' && !node.elements.empty()) {
      auto next = node.elements.begin();
      passed = for_each_element(cursor, [&](std::size_t index) {
        if (next == node.elements.end() || next->step.index != index) return pass(cursor);
        return value(cursor, (next++)->child);
      });
    } else {
      passed = pass(cursor);
    }
    if (!passed) return false;
    if (node.is_wanted) found_[number] = value_text(begin, cursor);
    return true;
  }

  bool member(text_cursor& cursor, const path_trie_node& node, std::string_view key) {
    const auto at = std::lower_bound(node.members.begin(), node.members.end(), key,
                                     [](const path_trie_node::edge& e, std::string_view k) { return e.step.name < k; });
    if (at == node.members.end() || at->step.name != key) return pass(cursor);
    return value(cursor, at->child);
  }

  // A value has at least one byte; where there is none, the cursor does not move.
  static bool pass(text_cursor& cursor) {
    const char* const before = cursor.where();
    return cursor.skip_value() && cursor.where() != before;
  }

  std::span<const path_trie_node> nodes_;
  std::span<std::string_view> found_;
  std::string& storage_;
};

}  // namespace rulebus::inline v1::detail
