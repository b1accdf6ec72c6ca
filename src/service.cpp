// service: the buses by name, events for several of them, and delivery over all. What is forwarded to one bus is in
// service_rules.cpp.
#include "rulebus/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "rulebus/detail/bus_impl.hpp"
#include "rulebus/detail/names.hpp"
#include "rulebus/detail/page.hpp"
#include "rulebus/detail/service_impl.hpp"

namespace rulebus::inline v1 {

namespace detail::service_source {

error over_the_maximum() { return {errc::limit_exceeded, "The requested resource exceeds the maximum number allowed."}; }

/// One pool for many buses, with threads from when one of them first needs one.
class pool_when_needed final : public executor {
 public:
  explicit pool_when_needed(std::size_t threads) : threads_(std::max<std::size_t>(1, threads)) {}
  void ready(const std::shared_ptr<work>& w) override { pool().ready(w); }
  void ready_after(const std::shared_ptr<work>& w, std::chrono::nanoseconds delay) override { pool().ready_after(w, delay); }
  std::size_t concurrency() const override { return threads_; }

 private:
  executor& pool() {
    std::call_once(made_, [this] { pool_ = make_thread_pool(threads_); });
    return *pool_;
  }
  const std::size_t threads_;
  std::once_flag made_;
  std::shared_ptr<executor> pool_;
};

/// How many on_error calls of services this thread is in. ~bus waits for those of its own, so it must not run within one.
std::size_t& reports_here() {
  thread_local std::size_t calls = 0;
  return calls;
}

class report_scope {
 public:
  report_scope() { ++reports_here(); }
  ~report_scope() { --reports_here(); }
  report_scope(const report_scope&) = delete;
  report_scope& operator=(const report_scope&) = delete;
};

service_options completed(service_options given) {
  if (!given.buses.clock) given.buses.clock = system_clock();
  if (!given.buses.executor) given.buses.executor = std::make_shared<pool_when_needed>(given.buses.threads);
  return given;
}

/// Options of the bus that stands for all that do not exist: as the others, but nobody hears of it.
bus_options nowhere_options(bus_options o) {
  o.observer = nullptr;
  o.on_error = nullptr;
  o.dead_letter = nullptr;
  return o;
}

}  // namespace detail::service_source

// ---- making and letting go

service::impl::impl(service_options given)
    : options(detail::service_source::completed(std::move(given))),
      nowhere_("", detail::service_source::nowhere_options(options.buses)) {
  default_ = make_bus("default", options.buses.dead_letter);
  buses_.emplace("default", entry{default_, {}, {}, options.buses.dead_letter, {}, now(), now()});
}

service::impl::~impl() {
  // What is told to on_error on the way may still ask for other buses, so they go one by one, and the names first.
  std::vector<std::shared_ptr<bus>> last = all();
  for (const auto& b : last) static_cast<void>(b->impl_->deliveries().refuse_events());
  const auto take = [this](auto& from) {
    const std::lock_guard lock(mutex_);
    return std::exchange(from, {});
  };
  const bus_map named = take(buses_);
  const auto later = take(let_go_later_);
}

std::shared_ptr<bus> service::impl::make_bus(const std::string& name, std::shared_ptr<target> dead_letter) const {
  bus_options o = options.buses;
  o.dead_letter = std::move(dead_letter);
  if (options.on_error || options.buses.on_error) {
    o.on_error = [name, with_name = options.on_error, without = options.buses.on_error](const delivery_failure& f) {
      const detail::service_source::report_scope here;
      if (with_name) with_name(name, f);
      if (without) without(f);
    };
  }
  return std::make_shared<bus>(name, std::move(o));
}

void service::impl::let_go(std::shared_ptr<bus> gone) {
  std::vector<std::shared_ptr<bus>> now;
  const std::lock_guard lock(mutex_);
  let_go_later_.push_back(std::move(gone));
  if (detail::service_source::reports_here() == 0) now.swap(let_go_later_);
}

// ---- buses

result<std::string> service::impl::name_of(std::string_view name_or_arn) const {
  return event_bus_name_of(name_or_arn, options.buses.region, options.buses.account);
}

result<std::string> service::impl::create(event_bus_settings settings) {
  if (result<void> valid = detail::check_bus_name(settings.name, "name"); !valid) return valid.error();
  if (result<void> valid = detail::check_length(settings.description, 512, "description"); !valid) return valid.error();
  if (result<void> valid = detail::check_length(settings.dead_letter_arn, arn::max_bytes, "deadLetterConfig.arn"); !valid)
    return valid.error();
  if (result<void> valid = check_tags(settings.tags); !valid) return valid.error();
  const auto already = [&] { return error{errc::already_exists, fmt::format("Event bus {} already exists.", settings.name)}; };
  {
    const std::lock_guard lock(mutex_);
    if (buses_.count(settings.name) != 0) return already();
  }
  std::shared_ptr<target> to = settings.dead_letter ? settings.dead_letter : options.buses.dead_letter;
  std::shared_ptr<bus> made = make_bus(settings.name, to);
  if (result<void> put = made->tag({}, settings.tags); !put) return put.error();
  const time_point when = now();
  std::string its_arn = made->arn();
  const std::lock_guard lock(mutex_);  // given back before `made` goes
  if (buses_.count(settings.name) != 0) return already();
  if (buses_.size() >= options.buses.limits.max_event_buses) return detail::service_source::over_the_maximum();
  buses_.emplace(settings.name,
                 entry{made, std::move(settings.description), std::move(settings.dead_letter_arn), to, {}, when, when});
  return its_arn;
}

result<void> service::impl::update(event_bus_update update) {
  const result<std::string> name = name_of(update.name);
  if (!name) return name.error();
  if (result<void> valid = detail::check_length(update.description.value_or(""), 512, "description"); !valid) return valid;
  if (result<void> valid = detail::check_length(update.dead_letter_arn.value_or(""), arn::max_bytes, "deadLetterConfig.arn");
      !valid)
    return valid;
  const result<std::shared_ptr<bus>> of = find(*name);
  if (!of) return of.error();
  if (update.dead_letter) {
    if (result<void> made = (*of)->commit(transaction().set_dead_letter(*update.dead_letter)); !made) return made;
  }
  const time_point when = now();
  const std::lock_guard lock(mutex_);
  const auto found = buses_.find(*name);
  if (found == buses_.end() || found->second.of != *of) return detail::no_bus(*name);
  entry& e = found->second;
  if (update.description) e.description = *std::move(update.description);
  if (update.dead_letter) e.dead_letter.swap(*update.dead_letter);  // what was there is let go after unlocking
  if (update.dead_letter_arn) e.dead_letter_arn = *std::move(update.dead_letter_arn);
  e.modified = when;
  return {};
}

result<void> service::impl::remove(std::string_view name_or_arn) {
  const result<std::string> name = name_of(name_or_arn);
  if (!name) return name.error().code == errc::not_found ? result<void>() : result<void>(name.error());
  if (*name == "default") return error{errc::invalid_argument, "Cannot delete event bus default."};
  const result<std::shared_ptr<bus>> of = find(*name);
  if (!of) return {};
  if (result<void> retired = (*of)->retire(); !retired) return retired;
  bus_map::node_type gone;
  {
    const std::lock_guard lock(mutex_);
    const auto found = buses_.find(*name);
    if (found != buses_.end() && found->second.of == *of) gone = buses_.extract(found);
  }
  let_go(*of);
  return {};
}

event_bus_description service::impl::describe(const std::string& name, const entry& e) const {
  return {.name = name,
          .arn = e.of->arn(),
          .description = e.description,
          .dead_letter = e.dead_letter,
          .dead_letter_arn = e.dead_letter_arn,
          .policy = e.policy.text(),
          .creation_time = e.created,
          .last_modified_time = e.modified};
}

result<event_bus_description> service::impl::describe(std::string_view name_or_arn) const {
  const result<std::string> name = name_of(name_or_arn);
  if (!name) return name.error();
  const std::lock_guard lock(mutex_);
  const auto found = buses_.find(*name);
  if (found == buses_.end()) return detail::no_bus(*name);
  return describe(found->first, found->second);
}

result<event_bus_page> service::impl::list(const list_request& request) const {
  const result<std::string_view> after = detail::read_page_token(request.next_token);
  if (!after) return after.error();
  event_bus_page page;
  for (const std::shared_ptr<bus>& b : all()) {
    const std::string& name = b->name();
    if (!name.starts_with(request.name_prefix) || (!after->empty() && name <= *after)) continue;
    if (request.with_tags && !request.with_tags->matches(b->list_tags({}).value_or(string_map()))) continue;
    if (result<event_bus_description> one = describe(name)) page.event_buses.push_back(*std::move(one));
    if (request.limit != 0 && page.event_buses.size() > request.limit) break;
  }
  page.next_token = detail::cut_page(page.event_buses, request.limit, [](const event_bus_description& d) { return d.name; });
  return page;
}

result<std::shared_ptr<bus>> service::impl::find(std::string_view name_or_arn) const {
  if (name_or_arn.empty() || name_or_arn == "default") return default_;
  const auto look_up = [this](std::string_view name) {
    const std::lock_guard lock(mutex_);
    const auto found = buses_.find(name);
    return found == buses_.end() ? nullptr : found->second.of;
  };
  if (std::shared_ptr<bus> found = look_up(name_or_arn)) return found;
  const result<std::string> name = name_of(name_or_arn);
  if (!name) return name.error();
  if (std::shared_ptr<bus> found = look_up(*name)) return found;
  return detail::no_bus(*name);
}

std::vector<std::shared_ptr<bus>> service::impl::all() const {
  std::vector<std::shared_ptr<bus>> listed;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, e] : buses_) listed.push_back(e.of);
  return listed;
}

