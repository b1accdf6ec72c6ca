#include "rulebus/detail/bus_session.hpp"

#include <functional>
#include <thread>
#include <tuple>
#include <utility>

namespace rulebus::inline v1::detail {

namespace bus_session_source {

/// Where a thread looks first, so that threads rarely meet.
std::size_t home() noexcept {
  thread_local const std::size_t h = std::hash<std::thread::id>()(std::this_thread::get_id()) * 0x9e3779b97f4a7c15u >> 32;
  return h;
}

}  // namespace bus_session_source

session_pool::~session_pool() {
  for (auto& slot : idle_) delete slot.load();
}

bus_session* session_pool::take() {
  const std::size_t home = bus_session_source::home();
  for (std::size_t i = 0; i < slots; ++i) {
    std::atomic<bus_session*>& slot = idle_[(home + i) % slots];
    if (slot.load(std::memory_order_relaxed) == nullptr) continue;
    if (bus_session* const s = slot.exchange(nullptr, std::memory_order_acq_rel)) {
      if (s->version != version_.load(std::memory_order_acquire)) refresh(*s);
      return s;
    }
  }
  auto made = std::make_unique<bus_session>(matcher_);
  refresh(*made);
  return made.release();
}

/// The table that it had.
id_to_rule session_pool::refresh(bus_session& s) noexcept {
  s.reader.release();  // an idle reader must not keep removed patterns; and the next match is no older than the table
  id_to_rule old = std::exchange(s.rules, {});
  const std::lock_guard lock(mutex_);
  s.rules = table_;
  s.version = version_.load(std::memory_order_relaxed);
  return old;
}

bool session_pool::store(bus_session* s) noexcept {
  const std::size_t home = bus_session_source::home();
  for (std::size_t i = 0; i < slots; ++i) {
    bus_session* none = nullptr;
    if (idle_[(home + i) % slots].compare_exchange_strong(none, s)) return true;
  }
  return false;
}

void session_pool::give_back(bus_session* s) noexcept {
  for (;;) {
    const std::uint64_t version = s->version;
    if (!store(s)) {
      delete s;
      return;
    }
    if (version_.load() == version) return;
    // Published meanwhile, perhaps after that publication looked here: so look again.
    s = nullptr;
    for (auto& slot : idle_) {
      bus_session* const found = slot.load();
      if (!found) continue;
      bus_session* const mine = slot.exchange(nullptr);
      if (!mine) continue;
      if (mine->version != version_.load()) {
        s = mine;
        break;
      }
      if (!store(mine)) delete mine;
    }
    if (!s) return;
    refresh(*s);
  }
}

void session_pool::publish(id_to_rule table, replaced_tables& replaced) noexcept {
  static_assert(std::tuple_size_v<replaced_tables> == slots + 1);
  {
    const std::lock_guard lock(mutex_);
    replaced[slots] = std::exchange(table_, std::move(table));
    version_.fetch_add(1);
  }
  for (std::size_t i = 0; i < slots; ++i) {
    bus_session* const s = idle_[i].exchange(nullptr);
    if (!s) continue;
    replaced[i] = refresh(*s);
    if (!store(s)) delete s;  // its table is that of the pool
  }
}

}  // namespace rulebus::inline v1::detail
