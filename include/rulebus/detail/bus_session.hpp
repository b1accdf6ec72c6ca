// bus_session: what one event is matched with: a reader of the bus's matcher, and the table of rules that its ids mean. Taken
// from a small pool for the length of one event, without a lock.
//
// Invariants: 1. Every id of a table is in the matcher for as long as the table lives: a pattern is added before the first
// table that names it is published, and removed when the last table that names it is gone (`installed`). 2. So the matcher
// may know more patterns than a table, never fewer, and ids that the table does not name are skipped: what is left is
// exactly the answer for the version of the table. 3. Idle sessions hold the newest table: what a change replaces is gone
// when the change returns, but for events in progress.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "rulebus/detail/id_table.hpp"
#include "rulebus/detail/rule_table.hpp"
#include "rulebus/matcher.hpp"

namespace rulebus::inline v1::detail {

using id_to_rule = id_table<rule_entry>;

struct bus_session {
  explicit bus_session(const matcher& m) : reader(m) {}
  matcher::reader reader;
  id_to_rule rules{};
  std::uint64_t version = 0;  // of rules
};

class session_pool {
 public:
  explicit session_pool(const matcher& m) : matcher_(m) {}
  ~session_pool();
  session_pool(const session_pool&) = delete;
  session_pool& operator=(const session_pool&) = delete;

  /// For one event. Thread safety: any number at once.
  class lease {
   public:
    explicit lease(session_pool& from) : from_(from), session_(from.take()) {}
    ~lease() { from_.give_back(session_); }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
    bus_session& operator*() const noexcept { return *session_; }
    bus_session* operator->() const noexcept { return session_; }

   private:
    session_pool& from_;
    bus_session* session_;
  };

  /// Makes `table` the one that events see from now on. One at a time. What was seen before is in `replaced`, for who
  /// publishes to destroy when nothing is locked: targets may be in it.
  using replaced_tables = std::array<id_to_rule, 17>;
  void publish(id_to_rule table, replaced_tables& replaced) noexcept;
  const id_to_rule& published() const noexcept { return table_; }  ///< for who publishes

 private:
  static constexpr std::size_t slots = 16;
  bus_session* take();
  void give_back(bus_session* s) noexcept;
  id_to_rule refresh(bus_session& s) noexcept;
  bool store(bus_session* s) noexcept;

  const matcher& matcher_;
  std::array<std::atomic<bus_session*>, slots> idle_{};
  std::atomic<std::uint64_t> version_{0};
  std::mutex mutex_;
  id_to_rule table_{};  // written under mutex_
};

}  // namespace rulebus::inline v1::detail