// ---- events

/// The bus of each entry; `held` keeps them there.
result<std::vector<bus*>> service::impl::buses_of(std::span<const put_events_entry> entries,
                                                  std::vector<std::shared_ptr<bus>>& held) {
  std::vector<bus*> to;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string_view name = entries[i].event_bus_name;
    if (i > 0 && name == entries[i - 1].event_bus_name) {
      to.push_back(to.back());
      continue;
    }
    result<std::shared_ptr<bus>> found = find(name);
    if (!found && found.error().code != errc::not_found) {
      error told = std::move(found).error();
      told.message = fmt::format("entries.{}.member.{}", i + 1, told.message);
      return told;
    }
    to.push_back(found ? held.emplace_back(*std::move(found)).get() : &nowhere_);
  }
  return to;
}

result<put_events_result> service::impl::put_events(std::span<const put_events_entry> entries, const put_options& how) {
  const auto is_default = [](const put_events_entry& e) { return e.event_bus_name.empty(); };
  if (std::all_of(entries.begin(), entries.end(), is_default)) return default_->put_events(entries, how);
  if (result<void> valid = detail::check_put_events(entries, options.buses.limits); !valid) return valid.error();
  std::vector<std::shared_ptr<bus>> held;
  const result<std::vector<bus*>> to = buses_of(entries, held);
  if (!to) return to.error();
  put_events_result all;
  all.entries.reserve(entries.size());
  for (std::size_t first = 0, last = 0; first < entries.size(); first = last) {
    while (last < entries.size() && (*to)[last] == (*to)[first]) ++last;
    result<put_events_result> some = (*to)[first]->put_events(entries.subspan(first, last - first), how);
    if (some) {
      all.failed_entry_count += some->failed_entry_count;
      std::move(some->entries.begin(), some->entries.end(), std::back_inserter(all.entries));
      continue;
    }
    if (first == 0 && last == entries.size()) return std::move(some).error();
    all.failed_entry_count += last - first;  // one bus was stopped; the others are not to suffer
    for (std::size_t i = first; i < last; ++i) all.entries.push_back({.failure = some.error()});
  }
  return all;
}

