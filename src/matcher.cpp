#include "rulebus/matcher.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "rulebus/detail/event_walk.hpp"
#include "rulebus/detail/index_writer.hpp"
#include "rulebus/detail/json_cursor.hpp"
#include "rulebus/detail/json_index.hpp"
#include "rulebus/detail/match_state.hpp"
#include "rulebus/detail/shape_cursor.hpp"
#include "rulebus/detail/text_cursor.hpp"

namespace rulebus::inline v1 {

class matcher::impl {
 public:
  explicit impl(const matcher_options& o) : options(o) {}

  // The number of the newest version, stored after it is complete; readers compare it with the one they hold. First, so that
  // it shares its line of memory with what does not change either while nothing is added or removed.
  alignas(64) std::atomic<std::uint64_t> version{0};
  unsigned long long last_id = 0;  // guarded by mutex, like index
  mutable std::mutex mutex;
  const matcher_options options;
  detail::index_writer index;
};

matcher::matcher(const matcher_options& options) : impl_(std::make_unique<impl>(options)) {}
matcher::~matcher() = default;

result<rule_id> matcher::add(std::string_view pattern_json) {
  auto parsed = pattern::parse(pattern_json, impl_->options.patterns);
  if (!parsed) return std::move(parsed).error();
  return add(*parsed);
}

rule_id matcher::add(const pattern& p) {
  const std::lock_guard lock(impl_->mutex);
  const auto id = static_cast<rule_id>(impl_->last_id + 1);
  impl_->index.add(p.tree(), id);
  ++impl_->last_id;
  impl_->version.store(impl_->index.store().version(), std::memory_order_release);
  return id;
}

result<void> matcher::remove(rule_id id) {
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->index.remove(id)) {
    return error{errc::not_found, "No rule has the id " + std::to_string(static_cast<unsigned long long>(id))};
  }
  impl_->version.store(impl_->index.store().version(), std::memory_order_release);
  return {};
}

std::size_t matcher::size() const {
  const std::lock_guard lock(impl_->mutex);
  return static_cast<std::size_t>(impl_->index.current().rules);
}

std::size_t matcher::memory_bytes() const {
  const std::lock_guard lock(impl_->mutex);
  return sizeof(impl) + impl_->index.bytes();
}

// ---- reader

// Readers of several threads, made one after the other, must not share cache lines.
class alignas(64) matcher::reader::impl {
 public:
  impl(matcher::impl& owner, const event_options& options) : owner_(owner), options_(options), open_(options.max_depth) {
    const std::lock_guard lock(owner_.mutex);
    pin_ = owner_.index.store().add_pin();
  }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  ~impl() {
    const std::lock_guard lock(owner_.mutex);
    owner_.index.store().remove_pin(pin_);
  }

  result<std::span<const rule_id>> match(std::string_view text) {
    if (owner_.version.load(std::memory_order_acquire) != held_) take_newest();
    if (!(options_.trusted ? walk_text(text) : walk_checked(text))) return detail::what_is_wrong(text, options_);
    if (!state_.match_candidates(version_)) {
      return error{errc::limit_exceeded,
                   "The event needs more than event_options::max_array_steps steps to compare array positions"};
    }
    return state_.matches();
  }

  void release() noexcept {
    const std::lock_guard lock(owner_.mutex);
    owner_.index.store().clear_pin(pin_);
    held_ = nothing;
    version_ = {};
  }

 private:
  static constexpr std::uint64_t nothing = UINT64_MAX;

  void take_newest() {
    const std::lock_guard lock(owner_.mutex);
    state_.fit(owner_.index.current());
    version_ = owner_.index.current();
    held_ = owner_.index.store().version();
    owner_.index.store().move_pin_to_newest(pin_);
  }

  bool walk_checked(std::string_view text) {
    detail::json_structure event;
    if (!index_.build(text, options_, event)) return false;
    if (event.shape != nullptr) return walk(detail::shape_cursor(event), text);
    if (!walk(detail::json_cursor(event, open_), text)) return false;
    index_.remember();
    return true;
  }
  bool walk_text(std::string_view text) {
    // Events often stand in one buffer, one behind the other. But who stops early and jumps to the next one is not what
    // processors expect: they are told what comes, likely as much as here. It does no harm where nothing is: it reads nothing.
    const std::size_t next = std::min<std::size_t>(text.size(), 1024);
    for (std::size_t at = 0; at < next; at += 64) __builtin_prefetch(text.data() + text.size() + at);
    return detail::has_allowed_size(text, options_) && walk(detail::text_cursor(text, options_.max_depth), text);
  }
  template <class Cursor>
  bool walk(const Cursor& cursor, std::string_view text) {
    state_.begin(text, options_.max_array_steps);
    detail::event_walk walk(cursor, state_, version_.empty_steps != 0);
    return version_.paths == nullptr ? walk.run_without_paths() : walk.run(*version_.paths);
  }

  matcher::impl& owner_;
  const event_options options_;
  std::size_t pin_ = 0;
  std::uint64_t held_ = nothing;
  detail::snapshot version_;
  detail::json_index index_;
  detail::container_stack open_;
  detail::match_state state_;
};

matcher::reader::reader(const matcher& m) : reader(m, m.impl_->options.events) {}
matcher::reader::reader(const matcher& m, const event_options& options) : impl_(std::make_unique<impl>(*m.impl_, options)) {}
matcher::reader::~reader() = default;
matcher::reader::reader(reader&&) noexcept = default;

result<std::span<const rule_id>> matcher::reader::match(std::string_view event_json) { return impl_->match(event_json); }
void matcher::reader::release() noexcept { impl_->release(); }

// ---- one pattern, one event

result<bool> test_event_pattern(const pattern& p, std::string_view event_json, const event_options& options) {
  matcher m;
  m.add(p);
  matcher::reader reader(m, options);
  auto matched = reader.match(event_json);
  if (!matched) return std::move(matched).error();
  return !matched->empty();
}

result<bool> test_event_pattern(std::string_view pattern_json, std::string_view event_json) {
  auto p = pattern::parse(pattern_json);
  if (!p) return std::move(p).error();
  return test_event_pattern(*p, event_json);
}

}  // namespace rulebus::inline v1
