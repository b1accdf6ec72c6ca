// id_table<Value>: rule ids to shared values, persistent: a change copies one path and shares the rest with the table before.
//
// A radix tree over the id, 5 bits a level, as high as the largest id needs. Ids come from a counter, so it stays low and
// full at the recent end, and what was cleared gives its nodes back.
// Thread safety: a value over immutable nodes; copies are cheap and independent. Cost: O(log32 of the largest id).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "rulebus/fwd.hpp"

namespace rulebus::inline v1::detail {

template <class Value>
class id_table {
 public:
  /// Null when it is not there. Valid as long as a table that has it.
  const Value* find(rule_id id) const noexcept {
    const slot* const at = place_of(id);
    return at ? static_cast<const Value*>(at->get()) : nullptr;
  }
  /// The same, to keep.
  std::shared_ptr<const Value> share(rule_id id) const noexcept {
    const slot* const at = place_of(id);
    return at ? std::static_pointer_cast<const Value>(*at) : nullptr;
  }

  /// Sets or, with null, clears. Out of memory: the table is as before, but maybe higher.
  void set(rule_id id, std::shared_ptr<const Value> value) {
    const auto key = static_cast<std::uint64_t>(id);
    while (!covers(key)) {
      if (root_) {
        auto above = std::make_shared<node>();
        above->slots[0] = root_;
        root_ = std::move(above);
      }
      ++levels_;
    }
    root_ = with(root_, levels_, key, std::move(value));
  }

  bool empty() const noexcept { return root_ == nullptr; }

 private:
  using slot = std::shared_ptr<const void>;  // a Value at level 0, a node above
  struct node {
    std::array<slot, 32> slots;
  };

  const slot* place_of(rule_id id) const noexcept {
    const auto key = static_cast<std::uint64_t>(id);
    if (!covers(key)) return nullptr;
    const slot* at = &root_;
    for (unsigned level = levels_; level > 0 && *at; --level) {
      at = &static_cast<const node*>(at->get())->slots[index(key, level)];
    }
    return at;
  }

  static std::size_t index(std::uint64_t key, unsigned level) noexcept { return (key >> (5 * (level - 1))) & 31; }
  bool covers(std::uint64_t key) const noexcept { return levels_ >= 13 || key >> (5 * levels_) == 0; }  // 13 * 5 bits >= 64

  static slot with(const slot& before, unsigned level, std::uint64_t key, std::shared_ptr<const Value> value) {
    if (level == 0) return value;
    auto now = before ? std::make_shared<node>(*static_cast<const node*>(before.get())) : std::make_shared<node>();
    slot& at = now->slots[index(key, level)];
    at = with(at, level - 1, key, std::move(value));
    if (std::all_of(now->slots.begin(), now->slots.end(), [](const slot& s) { return s == nullptr; })) return {};
    return now;
  }

  slot root_;
  unsigned levels_ = 0;
};

}  // namespace rulebus::inline v1::detail