// ---- delivery

bool service::impl::quiet() const {
  const auto buses = all();
  return std::all_of(buses.begin(), buses.end(), [](const auto& b) { return b->impl_->deliveries().under_way() == 0; });
}

/// Round by round, since targets may put events on buses that were flushed already: as often as events can be passed on.
result<void> service::impl::flush(std::optional<std::chrono::milliseconds> deadline) const {
  using steady = std::chrono::steady_clock;
  const auto end = steady::now() + deadline.value_or(std::chrono::milliseconds(0));
  for (std::size_t round = 0; round <= options.buses.max_nesting; ++round) {
    for (const std::shared_ptr<bus>& b : all()) {
      std::optional<std::chrono::milliseconds> left;
      if (deadline)
        left = std::max(std::chrono::milliseconds(0), std::chrono::ceil<std::chrono::milliseconds>(end - steady::now()));
      if (result<void> flushed = b->flush(left); !flushed) {
        return error{flushed.error().code, fmt::format("{}: {}", b->name(), flushed.error().message)};
      }
    }
    if (quiet()) break;
  }
  return {};
}

// ---- the interface

service::service(service_options options) : impl_(std::make_unique<impl>(std::move(options))) {}
service::~service() = default;

const service_options& service::options() const noexcept { return impl_->options; }
const std::string& service::account() const noexcept { return impl_->options.buses.account; }
const std::string& service::region() const noexcept { return impl_->options.buses.region; }

result<std::string> service::create_event_bus(event_bus_settings settings) { return impl_->create(std::move(settings)); }
result<event_bus_description> service::describe_event_bus(std::string_view name) const { return impl_->describe(name); }
std::vector<event_bus_description> service::list_event_buses() const { return impl_->list({}).value().event_buses; }
result<event_bus_page> service::list_event_buses(const list_request& request) const { return impl_->list(request); }
result<void> service::update_event_bus(event_bus_update update) { return impl_->update(std::move(update)); }
result<void> service::delete_event_bus(std::string_view name) { return impl_->remove(name); }
result<std::shared_ptr<bus>> service::event_bus(std::string_view name) const { return impl_->find(name); }
std::shared_ptr<bus> service::find_event_bus(std::string_view name) const { return impl_->find(name).value_or(nullptr); }

result<put_events_result> service::put_events(std::span<const put_events_entry> entries, const put_options& how) {
  return impl_->put_events(entries, how);
}
result<put_events_result> service::put_events(std::initializer_list<put_events_entry> entries, const put_options& how) {
  return impl_->put_events(std::span<const put_events_entry>(entries.begin(), entries.size()), how);
}
result<std::string> service::put_event(const put_events_entry& entry, const put_options& how) {
  result<put_events_result> all = impl_->put_events(std::span<const put_events_entry>(&entry, 1), how);
  if (!all) return std::move(all).error();
  put_events_result_entry& one = all->entries.front();
  if (one.failure) return *std::move(one.failure);
  return std::move(one.event_id);
}
result<void> service::put_event_json(std::string json, std::string_view event_bus_name, const put_options& how) {
  const result<std::shared_ptr<bus>> of = impl_->find(event_bus_name);
  if (!of) return of.error();
  return (*of)->put_event_json(std::move(json), how);
}
std::uint64_t service::events_to_nowhere() const { return impl_->events_to_nowhere(); }

result<void> service::flush(std::optional<std::chrono::milliseconds> deadline) { return impl_->flush(deadline); }

std::size_t service::pump(std::size_t max, std::optional<std::chrono::milliseconds> deadline) {
  using steady = std::chrono::steady_clock;
  const auto end = steady::now() + deadline.value_or(std::chrono::milliseconds(0));
  std::size_t done = 0;
  for (bool more = true; more && done < max;) {
    more = false;
    for (const std::shared_ptr<bus>& b : impl_->all()) {
      const std::size_t now = b->pump(std::min<std::size_t>(max - done, 256));
      done += now;
      more = more || now > 0;
      if (done >= max || (deadline && steady::now() >= end)) return done;
    }
  }
  return done;
}

std::optional<std::chrono::nanoseconds> service::next_due() const {
  std::optional<std::chrono::nanoseconds> first;
  for (const std::shared_ptr<bus>& b : impl_->all()) {
    const auto due = b->next_due();
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

std::vector<undelivered_of_bus> service::stop() {
  std::vector<undelivered_of_bus> told;
  for (const std::shared_ptr<bus>& b : impl_->all()) {
    for (undelivered_event& one : b->stop()) told.push_back({b->name(), std::move(one)});
  }
  return told;
}

std::vector<undelivered_of_bus> service::drain_and_stop(std::chrono::milliseconds deadline) {
  static_cast<void>(flush(deadline));
  return stop();
}

}  // namespace rulebus::inline v1
